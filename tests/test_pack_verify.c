/* test_pack_verify.c -- damage in a pack's images is found, each with its path and reason. */
#include "core/h5.h"
#include "data/pack_write.h"
#include "tests/people.h"

enum { MOST = 8, LINE = 256 };
typedef struct told {
    char path[MOST][LINE], reason[MOST][LINE];
    int n;
    int64_t done;
} told;

static void tell(void *ctx, const char *path, const char *reason, int64_t done,
                 int64_t total)
{
    told *t = ctx;
    t->done = done;
    CHECK(done <= total);
    if (!reason || t->n == MOST)
        return;
    snprintf(t->path[t->n], LINE, "%s", path);
    snprintf(t->reason[t->n++], LINE, "%s", reason);
}

static int64_t where(const char *list)
{
    fn_h5 *h;
    int64_t at;
    CHECK_OK(fn_h5_open(&h, fn_test_path("test.h5")));
    CHECK_OK(fn_h5_offset(h, list, &at));
    fn_h5_close(h);
    return at;
}

/* A flip in the last byte of the last pixel's code: many such decode as if nothing were wrong. */
TEST(any_flipped_bit_of_an_image_is_found)
{
    const int count[] = {300, 2};
    char *file;
    size_t size, n;
    uint8_t *bytes;
    told t = {.n = 0};
    fn_test_scratch();
    fn_pack *p = fn_test_pack(count, 2);
    CHECK(fn_pack_has_checksums(p));
    CHECK_OK(fn_pack_verify(p, tell, &t));
    CHECK(t.n == 0 && t.done == 302);
    int64_t at = where("bytes");
    for (int i = 0; i < 301; i++) {
        CHECK_OK(fn_pack_bytes(p, i, &bytes, &n));
        fn_free(bytes);
        at += (int64_t)n;
    }
    fn_pack_close(p);
    CHECK_OK(fn_file_read(&file, &size, fn_test_path("test.h5"), 1 << 24));
    file[where("bytes") + 40] ^= 1;
    file[at + 500] ^= 4;
    fn_test_put("test.h5", file, size);
    CHECK_OK(fn_pack_open(&p, fn_test_path("test.h5")));
    CHECK_FAILS(fn_pack_verify(p, tell, &t), FN_EDATA, "2 of its 302 images are bad");
    CHECK_INT(t.n, 2);
    CHECK_TEXT(t.path[0], "p000/p000_0001.jpg");
    CHECK_TEXT(t.path[1], "p001/p001_0002.jpg");
    CHECK(strstr(t.reason[0], "its bytes are not those that were packed") == t.reason[0]);
    CHECK_FAILS(fn_pack_bytes(p, 301, &bytes, &n), FN_EDATA, "p001/p001_0002.jpg");
    CHECK(!bytes);
    CHECK_INT(t.done, 302);
    fn_pack_close(p);
    fn_free(file);
    fn_test_sweep();
}

/* What was packed by another program may never have been an image. */
TEST(images_that_do_not_decode_are_found)
{
    fn_pack_record one = {.key = "ann/1.jpg", .body = "P5 1 1 255\n\1", .size = 12};
    fn_pack_record two = {.key = "bob/1.jpg", .body = "GIF89a", .size = 6};
    fn_pack_part *part;
    fn_pack_write *w;
    fn_pack *p;
    told t = {.n = 0};
    fn_test_scratch();
    CHECK_OK(fn_pack_part_scratch(&part, fn_test_path("test.h5")));
    CHECK_OK(fn_pack_part_add(part, &one));
    CHECK_OK(fn_pack_part_add(part, &two));
    CHECK_OK(fn_pack_write_open(&w, fn_test_path("test.h5"), "none"));
    CHECK_OK(fn_pack_write_image(w, "ann", "1.jpg", &one));
    CHECK_OK(fn_pack_write_image(w, "bob", "1.jpg", &two));
    CHECK_OK(fn_pack_write_save(w, part));
    fn_pack_write_close(w);
    fn_pack_part_close(part, true);
    CHECK_OK(fn_pack_open(&p, fn_test_path("test.h5")));
    CHECK_FAILS(fn_pack_verify(p, tell, &t), FN_EDATA, "1 of its 2 images is bad");
    CHECK_INT(t.n, 1);
    CHECK_TEXT(t.path[0], "bob/1.jpg");
    CHECK(strstr(t.reason[0], "neither JPEG") == t.reason[0]);
    fn_fail_alloc(1);
    CHECK_FAILS(fn_pack_verify(p, tell, &t), FN_ENOMEM, "no memory");
    fn_fail_alloc(0);
    fn_pack_close(p);
    fn_test_sweep();
}
