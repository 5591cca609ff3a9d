/* test_h5.c -- what is written is read back; what is damaged, foreign or evil is refused.
 * Files that only another writer makes come from test_h5.py, in the folder FN_TEST_H5. */
#include "core/file.h"
#include "core/h5.h"
#include "core/mem.h"
#include "core/rng.h"
#include "tests/test.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>

static char root[] = "/tmp/fn_h5_XXXXXX";

static const char *at(const char *name)
{
    static char path[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof *path, "%s/%s", root, name);
    return path[turn];
}

static void enter(void)
{
    strcpy(root + sizeof root - 7, "XXXXXX");
    CHECK(mkdtemp(root) != NULL);
}

static void leave(void)
{
    CHECK_OK(fn_file_remove_tree(root));
}

/* --- a small file of every kind of thing --- */

static const float reals[6] = {1, -2.5f, 3e-30f, 4e30f, 0, -0.f};
static const int32_t ints[4] = {1, -2, INT32_MAX, INT32_MIN};
static const int64_t longs[3] = {INT64_MAX, INT64_MIN, 42};
static const uint8_t bytes[5] = {0, 1, 127, 128, 255};
static const char note[] = "words, \xc3\xa9";

static fn_status write_all(fn_h5 *h)
{
    FN_TRY(fn_h5_write_text(h, "note", note));
    FN_TRY(fn_h5_write_text(h, "none", ""));
    FN_TRY(fn_h5_write(h, "reals", FN_H5_F32, 2, (int64_t[]){2, 3}, reals));
    FN_TRY(fn_h5_write(h, "deep/er/ints", FN_H5_I32, 4, (int64_t[]){1, 2, 1, 2}, ints));
    FN_TRY(fn_h5_write(h, "deep/er/longs", FN_H5_I64, 1, (int64_t[]){3}, longs));
    FN_TRY(fn_h5_write(h, "deep/bytes", FN_H5_U8, 3, (int64_t[]){5, 1, 1}, bytes));
    return fn_h5_write(h, "empty", FN_H5_F32, 2, (int64_t[]){0, 7}, NULL);
}

static fn_status save_all(const char *path)
{
    fn_h5 *h = NULL;
    fn_status rc;
    FN_GO(fn_h5_create(&h));
    FN_GO(write_all(h));
    rc = fn_h5_save(h, path);
out:
    fn_h5_close(h);
    return rc;
}

typedef struct contents {
    float reals[6];
    int32_t ints[4];
    int64_t longs[3], dim[5][4];
    uint8_t bytes[5];
    int rank[5];
    char note[sizeof note], none;
} contents;

static fn_status read_text(fn_h5 *h, const char *name, char *text, size_t size)
{
    char *found;
    FN_TRY(fn_h5_read_text(h, name, &found));
    snprintf(text, size, "%s", found);
    fn_free(found);
    return FN_OK;
}

static fn_status read_parts(fn_h5 *h, contents *c)
{
    FN_TRY(read_text(h, "note", c->note, sizeof c->note));
    FN_TRY(read_text(h, "none", &c->none, 1));
    FN_TRY(fn_h5_shape(h, "reals", FN_H5_F32, &c->rank[0], c->dim[0]));
    FN_TRY(fn_h5_shape(h, "deep/er/ints", FN_H5_I32, &c->rank[1], c->dim[1]));
    FN_TRY(fn_h5_shape(h, "deep/er/longs", FN_H5_I64, &c->rank[2], c->dim[2]));
    FN_TRY(fn_h5_shape(h, "deep/bytes", FN_H5_U8, &c->rank[3], c->dim[3]));
    FN_TRY(fn_h5_shape(h, "empty", FN_H5_F32, &c->rank[4], c->dim[4]));
    FN_TRY(fn_h5_read(h, "reals", FN_H5_F32, 6, c->reals));
    FN_TRY(fn_h5_read(h, "deep/er/ints", FN_H5_I32, 4, c->ints));
    FN_TRY(fn_h5_read(h, "deep/er/longs", FN_H5_I64, 3, c->longs));
    FN_TRY(fn_h5_read(h, "deep/bytes", FN_H5_U8, 5, c->bytes));
    return fn_h5_read(h, "empty", FN_H5_F32, 0, NULL);
}

static fn_status read_all(contents *c, const char *path)
{
    fn_h5 *h;
    memset(c, 0, sizeof *c); /* padding too, so that memcmp compares */
    FN_TRY(fn_h5_open(&h, path));
    fn_status rc = read_parts(h, c);
    fn_h5_close(h);
    return rc;
}

TEST(what_is_written_is_read_back)
{
    contents c;
    enter();
    CHECK_OK(save_all(at("a.h5")));
    CHECK_OK(read_all(&c, at("a.h5")));
    CHECK(memcmp(c.reals, reals, sizeof reals) == 0);
    CHECK(memcmp(c.ints, ints, sizeof ints) == 0);
    CHECK(memcmp(c.longs, longs, sizeof longs) == 0);
    CHECK(memcmp(c.bytes, bytes, sizeof bytes) == 0);
    CHECK_TEXT(c.note, note);
    CHECK_INT(c.rank[0], 2);
    CHECK(memcmp(c.dim[0], (int64_t[]){2, 3, 1, 1}, sizeof c.dim[0]) == 0);
    CHECK_INT(c.rank[1], 4);
    CHECK(memcmp(c.dim[1], (int64_t[]){1, 2, 1, 2}, sizeof c.dim[1]) == 0);
    CHECK_INT(c.rank[4], 2);
    CHECK(memcmp(c.dim[4], (int64_t[]){0, 7, 1, 1}, sizeof c.dim[4]) == 0);
    leave();
}

/* Several chunks along the first and along a later dimension, the last ones not full. */
TEST(large_datasets_survive)
{
    static const int64_t dim[][3] = {
        {1000003, 1, 1}, {3, 700001, 1}, {7, 3, 90001}, {1, 1, 1}};
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    enter();
    for (size_t i = 0; i < sizeof dim / sizeof *dim; i++) {
        int64_t n = dim[i][0] * dim[i][1] * dim[i][2];
        int32_t *in = fn_alloc((size_t)n, sizeof *in),
                *out = fn_alloc((size_t)n, sizeof *out);
        fn_h5 *h;
        for (int64_t k = 0; k < n; k++)
            in[k] = (int32_t)fn_rng_u32(&r);
        CHECK_OK(fn_h5_create(&h));
        CHECK_OK(fn_h5_write(h, "x", FN_H5_I32, 3, dim[i], in));
        CHECK_OK(fn_h5_save(h, at("a.h5")));
        fn_h5_close(h);
        CHECK_OK(fn_h5_open(&h, at("a.h5")));
        CHECK_OK(fn_h5_read(h, "x", FN_H5_I32, n, out));
        CHECK(memcmp(in, out, (size_t)n * sizeof *in) == 0);
        fn_h5_close(h);
        fn_free(in);
        fn_free(out);
    }
    leave();
}

/* More groups, datasets and texts than fit where HDF5 puts the first few. */
TEST(many_names_survive)
{
    enum { MANY = 300 };
    fn_h5 *h;
    char name[64], *text;
    enter();
    CHECK_OK(fn_h5_create(&h));
    for (int i = 0; i < MANY; i++) {
        float v = (float)i;
        snprintf(name, sizeof name, "row%d/conv/weight", i);
        CHECK_OK(fn_h5_write(h, name, FN_H5_F32, 1, (int64_t[]){1}, &v));
        snprintf(name, sizeof name, "text%d", i);
        CHECK_OK(fn_h5_write_text(h, name, name));
    }
    CHECK_OK(fn_h5_save(h, at("a.h5")));
    fn_h5_close(h);
    CHECK_OK(fn_h5_open(&h, at("a.h5")));
    for (int i = 0; i < MANY; i++) {
        float v = -1;
        snprintf(name, sizeof name, "row%d/conv/weight", i);
        CHECK_OK(fn_h5_read(h, name, FN_H5_F32, 1, &v));
        CHECK_NEAR(v, i, 0);
        snprintf(name, sizeof name, "text%d", i);
        CHECK_OK(fn_h5_read_text(h, name, &text));
        CHECK_TEXT(text ? text : "", name);
        fn_free(text);
    }
    fn_h5_close(h);
    leave();
}

TEST(texts_of_any_length_survive)
{
    static const size_t size[] = {0, 1, 59999, 60000, 60001, 65536, 120000, 1 << 20};
    char *text = fn_alloc((1 << 20) + 2, 1), *found;
    fn_h5 *h;
    enter();
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        for (size_t k = 0; k < size[i]; k++)
            text[k] = (char)('a' + k % 23);
        text[size[i]] = '\0';
        CHECK_OK(fn_h5_create(&h));
        CHECK_OK(fn_h5_write_text(h, "t", text));
        CHECK_OK(fn_h5_write_text(h, "u", "after"));
        CHECK_OK(fn_h5_save(h, at("a.h5")));
        fn_h5_close(h);
        CHECK_OK(fn_h5_open(&h, at("a.h5")));
        CHECK_OK(fn_h5_read_text(h, "t", &found));
        CHECK(found && strcmp(found, text) == 0);
        fn_free(found);
        CHECK_OK(fn_h5_read_text(h, "u", &found));
        CHECK_TEXT(found, "after");
        fn_free(found);
        fn_h5_close(h);
    }
    memset(text, 'x', (1 << 20) + 1);
    CHECK_OK(fn_h5_create(&h));
    CHECK_FAILS(fn_h5_write_text(h, "t", text), FN_EINVAL,
                "'t' has 1048577 bytes; at most 1048576");
    fn_h5_close(h);
    fn_free(text);
    leave();
}

/* A digest of a file says something about its contents only if the time is not in it. */
TEST(equal_contents_make_equal_bytes)
{
    char *a, *b;
    size_t n, m;
    enter();
    CHECK_OK(save_all(at("a.h5")));
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 100000000}, NULL);
    CHECK_OK(save_all(at("b.h5")));
    CHECK_OK(fn_file_read(&a, &n, at("a.h5"), 1 << 20));
    CHECK_OK(fn_file_read(&b, &m, at("b.h5"), 1 << 20));
    CHECK(n == m && memcmp(a, b, n) == 0);
    fn_free(a);
    fn_free(b);
    leave();
}

/* --- asking for the wrong thing --- */

TEST(has_knows_what_is_there)
{
    fn_h5 *h;
    char longest[400];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    enter();
    CHECK_OK(save_all(at("a.h5")));
    CHECK_OK(fn_h5_open(&h, at("a.h5")));
    CHECK(fn_h5_has(h, "reals"));
    CHECK(fn_h5_has(h, "deep/er/ints"));
    CHECK(!fn_h5_has(h, "deep/er/nothing"));
    CHECK(!fn_h5_has(h, "no/such/group"));
    CHECK(!fn_h5_has(h, "reals/below"));
    CHECK(!fn_h5_has(h, ""));
    CHECK(!fn_h5_has(h, longest));
    fn_h5_close(h);
    leave();
}

TEST(wrong_questions_are_answered_by_a_sentence)
{
    fn_h5 *h;
    int rank;
    int64_t dim[4], offset = -1;
    float x[6];
    char *text;
    enter();
    CHECK_OK(save_all(at("a.h5")));
    CHECK_OK(fn_h5_open(&h, at("a.h5")));
    CHECK_FAILS(fn_h5_read(h, "real", FN_H5_F32, 6, x), FN_EDATA,
                "/a.h5: has no dataset 'real'");
    CHECK_FAILS(fn_h5_read(h, "deep", FN_H5_F32, 6, x), FN_EDATA,
                "cannot open dataset 'deep'");
    CHECK_FAILS(fn_h5_read(h, "reals", FN_H5_F32, 5, x), FN_EDATA,
                "'reals' has 6 elements, not the 5");
    CHECK_FAILS(fn_h5_read(h, "reals", FN_H5_I32, 6, x), FN_EDATA,
                "'reals' is of another type");
    CHECK_FAILS(fn_h5_shape(h, "deep/er/ints", FN_H5_U8, &rank, dim), FN_EDATA,
                "another type");
    CHECK_FAILS(fn_h5_shape(h, "none", FN_H5_U8, &rank, dim), FN_EDATA,
                "has no dataset 'none'");
    CHECK_FAILS(fn_h5_read_text(h, "reals", &text), FN_EDATA, "has no text 'reals'");
    CHECK(text == NULL);
    CHECK_FAILS(fn_h5_offset(h, "deep/bytes", &offset), FN_EDATA,
                "does not lie in one piece");
    CHECK_FAILS(fn_h5_offset(h, "reals", &offset), FN_EDATA, "another type");
    fn_h5_close(h);
    leave();
}

TEST(what_is_no_hdf5_file_is_said)
{
    fn_h5 *h;
    enter();
    CHECK_FAILS(fn_h5_open(&h, at("a.h5")), FN_ENOENT, "/a.h5: open: No such file");
    CHECK(h == NULL);
    CHECK_FAILS(fn_h5_open(&h, root), FN_EINVAL, "is a folder");
    CHECK_OK(fn_file_replace(at("a.h5"), "words", 5));
    CHECK_FAILS(fn_h5_open(&h, at("a.h5")), FN_EDATA, "/a.h5: is not an HDF5 file");
    CHECK_OK(fn_file_replace(at("a.h5"), "", 0));
    CHECK_FAILS(fn_h5_open(&h, at("a.h5")), FN_EDATA, "/a.h5: is not an HDF5 file");
    CHECK(h == NULL);
    fn_h5_close(NULL);
    leave();
}

TEST(a_name_is_written_once)
{
    fn_h5 *h;
    float x[1] = {1};
    char longest[400];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CHECK_OK(fn_h5_create(&h));
    CHECK_OK(fn_h5_write(h, "a/b", FN_H5_F32, 1, (int64_t[]){1}, x));
    CHECK(fn_h5_write(h, "a/b", FN_H5_F32, 1, (int64_t[]){1}, x) != FN_OK);
    CHECK(strstr(fn_last_error(), "'a/b'") != NULL);
    CHECK(fn_h5_write(h, "a/b/c", FN_H5_F32, 1, (int64_t[]){1}, x) != FN_OK);
    CHECK_FAILS(fn_h5_write(h, longest, FN_H5_F32, 1, (int64_t[]){1}, x), FN_EINVAL,
                "name of more than 255 bytes");
    fn_h5_close(h);
}

/* --- damage --- */

/* A damaged file is refused or reads as if nothing had happened: never otherwise. */
static bool is_silent(const char *path, const contents *good)
{
    contents c;
    return read_all(&c, path) == FN_OK && memcmp(&c, good, sizeof c) != 0;
}

TEST(no_flipped_bit_is_silent)
{
    contents good;
    char *image;
    size_t n, refused = 0;
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 1, 0);
    enter();
    CHECK_OK(save_all(at("a.h5")));
    CHECK_OK(read_all(&good, at("a.h5")));
    CHECK_OK(fn_file_read(&image, &n, at("a.h5"), 1 << 20));
    for (size_t i = 0; i < n; i++) {
        char flip = (char)(1 << fn_rng_below(&r, 8));
        contents c;
        image[i] ^= flip;
        FILE *f = fopen(at("b.h5"), "wb");
        CHECK(f && fwrite(image, 1, n, f) == n && fclose(f) == 0);
        if (is_silent(at("b.h5"), &good))
            FN_TEST_FAIL("a flip in byte %zu of %zu is silent", i, n);
        refused += read_all(&c, at("b.h5")) != FN_OK;
        image[i] ^= flip;
    }
    CHECK(refused > n / 4); /* the rest is padding and groups' spare room */
    fn_free(image);
    leave();
}

TEST(no_lost_tail_is_silent)
{
    contents good, c;
    char *image;
    size_t n;
    enter();
    CHECK_OK(save_all(at("a.h5")));
    CHECK_OK(read_all(&good, at("a.h5")));
    CHECK_OK(fn_file_read(&image, &n, at("a.h5"), 1 << 20));
    for (size_t i = 0; i < n; i += 1 + i % 13) {
        FILE *f = fopen(at("b.h5"), "wb");
        CHECK(f && fwrite(image, 1, i, f) == i && fclose(f) == 0);
        CHECK(read_all(&c, at("b.h5")) == FN_EDATA);
        CHECK(strstr(fn_last_error(), "b.h5") != NULL);
    }
    fn_free(image);
    leave();
}

TEST(no_zeroed_block_is_silent)
{
    contents good;
    char *image, kept[64];
    size_t n;
    enter();
    CHECK_OK(save_all(at("a.h5")));
    CHECK_OK(read_all(&good, at("a.h5")));
    CHECK_OK(fn_file_read(&image, &n, at("a.h5"), 1 << 20));
    for (size_t i = 0; i + sizeof kept <= n; i += 16) {
        memcpy(kept, image + i, sizeof kept);
        memset(image + i, 0, sizeof kept);
        FILE *f = fopen(at("b.h5"), "wb");
        CHECK(f && fwrite(image, 1, n, f) == n && fclose(f) == 0);
        if (is_silent(at("b.h5"), &good))
            FN_TEST_FAIL("zeros from byte %zu on are silent", i);
        memcpy(image + i, kept, sizeof kept);
    }
    fn_free(image);
    leave();
}

/* --- memory and disk --- */

TEST(every_failed_allocation_of_writing_is_reported)
{
    fn_status rc = FN_ENOMEM;
    int n = 0;
    enter();
    while (rc == FN_ENOMEM && ++n < 50) {
        fn_fail_alloc(n);
        rc = save_all(at("a.h5"));
        fn_fail_alloc(0);
        CHECK(rc == FN_OK || !fn_file_exists(at("a.h5")));
    }
    CHECK_OK(rc);
    CHECK(n > 3);
    leave();
}

TEST(every_failed_allocation_of_reading_is_reported)
{
    contents c;
    fn_status rc = FN_ENOMEM;
    int n = 0;
    enter();
    CHECK_OK(save_all(at("a.h5")));
    while (rc == FN_ENOMEM && ++n < 50) {
        fn_fail_alloc(n);
        rc = read_all(&c, at("a.h5"));
        fn_fail_alloc(0);
    }
    CHECK_OK(rc);
    CHECK_INT(n, 5); /* handle, its path, two texts */
    leave();
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
    enter();
    CHECK_OK(save_all(at("a.h5")));
    struct rlimit before = full_disk(1000);
    CHECK_FAILS(save_all(at("a.h5")), FN_EIO, "/a.h5: cannot write ");
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK_OK(read_all(&c, at("a.h5")));
    leave();
}

/* --- too large for memory --- */

static fn_status write_large(const char *draft, const uint8_t *data, int64_t size,
                             int64_t *offset)
{
    fn_h5 *h = NULL;
    fn_status rc;
    FN_GO(fn_h5_create_file(&h, draft));
    FN_GO(write_all(h));
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
    enter();
    CHECK_OK(write_large(at("a.h5"), data, SIZE, &offset));
    CHECK_OK(read_all(&c, at("a.h5"))); /* the bytes did not run over the rest */
    CHECK_TEXT(c.note, note);
    CHECK_OK(fn_h5_open(&h, at("a.h5")));
    CHECK_OK(fn_h5_offset(h, "images/bytes", &again));
    CHECK_INT(again, offset);
    CHECK_OK(fn_h5_read(h, "images/bytes", FN_H5_U8, SIZE, back));
    CHECK(memcmp(data, back, SIZE) == 0);
    fn_h5_close(h);
    CHECK(truncate(at("a.h5"), offset + SIZE - 1) == 0);
    CHECK(fn_h5_open(&h, at("a.h5")) == FN_EDATA);
    fn_free(data);
    fn_free(back);
    leave();
}

TEST(a_draft_that_cannot_be_made_is_said)
{
    fn_h5 *h;
    enter();
    CHECK_FAILS(fn_h5_create_file(&h, at("no/a.h5")), FN_ENOENT,
                "/no/a.h5: create: No such file");
    CHECK(h == NULL);
    CHECK_FAILS(fn_h5_create_file(&h, root), FN_EIO, "create: Is a directory");
    leave();
}

/* HDF5 forgets what it could not write, and must not crash over it, even at exit. */
TEST(a_full_disk_under_hdf5_is_said)
{
    uint8_t data[1] = {1};
    int64_t offset;
    enter();
    for (rlim_t room = 0; room < 2000; room += 250) {
        struct rlimit before = full_disk(room);
        CHECK_FAILS(write_large(at("a.h5"), data, 1, &offset), FN_EIO,
                    "a.h5: HDF5 cannot ");
        CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    }
    CHECK_OK(write_large(at("a.h5"), data, 1, &offset));
    leave();
}

/* --- other writers' files: NAME.h5 and the sentence expected, NAME.says --- */

static void check_foreign(const char *folder, const char *name)
{
    char path[600], *says = NULL;
    size_t size;
    float x[4];
    fn_h5 *h = NULL;
    snprintf(path, sizeof path, "%s/%.*s.says", folder, (int)strlen(name) - 3, name);
    CHECK_OK(fn_file_read(&says, &size, path, 1000));
    snprintf(path, sizeof path, "%s/%s", folder, name);
    fn_status rc = fn_h5_open(&h, path);
    if (rc == FN_OK)
        rc = fn_h5_read(h, "w", FN_H5_F32, 4, x);
    if (says && strcmp(says, "fine") == 0)
        CHECK_INT(rc, FN_OK);
    else if (rc != FN_EDATA || !says || !strstr(fn_last_error(), says))
        FN_TEST_FAIL("%s: status %d \"%s\", expected \"%s\"", name, rc, fn_last_error(),
                     says ? says : "?");
    fn_h5_close(h);
    fn_free(says);
}

TEST(foreign_files)
{
    const char *folder = getenv("FN_TEST_H5");
    char path[600], **name;
    int n, seen = 0;
    if (!folder)
        SKIP("FN_TEST_H5 names no folder of files; tests/test_h5.py makes one");
    CHECK_OK(fn_file_names(&name, &n, folder));
    for (int i = 0; i < n; i++)
        if (strlen(name[i]) > 3 && strcmp(name[i] + strlen(name[i]) - 3, ".h5") == 0) {
            check_foreign(folder, name[i]);
            seen++;
        }
    CHECK(seen > 0);
    fn_file_names_free(name, n);
    snprintf(path, sizeof path, "%s/ours", folder);
    CHECK_OK(save_all(path));
}
