/* test_pack.c -- making packs out of folders, good and bad, and splitting them. */
#include "core/mem.h"
#include "data/crop.h"
#include "tests/people.h"

#include <signal.h>
#include <sys/resource.h>

/* What fn_pack_make told. */
enum { MOST = 32, LINE = 1024 };
typedef struct told {
    char path[MOST][LINE], reason[MOST][LINE];
    int n;
    int64_t done, total;
} told;

static void tell(void *ctx, const char *path, const char *reason, int64_t done,
                 int64_t total)
{
    told *t = ctx;
    t->done = done;
    t->total = total;
    if (!reason || t->n == MOST)
        return;
    snprintf(t->path[t->n], LINE, "%s", path);
    snprintf(t->reason[t->n++], LINE, "%s", reason);
}

static void check_told(const told *t, const char *name, const char *reason)
{
    char path[LINE];
    snprintf(path, sizeof path, "%s/people/%s", fn_test_root, name);
    for (int i = 0; i < t->n; i++)
        if (strcmp(t->path[i], path) == 0) {
            CHECK(strstr(t->reason[i], reason) != NULL);
            CHECK(strstr(t->reason[i], name) == NULL); /* the path is not said twice */
            return;
        }
    FN_TEST_FAIL("nothing was told about %s", name);
}

static fn_status make(told *t, const char *crop, fn_pack_report *r)
{
    fn_pack_options o = {.crop = crop, .tell = tell, .ctx = t};
    memset(t, 0, sizeof *t);
    return fn_pack_make(fn_test_path("test.h5"), fn_test_path("people"), &o, r);
}

static void check_no_drafts(void)
{
    char **name;
    int n;
    CHECK_OK(fn_file_names(&name, &n, fn_test_root));
    for (int i = 0; i < n; i++)
        CHECK(strstr(name[i], ".tmp") == NULL && strstr(name[i], ".part") == NULL);
    fn_file_names_free(name, n);
}

static void check_same_bytes(const fn_pack *p, int image, const char *file)
{
    uint8_t *stored;
    char *whole;
    size_t n, size;
    CHECK_OK(fn_pack_bytes(p, image, &stored, &n));
    CHECK_OK(fn_file_read(&whole, &size, fn_test_path(file), 1 << 24));
    CHECK_INT(n, size);
    CHECK(n == size && memcmp(stored, whole, n) == 0);
    fn_free(stored);
    fn_free(whole);
}

TEST(a_folder_becomes_a_pack_in_order)
{
    static const char *const file[] = {"B/2.png", "B/a.jpg", "a b/x.JPG", "a b/y.jpeg",
                                       "c/1.jpg"};
    const int person[] = {0, 0, 1, 1, 2};
    char path[64];
    told t;
    fn_pack_report r;
    fn_pack *p;
    fn_test_scratch();
    for (int i = 4; i >= 0; i--) {
        snprintf(path, sizeof path, "people/%s", file[i]);
        fn_test_put_image(path, i);
    }
    CHECK_OK(make(&t, NULL, &r));
    CHECK_INT(t.n, 0);
    CHECK(t.done == 5 && t.total == 5);
    CHECK(r.people == 3 && r.images == 5 && r.left_out == 0);
    CHECK_OK(fn_pack_open(&p, fn_test_path("test.h5")));
    CHECK_INT(fn_pack_people(p), 3);
    CHECK_INT(fn_pack_images(p), 5);
    CHECK_TEXT(fn_pack_crop(p), "none");
    CHECK_TEXT(fn_pack_path(p), fn_test_path("test.h5"));
    CHECK_INT(strlen(fn_pack_digest(p)), 64);
    size_t sum = 0;
    for (int i = 0; i < 5; i++) {
        uint8_t *bytes;
        size_t n;
        snprintf(path, sizeof path, "%s/%s", fn_pack_person(p, person[i]),
                 fn_pack_name(p, i));
        CHECK_TEXT(path, file[i]);
        CHECK_INT(fn_pack_person_of(p, i), person[i]);
        snprintf(path, sizeof path, "people/%s", file[i]);
        check_same_bytes(p, i, path);
        CHECK_OK(fn_pack_bytes(p, i, &bytes, &n));
        fn_free(bytes);
        sum += n;
    }
    CHECK_INT(r.bytes, sum);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(fn_pack_first(p, i), 2 * i);
        CHECK_INT(fn_pack_count(p, i), i < 2 ? 2 : 1);
    }
    fn_pixels got, want;
    fn_test_draw(&want, 0);
    CHECK_OK(fn_pack_image(p, 0, &got)); /* the PNG: exact */
    CHECK(got.width == 40 && got.height == 32);
    CHECK(memcmp(got.rgb, want.rgb, 40 * 32 * 3) == 0);
    fn_pixels_free(&got);
    fn_pixels_free(&want);
    fn_pack_close(p);
    check_no_drafts();
    fn_test_sweep();
}

/* More images than one chunk: order and bytes are those of the folder all the same. */
TEST(many_images_stay_in_order)
{
    const int count[] = {150, 1, 300, 149};
    char path[64];
    told t;
    fn_pack_report r;
    fn_test_scratch();
    fn_pack *p = fn_test_pack(count, 4);
    CHECK_INT(fn_pack_images(p), 600);
    for (int i = 0; i < 600; i++) {
        snprintf(path, sizeof path, "people/%s/%s",
                 fn_pack_person(p, fn_pack_person_of(p, i)), fn_pack_name(p, i));
        check_same_bytes(p, i, path);
    }
    char digest[65];
    snprintf(digest, sizeof digest, "%s", fn_pack_digest(p));
    CHECK_OK(make(&t, "none", &r)); /* over the open pack, which goes on reading the old */
    CHECK(t.done == 600 && t.total == 600);
    check_same_bytes(p, 599, path);
    fn_pack_close(p);
    CHECK_OK(fn_pack_open(&p, fn_test_path("test.h5")));
    CHECK_TEXT(fn_pack_digest(p), digest);
    fn_pack_close(p);
    CHECK_OK(rename(fn_test_path("people/p001"), fn_test_path("people/p001b")) == 0
                 ? FN_OK
                 : FN_EIO);
    CHECK_OK(make(&t, NULL, &r));
    CHECK_OK(fn_pack_open(&p, fn_test_path("test.h5")));
    CHECK(strcmp(fn_pack_digest(p), digest) != 0);
    fn_pack_close(p);
    fn_test_sweep();
}

/* Noise does not compress: more bytes than the writer copies at once. */
TEST(images_of_several_megabytes_are_copied_whole)
{
    enum { SIDE = 800 };
    char name[64];
    told t;
    fn_pack_report r;
    fn_pack *p;
    uint32_t noise = 1;
    fn_test_scratch();
    for (int i = 0; i < 2; i++) {
        fn_pixels big;
        uint8_t *png;
        size_t size;
        CHECK_OK(fn_pixels_make(&big, SIDE, SIDE));
        for (int k = 0; k < SIDE * SIDE * 3; k++)
            big.rgb[k] = (uint8_t)((noise = noise * 1664525u + 1013904223u) >> 24);
        fn_image image = fn_pixels_view(&big);
        CHECK_OK(fn_encode_png(&png, &size, &image));
        CHECK(size > 3 << 19);
        snprintf(name, sizeof name, "people/%d/big.png", i);
        fn_test_put(name, png, size);
        fn_free(png);
        fn_pixels_free(&big);
    }
    CHECK_OK(make(&t, NULL, &r));
    CHECK_OK(fn_pack_open(&p, fn_test_path("test.h5")));
    check_same_bytes(p, 0, "people/0/big.png");
    check_same_bytes(p, 1, "people/1/big.png");
    fn_pack_close(p);
    fn_test_sweep();
}

TEST(strays_and_damaged_images_are_told_and_left_out)
{
    told t;
    fn_pack_report r;
    fn_pack *p;
    char *jpeg;
    size_t size;
    fn_test_scratch();
    fn_test_put_image("people/ann/1.jpg", 1);
    fn_test_put_image("people/ann/2.jpg", 2);
    fn_test_put_image("people/bob/1.png", 3);
    fn_test_put("people/pairs.txt", "10\t300\n", 7);
    fn_test_put("people/.hidden", "x", 1);
    fn_test_put_image("people/.trash/1.jpg", 4);
    fn_test_put("people/ann/notes.txt", "x", 1);
    fn_test_put("people/ann/.3.jpg", "x", 1);
    fn_test_put("people/ann/text.jpg", "not an image", 12);
    fn_test_put("people/bob/empty.png", "", 0);
    fn_test_put_image("people/bob/nested.jpg/1.jpg", 5);
    CHECK_OK(fn_file_read(&jpeg, &size, fn_test_path("people/ann/1.jpg"), 1 << 20));
    fn_test_put("people/ann/half.jpg", jpeg, size / 2);
    fn_test_put("people/cat/1.jpg", jpeg, size - 3);
    fn_free(jpeg);
    CHECK_OK(fn_file_mkdirs(fn_test_path("people/dan")));
    CHECK_OK(make(&t, NULL, &r));
    check_told(&t, "pairs.txt", "not a person's folder");
    check_told(&t, ".hidden", "hidden");
    check_told(&t, ".trash", "hidden");
    check_told(&t, "ann/notes.txt", "not a .jpg");
    check_told(&t, "ann/.3.jpg", "not a .jpg");
    check_told(&t, "ann/text.jpg", "");
    check_told(&t, "ann/half.jpg", "");
    check_told(&t, "bob/empty.png", "");
    check_told(&t, "bob/nested.jpg", "folder");
    check_told(&t, "cat/1.jpg", "");
    check_told(&t, "cat", "no readable image");
    check_told(&t, "dan", "no readable image");
    CHECK_INT(t.n, 12);
    CHECK(r.people == 2 && r.images == 3 && r.left_out == 5);
    CHECK_OK(fn_pack_open(&p, fn_test_path("test.h5")));
    CHECK_INT(fn_pack_people(p), 2);
    check_same_bytes(p, 1, "people/ann/2.jpg");
    check_same_bytes(p, 2, "people/bob/1.png");
    fn_pack_close(p);
    fn_test_sweep();
}

TEST(folders_that_make_no_pack_are_refused)
{
    const int one[] = {3};
    told t;
    fn_pack_report r;
    fn_pack_options o = {.crop = NULL};
    fn_test_scratch();
    CHECK_FAILS(make(&t, NULL, &r), FN_ENOENT, "no such folder");
    fn_test_put("people", "x", 1);
    CHECK_FAILS(make(&t, NULL, &r), FN_ENOENT, "is not a folder");
    CHECK_OK(fn_file_remove_tree(fn_test_path("people")));
    CHECK_OK(fn_file_mkdirs(fn_test_path("people")));
    CHECK_FAILS(make(&t, NULL, &r), FN_EDATA, "images of 0 people");
    fn_test_put_people(one, 1);
    fn_test_put("people/z/1.jpg", "no image", 8);
    CHECK_FAILS(make(&t, NULL, &r), FN_EDATA, "images of 1 person;");
    check_told(&t, "z", "no readable image");
    CHECK(!fn_file_exists(fn_test_path("test.h5")));
    fn_test_put_image("people/z/1.jpg", 9);
    CHECK_FAILS(make(&t, "square: 3", &r), FN_ECONFIG, "square");
    CHECK_FAILS(make(&t, "landmarks: /nowhere.tsv", &r), FN_ENOENT, "/nowhere.tsv");
    CHECK_FAILS(fn_pack_make(fn_test_path("no/test.h5"), fn_test_path("people"), &o, &r),
                FN_ENOENT, "no/test.h5");
    CHECK_FAILS(fn_pack_make(fn_test_path("people"), fn_test_path("people"), &o, &r),
                FN_EINVAL, "is a folder");
    check_no_drafts();
    fn_test_sweep();
}

TEST(crops_are_stored_as_jpeg)
{
    static const char lines[] =
        "path\tside\tlex\tley\trex\trey\tnx\tny\tlmx\tlmy\trmx\trmy\n"
        "p000/p000_0001.jpg\t40\t12\t10\t28\t10\t20\t17\t14\t24\t27"
        "\t24\n"
        "p001/p001_0001.jpg\t40\t11\t9\t27\t10\t20\t16\t14\t23\t26"
        "\t24\n";
    const int count[] = {2, 1};
    char recipe[LINE];
    told t;
    fn_pack_report r;
    fn_pack *p;
    fn_crop *crop;
    fn_pixels whole, face;
    uint8_t *want, *got;
    size_t size, n;
    fn_test_scratch();
    fn_test_put_people(count, 2);
    fn_test_put("marks.tsv", lines, sizeof lines - 1);
    snprintf(recipe, sizeof recipe, "landmarks: %s", fn_test_path("marks.tsv"));
    CHECK_OK(make(&t, recipe, &r));
    CHECK(r.images == 2 && r.people == 2 && r.left_out == 1);
    CHECK_INT(t.n, 1);
    check_told(&t, "p000/p000_0002.jpg", "no landmarks");
    CHECK_OK(fn_pack_open(&p, fn_test_path("test.h5")));
    CHECK_TEXT(fn_pack_crop(p), recipe);
    CHECK_OK(fn_crop_open(&crop, recipe));
    CHECK_OK(fn_image_read(&whole, fn_test_path("people/p001/p001_0001.jpg")));
    fn_image image = fn_pixels_view(&whole);
    CHECK_OK(fn_crop_apply(&face, crop, &image, "p001/p001_0001.jpg"));
    CHECK_INT(face.width, FN_ALIGN_SIDE);
    image = fn_pixels_view(&face);
    CHECK_OK(fn_encode_jpeg(&want, &size, &image, 95));
    CHECK_OK(fn_pack_bytes(p, 1, &got, &n));
    CHECK(n == size && memcmp(got, want, n) == 0);
    fn_free(want);
    fn_free(got);
    fn_pixels_free(&face);
    fn_pixels_free(&whole);
    fn_crop_close(crop);
    fn_pack_close(p);
    CHECK_OK(make(&t, "centre: 20@20,16", &r));
    CHECK_OK(fn_pack_open(&p, fn_test_path("test.h5")));
    CHECK_OK(fn_pack_image(p, 0, &face));
    CHECK(face.width == 20 && face.height == 20 && fn_pack_images(p) == 3);
    fn_pixels_free(&face);
    fn_pack_close(p);
    fn_test_sweep();
}

/* Files may grow to `limit` bytes and no further, as on a full disk. */
static void limit_files(rlim_t limit)
{
    struct rlimit r;
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &r) == 0);
    r.rlim_cur = limit;
    CHECK(setrlimit(RLIMIT_FSIZE, &r) == 0);
}

TEST(a_full_disk_leaves_the_old_pack)
{
    const int count[] = {2, 3};
    told t;
    fn_pack_report r;
    char *old, *now;
    size_t old_size, size, whole;
    fn_test_scratch();
    fn_pack_close(fn_test_pack(count, 2));
    CHECK_OK(fn_file_read(&old, &old_size, fn_test_path("test.h5"), 1 << 24));
    fn_test_put_image("people/p002/1.jpg", 77);
    CHECK_OK(fn_file_mkdirs(fn_test_path("other")));
    fn_pack_options o = {.crop = NULL};
    CHECK_OK(fn_pack_make(fn_test_path("other/whole.h5"), fn_test_path("people"), &o, &r));
    CHECK_OK(fn_file_read(&now, &whole, fn_test_path("other/whole.h5"), 1 << 24));
    fn_free(now);
    for (size_t limit = 0; limit < whole; limit += whole / 40) {
        limit_files(limit);
        fn_status rc = make(&t, NULL, &r);
        limit_files(RLIM_INFINITY);
        CHECK_INT(rc, FN_EIO);
        CHECK_OK(fn_file_read(&now, &size, fn_test_path("test.h5"), 1 << 24));
        CHECK(size == old_size && memcmp(now, old, size) == 0);
        fn_free(now);
        CHECK(!fn_file_exists(fn_test_path("test.h5.part.tmp")));
    }
    limit_files(whole);
    CHECK_OK(make(&t, NULL, &r));
    limit_files(RLIM_INFINITY);
    CHECK_INT(r.people, 3);
    fn_free(old);
    fn_test_sweep();
}

TEST(every_failed_allocation_of_making_is_reported)
{
    const int count[] = {2, 3};
    told t;
    fn_pack_report r;
    fn_status rc = FN_ENOMEM;
    long n = 1;
    fn_test_scratch();
    fn_test_put_people(count, 2);
    fn_test_put("people/pairs.txt", "x", 1);
    for (; rc != FN_OK && n < 1000; n++) {
        fn_fail_alloc(n);
        rc = make(&t, NULL, &r);
        if (rc != FN_OK)
            CHECK_INT(rc, FN_ENOMEM);
        CHECK(rc == FN_OK || !fn_file_exists(fn_test_path("test.h5")));
        unlink(fn_test_path("test.h5.part")); /* so that all of it is done again */
    }
    fn_fail_alloc(0);
    CHECK(rc == FN_OK && n > 20);
    check_no_drafts();
    fn_test_sweep();
}
