/* test_manifest.c -- a checkpoint's list of files: what it notices, and lists that are none. */
#include "core/mem.h"
#include "tests/scratch.h"
#include "train/manifest.h"

static const char *const name[] = {"a", "b", NULL};

static void put(const char *file, const char *text)
{
    CHECK_OK(fn_file_replace(fn_scratch(file), text, strlen(text)));
}

static void enter(void)
{
    fn_scratch_enter();
    put("a", "one");
    put("b", "");
    CHECK_OK(fn_manifest_write(fn_scratch_root, name, INT64_C(1) << 40));
}

static fn_status verify(int64_t *step)
{
    return fn_manifest_verify(fn_scratch_root, name, step);
}

TEST(what_was_written_is_there)
{
    int64_t step = 0;
    enter();
    CHECK_OK(verify(&step));
    CHECK_INT(step, INT64_C(1) << 40);
    put("a", "onE");
    CHECK_FAILS(verify(&step), FN_EDATA, "a");
    put("a", "one ");
    CHECK_FAILS(verify(&step), FN_EDATA, "a");
    put("a", "one");
    CHECK_OK(verify(&step));
    CHECK_INT(remove(fn_scratch("b")), 0);
    CHECK(verify(&step) != FN_OK);
    CHECK(fn_manifest_write(fn_scratch_root, name, 1) != FN_OK);
    fn_scratch_leave();
}

TEST(no_manifest_or_another)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "{\"version\": 2, \"step\": 1, \"files\": []}",
                                      "{\"version\": 1, \"version\": 1}",
                                      "{\"version\": \"1\"}"};
    int64_t step;
    enter();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put("manifest.json", bad[i]);
        CHECK_FAILS(verify(&step), FN_EDATA, "manifest.json: not a manifest");
    }
    put("manifest.json", "{\"version\": 1, \"step\": 1}"); /* it lists nothing */
    CHECK_INT(verify(&step), FN_EDATA);
    CHECK_INT(remove(fn_scratch("manifest.json")), 0);
    CHECK_FAILS(verify(&step), FN_ENOENT, "manifest.json");
    fn_scratch_leave();
}

static fn_status write_and_verify(void)
{
    int64_t step;
    FN_TRY(fn_manifest_write(fn_scratch_root, name, 7));
    return verify(&step);
}

TEST(each_failed_allocation_is_told)
{
    fn_status rc = FN_ENOMEM;
    long n = 0;
    enter();
    while (rc == FN_ENOMEM && ++n < 100) {
        fn_fail_alloc(n);
        rc = write_and_verify();
        fn_fail_alloc(0);
    }
    CHECK_OK(rc);
    CHECK(n > 6);
    fn_scratch_leave();
}
