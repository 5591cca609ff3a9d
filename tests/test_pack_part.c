/* test_pack_part.c -- the file of what is finished: whose it is, and what of it counts when it is
 * damaged. */
#include "core/rng.h"
#include "data/pack_part.h"
#include "tests/resume.h"

TEST(another_identity_starts_anew)
{
    fn_pack_record record = {.key = "a/b", .body = "x", .size = 1};
    fn_pack_part *part;
    bool anew;
    fn_test_scratch();
    CHECK_OK(fn_pack_part_open(&part, fn_test_path("p"), "facenet 1", &anew));
    CHECK(!anew);
    CHECK_OK(fn_pack_part_add(part, &record));
    fn_pack_part_close(part, false);
    CHECK_OK(fn_pack_part_open(&part, fn_test_path("p"), "facenet 1", &anew));
    CHECK_OK(fn_pack_part_read(part, &record));
    CHECK(!anew && record.key && strcmp(record.key, "a/b") == 0);
    fn_pack_part_take(part);
    fn_pack_part_close(part, false);
    CHECK_OK(fn_pack_part_open(&part, fn_test_path("p"), "facenet 2", &anew));
    CHECK_OK(fn_pack_part_read(part, &record));
    CHECK(anew && !record.key);
    fn_pack_part_close(part, true);
    CHECK(!fn_file_exists(fn_test_path("p.part")));
    fn_test_sweep();
}

TEST(two_at_one_pack)
{
    heard h;
    fn_pack_report r;
    bool anew;
    fn_pack_part *part;
    enter();
    CHECK_OK(pack(&h, "new.h5", NULL, &r));
    CHECK_OK(pack(&h, "fresh.h5", NULL, &r));
    CHECK_OK(fn_pack_part_open(&part, fn_test_path("new.h5"), "somebody", &anew));
    CHECK_FAILS(pack(&h, "new.h5", NULL, &r), FN_EEXIST,
                "somebody else is making this pack");
    CHECK(fn_file_exists(fn_test_path("new.h5.part")));
    CHECK(equal("new.h5", "fresh.h5"));
    fn_pack_part_close(part, false); /* it held no image */
    check_clean("new.h5");
    CHECK_OK(pack(&h, "new.h5", NULL, &r));
    CHECK_INT(h.times, 0);
    fn_test_sweep();
}

TEST(files_of_the_user_stay)
{
    static const char text[] =
        "a letter that happens to have this name, longer than any head";
    heard h;
    fn_pack_report r;
    char *now;
    size_t size;
    enter();
    for (size_t n = 1; n < sizeof text; n += 10) {
        fn_test_put("new.h5.part", text, n);
        CHECK_FAILS(pack(&h, "new.h5", NULL, &r), FN_EEXIST, "move it out of the way");
        CHECK_OK(fn_file_read(&now, &size, fn_test_path("new.h5.part"), 1000));
        CHECK(size == n && memcmp(now, text, n) == 0);
        fn_free(now);
    }
    unlink(fn_test_path("new.h5.part"));
    fn_test_put("letter", text, sizeof text);
    CHECK(symlink(fn_test_path("letter"), fn_test_path("new.h5.part")) == 0);
    CHECK_FAILS(pack(&h, "new.h5", NULL, &r), FN_EIO, "new.h5.part: create");
    CHECK_OK(fn_file_read(&now, &size, fn_test_path("letter"), 1000));
    CHECK(size == sizeof text && memcmp(now, text, size) == 0);
    fn_free(now);
    CHECK(!fn_file_exists(fn_test_path("new.h5")));
    fn_pack_options o = {.crop = NULL};
    CHECK_FAILS(fn_pack_make("/dev/null", fn_test_path("people"), &o, &r), FN_EINVAL,
                "not a regular file");
    CHECK(!fn_file_exists("/dev/null.part"));
    fn_test_sweep();
}

/* Which record has the byte at `at`? 0 is the first, which is no image; `end` receives its end. */
static int record_of(const char *part, size_t size, size_t at, size_t *end)
{
    size_t begin = 0;
    for (int i = 0;; i++) {
        int64_t length[2];
        if (size - begin < 48)
            return i;
        memcpy(length, part + begin + 32, sizeof length);
        *end = begin + 48 + (size_t)length[0] + (size_t)length[1];
        if (at < *end)
            return i;
        begin = *end;
    }
}

TEST(a_damaged_part_counts_up_to_the_damage)
{
    heard h;
    fn_pack_report r;
    char *part, *good;
    size_t size, end;
    enter();
    CHECK_OK(pack(&h, "fresh.h5", NULL, &r));
    stop_at(NULL, SOME);
    CHECK_OK(fn_file_read(&part, &size, fn_test_path("new.h5.part"), 1 << 20));
    CHECK_OK(fn_file_read(&good, &size, fn_test_path("new.h5.part"), 1 << 20));
    int all = record_of(part, size, size, &end) - 1;
    for (uint32_t i = 0; i < 60; i++) {
        fn_rng g = fn_rng_at(i, FN_RNG_TEST, 1, 0);
        size_t first = 48 + 20, at = first + fn_rng_below(&g, (uint32_t)(size - first));
        size_t kept = i % 3 == 1 ? at : size;
        int images = record_of(part, size, at, &end) - 1;
        if (i % 3 == 0)
            part[at] ^= (char)(1 << i % 8);
        else if (i % 3 == 2) /* a sector that was never written */
            memset(part + at, 0, size - at < 512 ? size - at : 512);
        fn_test_put("new.h5.part", part, kept);
        unlink(fn_test_path("new.h5"));
        CHECK_OK(pack(&h, "new.h5", NULL, &r));
        CHECK_INT(recalled(&h), images < 0 ? 0 : images > all ? all : images);
        CHECK(equal("new.h5", "fresh.h5"));
        memcpy(part, good, size);
    }
    /* Every byte of a head: nothing in it is believed that is not true. */
    for (size_t at = 0; at < 48; at += 1 + at % 3) {
        size_t begin;
        (void)record_of(part, size, 0, &begin);
        part[begin + at] ^= 0x41;
        fn_test_put("new.h5.part", part, size);
        CHECK_OK(pack(&h, "new.h5", NULL, &r));
        CHECK(recalled(&h) == 0 && equal("new.h5", "fresh.h5"));
        part[begin + at] ^= 0x41;
    }
    fn_free(part);
    fn_free(good);
    check_clean("new.h5");
    fn_test_sweep();
}
