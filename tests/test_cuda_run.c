/* test_cuda_run.c -- whole training runs on an emulated GPU that is missing, too small, or fails: the
 * status, the sentence, and that nothing of a broken GPU is saved. */
#include "nn/model.h"
#include "tests/emu/emu.h"
#include "tests/train_rig.h"
#include "train/train.h"

static int warnings; /* lines that a run has warned in */

static void hear(void *ctx, const char *text)
{
    (void)ctx;
    warnings += strstr(text, "warning") != NULL;
}

static fn_status train(const char *run, const char *more, bool resume)
{
    fn_config c;
    fn_train_options o = {resume, NULL, {hear, NULL}};
    FN_TRY(read_config(&c, "cuda", "train.steps=3", more));
    snprintf(c.run, sizeof c.run, "%s", fn_test_path(run));
    c.save_every = c.log_every = 1;
    return fn_train(&c, &o);
}

static bool has(const char *run, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", run, name);
    return fn_file_exists(fn_test_path(path));
}

/* The weights that a run came to. */
static void digest_of(char digest[65], const char *run)
{
    char path[256];
    fn_model *m = NULL;
    snprintf(path, sizeof path, "%s/model.fnm", run);
    MUST(fn_model_open(&m, fn_test_path(path)));
    snprintf(digest, 65, "%s", fn_model_digest(m));
    fn_model_close(m);
}

/* A run whose n-th launch fails goes on with a sound GPU: it comes to the weights of a run that was
 * not broken, so no checkpoint has anything of the fault, and none is damaged. True: it had one. */
static bool goes_on(const char *run, const char *digest)
{
    char again[65];
    CHECK(!has(run, "model.fnm"));
    if (!has(run, "checkpoints/step_000000001"))
        return false;
    CHECK(!has(run, "checkpoints/step_000000003"));
    warnings = 0;
    CHECK_OK(train(run, "seed=1", true));
    digest_of(again, run);
    CHECK_TEXT(again, digest);
    CHECK_INT(warnings, 0);
    return true;
}

/* Launches of all parts of a run, until there are no more. */
static void check_broken(const char *digest, fn_emu_fault how)
{
    int broken = 0, resumed = 0;
    for (long n = 20;; n *= 2) {
        char run[32];
        snprintf(run, sizeof run, "run-%d-%ld", (int)how, n);
        fn_emu_break(n, how);
        fn_status rc = train(run, "seed=1", false);
        fn_emu_break(0, how);
        if (rc == FN_OK)
            break;
        CHECK_INT(rc, FN_EDEVICE);
        CHECK(strstr(fn_last_error(), how == FN_EMU_NO_START ? "701" : "700") != NULL);
        broken++;
        resumed += goes_on(run, digest);
    }
    CHECK(resumed > 0 && resumed < broken);
}

TEST(a_run_whose_gpu_fails_leaves_what_was_good)
{
    char digest[65];
    enter();
    CHECK_OK(train("whole", "seed=1", false));
    digest_of(digest, "whole");
    check_broken(digest, FN_EMU_NO_START);
    check_broken(digest, FN_EMU_BREAKS_OFF);
    leave();
}

TEST(a_run_without_a_gpu_begins_nothing)
{
    enter();
    fn_emu_plug_in(false);
    CHECK_FAILS(train("none", "seed=1", false), FN_ENODEVICE, "not plugged in");
    CHECK(!fn_file_exists(fn_test_path("none")));
    leave();
}
