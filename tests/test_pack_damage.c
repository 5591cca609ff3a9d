/* test_pack_damage.c -- whatever bytes lie in a pack's file, opening and reading it gives
 * what was stored or FN_EDATA. */
#include "core/h5.h"
#include "core/mem.h"
#include "data/pack.h"
#include "tests/people.h"

/* HDF5 1.10 forgets the header of an object whose checksum is wrong (H5C_protect): leaks that
 * begin inside it are not ours. The name is the leak checker's. */
/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */
{
    return "leak:libhdf5";
}

/* Opens and reads all; true when it could be opened. */
static bool read_through(const char *path, const char *digest)
{
    fn_pack *p;
    fn_pixels face;
    fn_status rc = fn_pack_open(&p, path);
    CHECK(rc == FN_OK || (rc == FN_EDATA && !p));
    if (rc != FN_OK)
        return false;
    CHECK_TEXT(fn_pack_digest(p), digest); /* lists are never wrong in silence */
    for (int i = 0; i < fn_pack_images(p); i++) {
        rc = fn_pack_image(p, i, &face);
        CHECK(rc == FN_OK || rc == FN_EDATA);
        fn_pixels_free(&face);
    }
    fn_pack_close(p);
    return true;
}

TEST(flipped_and_missing_bytes_are_bad_data)
{
    const int count[] = {1, 2};
    char *file, digest[65], path[FN_TEST_PATH + 64];
    size_t size;
    int opened = 0, tried = 0;
    fn_test_scratch();
    fn_pack *p = fn_test_pack(count, 2);
    snprintf(digest, sizeof digest, "%s", fn_pack_digest(p));
    fn_pack_close(p);
    CHECK_OK(fn_file_read(&file, &size, fn_test_path("test.h5"), 1 << 24));
    snprintf(path, sizeof path, "%s", fn_test_path("bad.h5"));
    for (size_t i = 0; i < size; i += i < 2048 ? 1 : 5, tried++) {
        char keep = file[i];
        file[i] = (char)(i % 3 == 0 ? ~keep : keep ^ (1 << i % 8));
        fn_test_put("bad.h5", file, size);
        opened += read_through(path, digest);
        file[i] = keep;
    }
    CHECK(opened > 0 && opened < tried); /* flips inside images open; inside lists not */
    for (size_t i = 0; i < size; i += 23) {
        fn_test_put("bad.h5", file, i);
        CHECK(!read_through(path, digest));
    }
    fn_test_put("bad.h5", file, size);
    CHECK(read_through(path, digest));
    fn_free(file);
    fn_test_sweep();
}

/* A pack of two people and three images with lists as a test wants them. */
typedef struct forged {
    const char *format, *people, *names;
    int64_t people_size, names_size, bytes, offset[4], offsets;
    int32_t first[3], firsts;
    bool chunked;
    const char *missing;
} forged;

static forged sound(void)
{
    return (forged){.format = "facenet pack 1",
                    .people = "ann\0bob",
                    .people_size = 8,
                    .names = "1\0"
                             "2\0"
                             "3",
                    .names_size = 6,
                    .bytes = 30,
                    .offset = {0, 10, 20, 30},
                    .offsets = 4,
                    .first = {0, 2, 3},
                    .firsts = 3};
}

static void write_list(fn_h5 *h, const forged *f, const char *name, fn_h5_type type,
                       int64_t n, const void *data)
{
    if (!f->missing || strcmp(f->missing, name) != 0)
        CHECK_OK(fn_h5_write(h, name, type, 1, &n, data));
}

static fn_status open_forged(const forged *f)
{
    static const uint8_t zeros[64];
    const char *path = fn_test_path("forged.h5");
    fn_h5 *h;
    fn_pack *p;
    int64_t place;
    unlink(path);
    CHECK_OK(fn_h5_create_file(&h, path));
    if (f->format)
        CHECK_OK(fn_h5_write_text(h, "format", f->format));
    CHECK_OK(fn_h5_write_text(h, "crop", "none"));
    write_list(h, f, "offset", FN_H5_I64, f->offsets, f->offset);
    write_list(h, f, "first", FN_H5_I32, f->firsts, f->first);
    write_list(h, f, "people", FN_H5_U8, f->people_size, f->people);
    write_list(h, f, "names", FN_H5_U8, f->names_size, f->names);
    if (f->chunked)
        write_list(h, f, "bytes", FN_H5_U8, f->bytes, zeros);
    else
        CHECK_OK(fn_h5_reserve(h, "bytes", f->bytes, &place));
    CHECK_OK(fn_h5_finish(h));
    fn_h5_close(h);
    fn_status rc = fn_pack_open(&p, path);
    CHECK(rc == FN_OK || p == NULL);
    fn_pack_close(p);
    return rc;
}

#define CHECK_FORGED(change, part)                        \
    do {                                                  \
        forged f = sound();                               \
        change;                                           \
        CHECK_FAILS(open_forged(&f), FN_EDATA, part);     \
        CHECK(strstr(fn_last_error(), "forged.h5") != 0); \
    } while (0)

TEST(lists_that_contradict_each_other_are_bad_data)
{
    forged good = sound();
    fn_test_scratch();
    CHECK_OK(open_forged(&good));
    CHECK_FORGED(f.format = "facenet pack 2", "not a pack");
    CHECK_FORGED(f.format = NULL, "not a pack");
    CHECK_FORGED(f.offset[0] = 1, "do not span");
    CHECK_FORGED(f.offset[3] = 29, "do not span");
    CHECK_FORGED(f.offset[3] = 31, "do not span");
    CHECK_FORGED(f.offset[1] = 0, "do not grow");
    CHECK_FORGED(f.offset[1] = -5, "do not grow");
    CHECK_FORGED(f.offset[1] = 25, "do not grow");
    CHECK_FORGED(f.offset[2] = INT64_MAX, "do not grow");
    CHECK_FORGED(f.offsets = 1, "do not span");
    CHECK_FORGED(f.first[0] = 1, "share out");
    CHECK_FORGED(f.first[2] = 4, "share out");
    CHECK_FORGED(f.first[2] = 2, "share out");
    CHECK_FORGED(f.firsts = 1, "share out");
    CHECK_FORGED(f.first[1] = 0, "no image");
    CHECK_FORGED(f.first[1] = 3, "no image");
    CHECK_FORGED(f.first[1] = 1000000, "no image");
    CHECK_FORGED(f.first[1] = -1000000, "no image");
    CHECK_FORGED(f.people_size = 7, "no end");
    CHECK_FORGED(f.people_size = 4, "missing");
    CHECK_FORGED(f.people = "ann\0\0bo", "missing");
    CHECK_FORGED(f.people = "a\0b\0c\0d", "too many");
    CHECK_FORGED(f.people = "bob\0ann", "order");
    CHECK_FORGED(f.people = "ann\0ann", "order");
    CHECK_FORGED(f.names_size = 4, "missing");
    CHECK_FORGED(f.names = "1\0\0\0"
                           "3",
                 "missing");
    CHECK_FORGED(f.missing = "offset", "offset");
    CHECK_FORGED(f.missing = "first", "first");
    CHECK_FORGED(f.missing = "people", "people");
    CHECK_FORGED(f.missing = "names", "names");
    CHECK_FORGED(f.chunked = true, "one piece");
    CHECK_FORGED(f.chunked = true; f.missing = "bytes", "bytes");
    fn_test_sweep();
}

TEST(what_is_not_a_pack_is_refused)
{
    fn_pack *p;
    fn_h5 *h;
    fn_test_scratch();
    CHECK_FAILS(fn_pack_open(&p, fn_test_path("no.h5")), FN_ENOENT, "no.h5");
    CHECK(p == NULL);
    CHECK_FAILS(fn_pack_open(&p, fn_test_root), FN_EINVAL, "is a folder");
    fn_test_put("text.h5", "hello", 5);
    CHECK_FAILS(fn_pack_open(&p, fn_test_path("text.h5")), FN_EDATA, "text.h5");
    fn_test_put("empty.h5", "", 0);
    CHECK_FAILS(fn_pack_open(&p, fn_test_path("empty.h5")), FN_EDATA, "empty.h5");
    CHECK_OK(fn_h5_create_file(&h, fn_test_path("other.h5")));
    CHECK_OK(fn_h5_finish(h));
    fn_h5_close(h);
    CHECK_FAILS(fn_pack_open(&p, fn_test_path("other.h5")), FN_EDATA, "not a pack");
    fn_pack_close(NULL);
    fn_test_sweep();
}

/* The lists are in memory; images are not. */
TEST(a_pack_cut_short_while_it_is_open_fails_to_read)
{
    const int count[] = {2, 2};
    fn_pixels face;
    fn_test_scratch();
    fn_pack *p = fn_test_pack(count, 2);
    CHECK(truncate(fn_pack_path(p), 100) == 0);
    CHECK_FAILS(fn_pack_image(p, 3, &face), FN_EIO, "shorter");
    CHECK(face.rgb == NULL);
    fn_pack_close(p);
    fn_test_sweep();
}

TEST(every_failed_allocation_of_opening_is_reported)
{
    const int count[] = {2, 2};
    fn_status rc = FN_ENOMEM;
    fn_pixels face;
    long n = 1;
    fn_test_scratch();
    fn_pack *p = fn_test_pack(count, 2);
    fn_pack_close(p);
    for (; rc != FN_OK && n < 100; n++) {
        fn_fail_alloc(n);
        rc = fn_pack_open(&p, fn_test_path("test.h5"));
        if (rc != FN_OK)
            CHECK_INT(rc, FN_ENOMEM);
        CHECK(rc == FN_OK || p == NULL);
    }
    fn_fail_alloc(1);
    CHECK_FAILS(fn_pack_image(p, 0, &face), FN_ENOMEM, "no memory");
    fn_fail_alloc(0);
    CHECK(n > 10);
    fn_pack_close(p);
    fn_test_sweep();
}
