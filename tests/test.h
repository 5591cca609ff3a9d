/* test.h -- the house's tests: TEST(name) { CHECK(...); } and nothing to register.
 *
 * A failed check prints file:line and the test goes on; the process exits 1. SKIP(reason)
 * prints the reason; a run whose every test was skipped exits 77 and CTest counts it.
 * `test_x NAME` runs the tests whose name contains NAME. */
#ifndef FN_TESTS_TEST_H
#define FN_TESTS_TEST_H

#include "core/status.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fn_test {
    const char *name;
    void (*run)(void);
    struct fn_test *next;
} fn_test;

static fn_test *fn_test_list;
static int fn_test_bad, fn_test_skips;
static bool fn_test_skipped;

#define TEST(id)                                                   \
    static void test_##id(void);                                   \
    static fn_test test_##id##_entry = {#id, test_##id, NULL};     \
    __attribute__((constructor)) static void test_##id##_add(void) \
    {                                                              \
        fn_test **at = &fn_test_list;                              \
        while (*at)                                                \
            at = &(*at)->next;                                     \
        *at = &test_##id##_entry;                                  \
    }                                                              \
    static void test_##id(void)

#define FN_TEST_FAIL(...)                        \
    do {                                         \
        fn_test_bad++;                           \
        printf("# %s:%d: ", __FILE__, __LINE__); \
        printf(__VA_ARGS__);                     \
        printf("\n");                            \
    } while (0)

#define CHECK(condition)                              \
    do {                                              \
        if (!(condition))                             \
            FN_TEST_FAIL("not true: %s", #condition); \
    } while (0)
#define CHECK_INT(got, want)                                              \
    do {                                                                  \
        long long got_ = (long long)(got), want_ = (long long)(want);     \
        if (got_ != want_)                                                \
            FN_TEST_FAIL("%s is %lld, expected %lld", #got, got_, want_); \
    } while (0)
#define CHECK_NEAR(got, want, tolerance)                                  \
    do {                                                                  \
        double got_ = (double)(got), want_ = (double)(want);              \
        if (!(fabs(got_ - want_) <= (double)(tolerance)))                 \
            FN_TEST_FAIL("%s is %.9g, expected %.9g", #got, got_, want_); \
    } while (0)
#define CHECK_TEXT(got, want)                                                 \
    do {                                                                      \
        const char *got_ = (got), *want_ = (want);                            \
        if (strcmp(got_, want_) != 0)                                         \
            FN_TEST_FAIL("%s is \"%s\", expected \"%s\"", #got, got_, want_); \
    } while (0)
#define CHECK_OK(call)                                                            \
    do {                                                                          \
        fn_status s_ = (call);                                                    \
        if (s_ != FN_OK)                                                          \
            FN_TEST_FAIL("%s: %s (%s)", #call, fn_last_error(), fn_strerror(s_)); \
    } while (0)
/* What nothing that follows can do without. */
#define MUST(call)                                                                        \
    do {                                                                                  \
        if ((call) != FN_OK) {                                                            \
            printf("not ok %s:%d: %s: %s\n", __FILE__, __LINE__, #call, fn_last_error()); \
            exit(1);                                                                      \
        }                                                                                 \
    } while (0)
/* The call fails with this status and its sentence contains `part`. */
#define CHECK_FAILS(call, status, part)                                              \
    do {                                                                             \
        fn_status s_ = (call);                                                       \
        if (s_ != (status) || !strstr(fn_last_error(), part))                        \
            FN_TEST_FAIL("%s: status %d \"%s\", expected %d with \"%s\"", #call, s_, \
                         s_ == FN_OK ? "" : fn_last_error(), status, part);          \
    } while (0)
#define SKIP(reason)                       \
    do {                                   \
        fn_test_skipped = true;            \
        printf("# skipped: %s\n", reason); \
        return;                            \
    } while (0)

int main(int argc, char **argv)
{
    int run = 0, failed = 0, number = 0;
    for (fn_test *t = fn_test_list; t; t = t->next) {
        int before = fn_test_bad;
        if (argc > 1 && !strstr(t->name, argv[1]))
            continue;
        fn_test_skipped = false;
        t->run();
        run++;
        failed += fn_test_bad > before;
        fn_test_skips += fn_test_skipped;
        printf("%s %d %s%s\n", fn_test_bad > before ? "not ok" : "ok", ++number, t->name,
               fn_test_skipped ? " # SKIP" : "");
        fflush(stdout);
    }
    printf("1..%d\n", run);
    return failed ? 1 : run > 0 && run == fn_test_skips ? 77 : 0;
}

#endif
