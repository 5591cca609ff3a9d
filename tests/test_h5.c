/* test_h5.c -- what is written is read back; what is foreign or evil is refused. Files that
 * only another writer makes come from test_h5.py, in the folder FN_TEST_H5. */
#include "core/rng.h"
#include "tests/h5_kinds.h"

#include <time.h>
#include <unistd.h>

#include <fcntl.h>

TEST(what_is_written_is_read_back)
{
    contents c;
    fn_scratch_enter();
    CHECK_OK(fn_kinds_save_all(fn_scratch("a.h5")));
    CHECK_OK(fn_kinds_read_all(&c, fn_scratch("a.h5")));
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
    fn_scratch_leave();
}

/* Several chunks along the first and along a later dimension, the last ones not full. */
TEST(large_datasets_survive)
{
    static const int64_t dim[][3] = {
        {1000003, 1, 1}, {3, 700001, 1}, {7, 3, 90001}, {1, 1, 1}};
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    fn_scratch_enter();
    for (size_t i = 0; i < sizeof dim / sizeof *dim; i++) {
        int64_t n = dim[i][0] * dim[i][1] * dim[i][2];
        int32_t *in = fn_alloc((size_t)n, sizeof *in),
                *out = fn_alloc((size_t)n, sizeof *out);
        fn_h5 *h;
        for (int64_t k = 0; k < n; k++)
            in[k] = (int32_t)fn_rng_u32(&r);
        CHECK_OK(fn_h5_create(&h));
        CHECK_OK(fn_h5_write(h, "x", FN_H5_I32, 3, dim[i], in));
        CHECK_OK(fn_h5_save(h, fn_scratch("a.h5")));
        fn_h5_close(h);
        CHECK_OK(fn_h5_open(&h, fn_scratch("a.h5")));
        CHECK_OK(fn_h5_read(h, "x", FN_H5_I32, n, out));
        CHECK(memcmp(in, out, (size_t)n * sizeof *in) == 0);
        fn_h5_close(h);
        fn_free(in);
        fn_free(out);
    }
    fn_scratch_leave();
}

/* More groups, datasets and texts than fit where HDF5 puts the first few. */
TEST(many_names_survive)
{
    enum { MANY = 300 };
    fn_h5 *h;
    char name[64], *text;
    fn_scratch_enter();
    CHECK_OK(fn_h5_create(&h));
    for (int i = 0; i < MANY; i++) {
        float v = (float)i;
        snprintf(name, sizeof name, "row%d/conv/weight", i);
        CHECK_OK(fn_h5_write(h, name, FN_H5_F32, 1, (int64_t[]){1}, &v));
        snprintf(name, sizeof name, "text%d", i);
        CHECK_OK(fn_h5_write_text(h, name, name));
    }
    CHECK_OK(fn_h5_save(h, fn_scratch("a.h5")));
    fn_h5_close(h);
    CHECK_OK(fn_h5_open(&h, fn_scratch("a.h5")));
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
    fn_scratch_leave();
}

TEST(texts_of_any_length_survive)
{
    static const size_t size[] = {0, 1, 59999, 60000, 60001, 65536, 120000, 1 << 20};
    char *text = fn_alloc((1 << 20) + 2, 1), *found;
    fn_h5 *h;
    fn_scratch_enter();
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        for (size_t k = 0; k < size[i]; k++)
            text[k] = (char)('a' + k % 23);
        text[size[i]] = '\0';
        CHECK_OK(fn_h5_create(&h));
        CHECK_OK(fn_h5_write_text(h, "t", text));
        CHECK_OK(fn_h5_write_text(h, "u", "after"));
        CHECK_OK(fn_h5_save(h, fn_scratch("a.h5")));
        fn_h5_close(h);
        CHECK_OK(fn_h5_open(&h, fn_scratch("a.h5")));
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
    fn_scratch_leave();
}

/* A digest of a file says something about its contents only if the time is not in it. */
TEST(equal_contents_make_equal_bytes)
{
    char *a, *b;
    size_t n, m;
    fn_scratch_enter();
    CHECK_OK(fn_kinds_save_all(fn_scratch("a.h5")));
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 100000000}, NULL);
    CHECK_OK(fn_kinds_save_all(fn_scratch("b.h5")));
    CHECK_OK(fn_file_read(&a, &n, fn_scratch("a.h5"), 1 << 20));
    CHECK_OK(fn_file_read(&b, &m, fn_scratch("b.h5"), 1 << 20));
    CHECK(n == m && memcmp(a, b, n) == 0);
    fn_free(a);
    fn_free(b);
    fn_scratch_leave();
}

/* --- asking for the wrong thing --- */

TEST(has_knows_what_is_there)
{
    fn_h5 *h;
    char longest[400];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    fn_scratch_enter();
    CHECK_OK(fn_kinds_save_all(fn_scratch("a.h5")));
    CHECK_OK(fn_h5_open(&h, fn_scratch("a.h5")));
    CHECK(fn_h5_has(h, "reals"));
    CHECK(fn_h5_has(h, "deep/er/ints"));
    CHECK(!fn_h5_has(h, "deep/er/nothing"));
    CHECK(!fn_h5_has(h, "no/such/group"));
    CHECK(!fn_h5_has(h, "reals/below"));
    CHECK(!fn_h5_has(h, ""));
    CHECK(!fn_h5_has(h, longest));
    fn_h5_close(h);
    fn_scratch_leave();
}

TEST(wrong_questions_are_answered_by_a_sentence)
{
    fn_h5 *h;
    int rank;
    int64_t dim[4], offset = -1;
    float x[6];
    char *text;
    fn_scratch_enter();
    CHECK_OK(fn_kinds_save_all(fn_scratch("a.h5")));
    CHECK_OK(fn_h5_open(&h, fn_scratch("a.h5")));
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
    fn_scratch_leave();
}

TEST(what_is_no_hdf5_file_is_said)
{
    fn_h5 *h;
    fn_scratch_enter();
    CHECK_FAILS(fn_h5_open(&h, fn_scratch("a.h5")), FN_ENOENT, "/a.h5: open: No such file");
    CHECK(h == NULL);
    CHECK_FAILS(fn_h5_open(&h, fn_scratch_root), FN_EINVAL, "is a folder");
    CHECK_OK(fn_file_replace(fn_scratch("a.h5"), "words", 5));
    CHECK_FAILS(fn_h5_open(&h, fn_scratch("a.h5")), FN_EDATA, "/a.h5: is not an HDF5 file");
    CHECK_OK(fn_file_replace(fn_scratch("a.h5"), "", 0));
    CHECK_FAILS(fn_h5_open(&h, fn_scratch("a.h5")), FN_EDATA, "/a.h5: is not an HDF5 file");
    CHECK(h == NULL);
    fn_h5_close(NULL);
    fn_scratch_leave();
}

/* The library never prints; HDF5 does, unless told not to. */
TEST(nothing_is_printed)
{
    fn_h5 *h;
    char *printed;
    size_t n;
    fn_scratch_enter();
    CHECK_OK(fn_file_replace(fn_scratch("a.h5"), "words", 5));
    int kept = dup(2), fd = open(fn_scratch("stderr"), O_WRONLY | O_CREAT, 0600);
    CHECK(kept >= 0 && fd >= 0 && dup2(fd, 2) == 2);
    fn_status rc = fn_h5_open(&h, fn_scratch("a.h5"));
    CHECK(dup2(kept, 2) == 2 && close(kept) == 0 && close(fd) == 0);
    CHECK_INT(rc, FN_EDATA);
    CHECK_OK(fn_file_read(&printed, &n, fn_scratch("stderr"), 1 << 20));
    CHECK_TEXT(printed, "");
    fn_free(printed);
    fn_scratch_leave();
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
    CHECK_OK(fn_kinds_save_all(path));
}
