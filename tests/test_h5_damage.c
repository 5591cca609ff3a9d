/* test_h5_damage.c -- damaged files, failed allocations, full disks. */
#include "core/rng.h"
#include "tests/h5_kinds.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fcntl.h>

/* --- damage --- */

/* A damaged file is refused or reads as if nothing had happened: never otherwise. */
static bool is_silent(const char *path, const contents *good)
{
    contents c;
    return fn_kinds_read_all(&c, path) == FN_OK && memcmp(&c, good, sizeof c) != 0;
}

TEST(no_flipped_bit_is_silent)
{
    contents good;
    char *image;
    size_t n, refused = 0;
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 1, 0);
    fn_scratch_enter();
    CHECK_OK(fn_kinds_save_all(fn_scratch("a.h5")));
    CHECK_OK(fn_kinds_read_all(&good, fn_scratch("a.h5")));
    CHECK_OK(fn_file_read(&image, &n, fn_scratch("a.h5"), 1 << 20));
    for (size_t i = 0; i < n; i++) {
        char flip = (char)(1 << fn_rng_below(&r, 8));
        contents c;
        image[i] ^= flip;
        FILE *f = fopen(fn_scratch("b.h5"), "wb");
        CHECK(f && fwrite(image, 1, n, f) == n && fclose(f) == 0);
        if (is_silent(fn_scratch("b.h5"), &good))
            FN_TEST_FAIL("a flip in byte %zu of %zu is silent", i, n);
        refused += fn_kinds_read_all(&c, fn_scratch("b.h5")) != FN_OK;
        image[i] ^= flip;
    }
    CHECK(refused > n / 4); /* the rest is padding and groups' spare room */
    fn_free(image);
    fn_scratch_leave();
}

/* HDF5 would put long texts beside many others where there is no checksum. */
TEST(no_flipped_bit_of_a_long_text_is_silent)
{
    char text[6001], *image, *found;
    fn_h5 *h;
    size_t n;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fn_scratch_enter();
    CHECK_OK(fn_h5_create(&h));
    for (int i = 0; i < 12; i++)
        CHECK_OK(
            fn_h5_write_text(h, (char[]){(char)('a' + i), '\0'}, i == 5 ? text : "short"));
    CHECK_OK(fn_h5_save(h, fn_scratch("a.h5")));
    fn_h5_close(h);
    CHECK_OK(fn_file_read(&image, &n, fn_scratch("a.h5"), 1 << 20));
    for (size_t i = 0; i < n; i += 97) {
        image[i] ^= 1;
        FILE *f = fopen(fn_scratch("b.h5"), "wb");
        CHECK(f && fwrite(image, 1, n, f) == n && fclose(f) == 0);
        image[i] ^= 1;
        if (fn_h5_open(&h, fn_scratch("b.h5")) != FN_OK)
            continue;
        if (fn_h5_read_text(h, "f", &found) == FN_OK) {
            CHECK_TEXT(found, text);
            fn_free(found);
        }
        fn_h5_close(h);
    }
    fn_free(image);
    fn_scratch_leave();
}

TEST(no_lost_tail_is_silent)
{
    contents good, c;
    char *image;
    size_t n;
    fn_scratch_enter();
    CHECK_OK(fn_kinds_save_all(fn_scratch("a.h5")));
    CHECK_OK(fn_kinds_read_all(&good, fn_scratch("a.h5")));
    CHECK_OK(fn_file_read(&image, &n, fn_scratch("a.h5"), 1 << 20));
    for (size_t i = 0; i < n; i += 1 + i % 13) {
        FILE *f = fopen(fn_scratch("b.h5"), "wb");
        CHECK(f && fwrite(image, 1, i, f) == i && fclose(f) == 0);
        CHECK(fn_kinds_read_all(&c, fn_scratch("b.h5")) == FN_EDATA);
        CHECK(strstr(fn_last_error(), "b.h5") != NULL);
    }
    fn_free(image);
    fn_scratch_leave();
}

static bool is_blank(const void *now, const void *then, size_t n)
{
    static const char zeros[64];
    return memcmp(now, then, n) == 0 || memcmp(now, zeros, n) == 0;
}

/* The checksum of zeros is zero: a lost sector that swallows a whole chunk with its checksum
 * reads as zeros. Models and checkpoints carry a SHA-256 against that. */
static bool is_silent_but_for_zeros(const char *path, const contents *good)
{
    contents c;
    if (fn_kinds_read_all(&c, path) != FN_OK)
        return false;
    return !is_blank(c.reals, good->reals, sizeof c.reals) ||
           !is_blank(c.ints, good->ints, sizeof c.ints) ||
           !is_blank(c.longs, good->longs, sizeof c.longs) ||
           !is_blank(c.bytes, good->bytes, sizeof c.bytes) ||
           memcmp(c.dim, good->dim, sizeof c.dim) != 0 || strcmp(c.note, good->note) != 0;
}

TEST(no_zeroed_block_is_silent)
{
    contents good;
    char *image, kept[64];
    size_t n;
    fn_scratch_enter();
    CHECK_OK(fn_kinds_save_all(fn_scratch("a.h5")));
    CHECK_OK(fn_kinds_read_all(&good, fn_scratch("a.h5")));
    CHECK_OK(fn_file_read(&image, &n, fn_scratch("a.h5"), 1 << 20));
    for (size_t i = 0; i + sizeof kept <= n; i += 16) {
        memcpy(kept, image + i, sizeof kept);
        memset(image + i, 0, sizeof kept);
        FILE *f = fopen(fn_scratch("b.h5"), "wb");
        CHECK(f && fwrite(image, 1, n, f) == n && fclose(f) == 0);
        if (is_silent_but_for_zeros(fn_scratch("b.h5"), &good))
            FN_TEST_FAIL("zeros from byte %zu on are silent", i);
        memcpy(image + i, kept, sizeof kept);
    }
    fn_free(image);
    fn_scratch_leave();
}

/* --- memory and disk --- */

TEST(every_failed_allocation_of_writing_is_reported)
{
    fn_status rc = FN_ENOMEM;
    int n = 0;
    fn_scratch_enter();
    while (rc == FN_ENOMEM && ++n < 50) {
        fn_fail_alloc(n);
        rc = fn_kinds_save_all(fn_scratch("a.h5"));
        fn_fail_alloc(0);
        CHECK(rc == FN_OK || !fn_file_exists(fn_scratch("a.h5")));
    }
    CHECK_OK(rc);
    CHECK(n > 3);
    fn_scratch_leave();
}

TEST(every_failed_allocation_of_reading_is_reported)
{
    contents c;
    fn_status rc = FN_ENOMEM;
    int n = 0;
    fn_scratch_enter();
    CHECK_OK(fn_kinds_save_all(fn_scratch("a.h5")));
    while (rc == FN_ENOMEM && ++n < 50) {
        fn_fail_alloc(n);
        rc = fn_kinds_read_all(&c, fn_scratch("a.h5"));
        fn_fail_alloc(0);
    }
    CHECK_OK(rc);
    CHECK_INT(n, 5); /* handle, its path, two texts */
    fn_scratch_leave();
}

static struct rlimit full_disk(rlim_t room)
{
    struct rlimit before, limit;
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    limit = before;
    limit.rlim_cur = room;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    return before;
}

TEST(a_full_disk_keeps_the_old_file)
{
    contents c;
    fn_scratch_enter();
    CHECK_OK(fn_kinds_save_all(fn_scratch("a.h5")));
    struct rlimit before = full_disk(1000);
    CHECK_FAILS(fn_kinds_save_all(fn_scratch("a.h5")), FN_EIO, "/a.h5: cannot write ");
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK_OK(fn_kinds_read_all(&c, fn_scratch("a.h5")));
    fn_scratch_leave();
}

/* --- too large for memory --- */

static fn_status write_large(const char *draft, const uint8_t *data, int64_t size,
                             int64_t *offset)
{
    fn_h5 *h = NULL;
    fn_status rc;
    FN_GO(fn_h5_create_file(&h, draft));
    FN_GO(fn_kinds_write_all(h));
    FN_GO(fn_h5_reserve(h, "images/bytes", size, offset));
    rc = fn_h5_finish(h);
out:
    fn_h5_close(h);
    int fd = rc == FN_OK ? open(draft, O_WRONLY) : -1;
    if (fd >= 0) {
        rc = fn_file_write(fd, *offset, data, (size_t)size, draft);
        close(fd);
    }
    return rc;
}

TEST(reserved_bytes_are_filled_from_outside)
{
    enum { SIZE = 100003 };
    uint8_t *data = fn_alloc(SIZE, 1), *back = fn_alloc(SIZE, 1);
    int64_t offset, again;
    contents c;
    fn_h5 *h;
    for (int i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    fn_scratch_enter();
    CHECK_OK(write_large(fn_scratch("a.h5"), data, SIZE, &offset));
    CHECK_OK(fn_kinds_read_all(
        &c, fn_scratch("a.h5"))); /* the bytes did not run over the rest */
    CHECK_TEXT(c.note, note);
    CHECK_OK(fn_h5_open(&h, fn_scratch("a.h5")));
    CHECK_OK(fn_h5_offset(h, "images/bytes", &again));
    CHECK_INT(again, offset);
    CHECK_OK(fn_h5_read(h, "images/bytes", FN_H5_U8, SIZE, back));
    CHECK(memcmp(data, back, SIZE) == 0);
    fn_h5_close(h);
    CHECK(truncate(fn_scratch("a.h5"), offset + SIZE - 1) == 0);
    CHECK(fn_h5_open(&h, fn_scratch("a.h5")) == FN_EDATA);
    fn_free(data);
    fn_free(back);
    fn_scratch_leave();
}

TEST(a_draft_that_cannot_be_made_is_said)
{
    fn_h5 *h;
    fn_scratch_enter();
    CHECK_FAILS(fn_h5_create_file(&h, fn_scratch("no/a.h5")), FN_ENOENT,
                "/no/a.h5: create: No such file");
    CHECK(h == NULL);
    CHECK_FAILS(fn_h5_create_file(&h, fn_scratch_root), FN_EIO, "create: Is a directory");
    fn_scratch_leave();
}

/* HDF5 forgets what it could not write, and must not crash over it, even at exit. */
TEST(a_full_disk_under_hdf5_is_said)
{
    uint8_t data[1] = {1};
    int64_t offset;
    fn_h5 *h;
    fn_scratch_enter();
    for (rlim_t room = 0; room < 2000; room += 250) {
        struct rlimit before = full_disk(room);
        CHECK_FAILS(write_large(fn_scratch("a.h5"), data, 1, &offset), FN_EIO,
                    "a.h5: HDF5 cannot ");
        CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    }
    CHECK_OK(fn_h5_create_file(&h, fn_scratch("a.h5")));
    CHECK_OK(fn_h5_write_text(h, "note", note)); /* HDF5 keeps all of it for later */
    CHECK_OK(fn_h5_reserve(h, "bytes", 1, &offset));
    struct rlimit before = full_disk(0);
    CHECK_FAILS(fn_h5_finish(h), FN_EIO,
                "/a.h5: HDF5 cannot finish the file: File too large");
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    fn_h5_close(h);
    CHECK_OK(write_large(fn_scratch("a.h5"), data, 1, &offset));
    fn_scratch_leave();
}
