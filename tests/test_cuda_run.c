/* test_cuda_run.c -- whole training runs on an emulated GPU that is missing, too small, or fails:
 * the status, the sentence, and that nothing of a broken GPU is saved. */
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

/* A broken run goes on with a sound GPU, and comes to the weights of one that was not broken: no
 * checkpoint has anything of the fault, and none is damaged. True: it had one. */
static bool goes_on(const char *run, const char *more, const char *digest)
{
    char again[65];
    CHECK(!has(run, "model.fnm"));
    if (!has(run, "checkpoints/step_000000001"))
        return false;
    CHECK(!has(run, "checkpoints/step_000000003"));
    warnings = 0;
    CHECK_OK(train(run, more, true));
    digest_of(again, run);
    CHECK_TEXT(again, digest);
    CHECK_INT(warnings, 0);
    return true;
}

/* Launches of all parts of a run, until there are no more. */
static void check_broken(fn_emu_fault how, const char *more)
{
    char digest[65], whole[32], run[32];
    int broken = 0, resumed = 0;
    snprintf(whole, sizeof whole, "whole-%d", (int)how);
    CHECK_OK(train(whole, more, false));
    digest_of(digest, whole);
    for (long n = 20;; n += n / 2) {
        snprintf(run, sizeof run, "run-%d-%ld", (int)how, n);
        fn_emu_break(n, how);
        fn_status rc = train(run, more, false);
        fn_emu_break(0, how);
        if (rc == FN_OK)
            break;
        CHECK_INT(rc, FN_EDEVICE);
        CHECK(strstr(fn_last_error(), how == FN_EMU_NO_START ? "701" : "700") != NULL);
        broken++;
        resumed += goes_on(run, more, digest);
    }
    CHECK(resumed > 0 && resumed < broken);
}

/* A step that is recorded begins again when a launch cannot start; one in chunks is not. */
TEST(a_run_whose_gpu_fails_leaves_what_was_good)
{
    enter();
    check_broken(FN_EMU_NO_START, "train.chunk=5");
    check_broken(FN_EMU_BREAKS_OFF, "train.chunk=12");
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
