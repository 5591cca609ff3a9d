/* resume.h -- a folder of many images, and packing that is stopped within them, for the tests of
 * going on. */
#ifndef FN_TESTS_RESUME_H
#define FN_TESTS_RESUME_H

#include "tests/people.h"

#include <signal.h>
#include <sys/resource.h>

/* More than two chunks of images; a part of SOME bytes holds about half of them. */
enum { PEOPLE = 5, FACES = 110, IMAGES = PEOPLE * FACES, TEXT = 512, SOME = 1 << 18 };

/* Two of them are none. */

static inline void enter(void)
{
    char name[64];
    fn_test_scratch();
    for (int i = 0; i < IMAGES; i++) {
        snprintf(name, sizeof name, "people/p%d/%03d.jpg", i / FACES, i % FACES);
        fn_test_put_image(name, i);
    }
    fn_test_put("people/p0/007.jpg", "no image", 8);
    fn_test_put("people/p3/100.jpg", "", 0);
}

typedef struct heard {
    int left_out, times; /* images told about; sentences */
    char sentence[TEXT];
} heard;

static inline void tell(void *ctx, const char *path, const char *reason, int64_t done,
                        int64_t total)
{
    heard *h = ctx;
    CHECK(done <= total);
    if (!reason)
        return;
    h->left_out++;
    if (strstr(path, "p0/007.jpg"))
        CHECK(strstr(reason, "neither JPEG") == reason);
    if (strstr(path, "p3/100.jpg"))
        CHECK(strstr(reason, "the image is empty") == reason);
}

static inline void say(void *ctx, const char *sentence)
{
    heard *h = ctx;
    h->times++;
    snprintf(h->sentence, sizeof h->sentence, "%s", sentence);
}

static inline fn_status pack(heard *h, const char *name, const char *crop,
                             fn_pack_report *r)
{
    fn_pack_options o = {.crop = crop, .tell = tell, .say = say, .ctx = h};
    *h = (heard){.times = 0};
    return fn_pack_make(fn_test_path(name), fn_test_path("people"), &o, r);
}

/* The number in "goes on behind N images"; 0 when nothing was said of it. */
static inline int recalled(const heard *h)
{
    int n = 0;
    const char *at = strstr(h->sentence, "goes on behind ");
    if (at)
        CHECK(sscanf(at, "goes on behind %d images", &n) == 1);
    return n;
}

static inline bool equal(const char *a, const char *b)
{
    char *x, *y;
    size_t n, m;
    CHECK_OK(fn_file_read(&x, &n, fn_test_path(a), 1 << 26));
    CHECK_OK(fn_file_read(&y, &m, fn_test_path(b), 1 << 26));
    bool same = n == m && memcmp(x, y, n) == 0;
    fn_free(x);
    fn_free(y);
    return same;
}

/* Nothing but the pack is there. */
static inline void check_clean(const char *name)
{
    char path[TEXT];
    CHECK(fn_file_exists(fn_test_path(name)));
    snprintf(path, sizeof path, "%s.part", fn_test_path(name));
    CHECK(!fn_file_exists(path));
    strcat(path, ".tmp");
    CHECK(!fn_file_exists(path));
}

/* --- a full disk leaves the same part every time --- */

static inline void limit_files(rlim_t limit)
{
    struct rlimit r;
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &r) == 0);
    r.rlim_cur = limit;
    CHECK(setrlimit(RLIMIT_FSIZE, &r) == 0);
}

static inline void stop_at(const char *crop, rlim_t limit)
{
    heard h;
    fn_pack_report r;
    limit_files(limit);
    CHECK_FAILS(pack(&h, "new.h5", crop, &r), FN_EIO, "new.h5");
    limit_files(RLIM_INFINITY);
}

#endif
