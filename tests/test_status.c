/* test_status.c -- sentences, contexts and exit codes. */
#include "core/status.h"
#include "tests/test.h"

#include <errno.h>
#include <pthread.h>

TEST(a_failure_keeps_its_status_and_sentence)
{
    CHECK_INT(fn_fail(FN_EDATA, "%s: row %d", "a.txt", 7), FN_EDATA);
    CHECK_TEXT(fn_last_error(), "a.txt: row 7");
}

TEST(a_context_goes_in_front)
{
    fn_status s = fn_fail(FN_ECONFIG, "expected a number");
    s = fn_context(s, "train.lr");
    CHECK_INT(fn_context(s, "%s:%d", "a.yaml", 3), FN_ECONFIG);
    CHECK_TEXT(fn_last_error(), "a.yaml:3: train.lr: expected a number");
}

/* The sentence may be an argument of the next one. */
TEST(a_long_sentence_is_cut_and_stays_text)
{
    char many[3000];
    memset(many, 'x', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    fn_fail(FN_EIO, "%s", many);
    size_t n = strlen(fn_last_error());
    CHECK(n > 500 && n < sizeof many - 1);
    for (int i = 0; i < 100; i++)
        CHECK_INT(fn_context(FN_EIO, "%s", many), FN_EIO);
    CHECK_INT(strlen(fn_last_error()), n);
    fn_fail(FN_EIO, "short");
    CHECK_TEXT(fn_last_error(), "short");
}

static fn_status fail_with(int e)
{
    errno = e;
    return fn_fail_errno("a/b", "open");
}

TEST(errno_chooses_the_status)
{
    CHECK_FAILS(fail_with(ENOENT), FN_ENOENT, "a/b: open: No such file or directory");
    CHECK_FAILS(fail_with(ENOTDIR), FN_ENOENT, "a/b");
    CHECK_FAILS(fail_with(EACCES), FN_EPERM, "Permission denied");
    CHECK_FAILS(fail_with(EPERM), FN_EPERM, "a/b");
    CHECK_FAILS(fail_with(EROFS), FN_EPERM, "Read-only");
    CHECK_FAILS(fail_with(EEXIST), FN_EEXIST, "File exists");
    CHECK_FAILS(fail_with(ENOMEM), FN_ENOMEM, "memory");
    CHECK_FAILS(fail_with(ENOSPC), FN_EIO, "No space left");
    CHECK_FAILS(fail_with(EIO), FN_EIO, "Input/output");
}

static void *other_thread(void *first)
{
    snprintf(first, 64, "%s", fn_last_error());
    fn_fail(FN_EIO, "the other thread's");
    return NULL;
}

TEST(every_thread_has_its_own_sentence)
{
    pthread_t t;
    char first[64] = "?";
    fn_fail(FN_EDATA, "this thread's");
    CHECK_INT(pthread_create(&t, NULL, other_thread, first), 0);
    CHECK_INT(pthread_join(t, NULL), 0);
    CHECK_TEXT(first, "");
    CHECK_TEXT(fn_last_error(), "this thread's");
}

/* These numbers are in scripts of users (docs/exit-codes.md): they never change. */
TEST(exit_codes_are_as_documented)
{
    static const struct {
        fn_status s;
        int code;
    } documented[] = {
        {FN_OK, 0},       {FN_EINVAL, 64},       {FN_EDATA, 65},    {FN_ENOENT, 66},
        {FN_EDEVICE, 72}, {FN_EUNSUPPORTED, 69}, {FN_ENUMERIC, 76}, {FN_EINTERNAL, 70},
        {FN_ENOMEM, 71},  {FN_EEXIST, 73},       {FN_EIO, 74},      {FN_ESTOPPED, 75},
        {FN_EPERM, 77},   {FN_ECONFIG, 78},      {FN_ESHAPE, 78},   {FN_ENODEVICE, 68},
    };
    int known = 0;
#define X(name, value, exit_code, text) known++;
    FN_STATUS_MAP(X)
#undef X
    CHECK_INT(sizeof documented / sizeof *documented, known);
    for (int i = 0; i < known; i++)
        CHECK_INT(fn_exit_code(documented[i].s), documented[i].code);
    CHECK_INT(fn_exit_code((fn_status)-99), 70);
}

/* docs/exit-codes.md has a row "| CODE |" for every code that a status has, and for 1. */
TEST(the_document_lists_every_code)
{
    char line[512], row[32];
    bool listed[256] = {false};
    FILE *file = fopen("docs/exit-codes.md", "r");
    CHECK(file != NULL);
    while (file && fgets(line, sizeof line, file))
        for (int code = 0; code < 256; code++) {
            snprintf(row, sizeof row, "| %d |", code);
            listed[code] = listed[code] || strncmp(line, row, strlen(row)) == 0;
        }
    if (file)
        fclose(file);
    CHECK(listed[1]);
#define X(name, value, exit_code, text) \
    if (!listed[exit_code])             \
        FN_TEST_FAIL("docs/exit-codes.md has no row for %d (FN_%s)", exit_code, #name);
    FN_STATUS_MAP(X)
#undef X
}

TEST(every_status_has_a_text)
{
    CHECK_TEXT(fn_strerror(FN_OK), "success");
    CHECK_TEXT(fn_strerror(FN_ESHAPE), "shapes do not fit");
    CHECK_TEXT(fn_strerror((fn_status)-99), "unknown status");
    CHECK_TEXT(fn_strerror((fn_status)5), "unknown status");
}

TEST(the_version_is_a_version)
{
    int major, minor, patch, end = 0;
    CHECK_INT(sscanf(fn_version(), "%d.%d.%d%n", &major, &minor, &patch, &end), 3);
    CHECK_INT(end, strlen(fn_version()));
}
