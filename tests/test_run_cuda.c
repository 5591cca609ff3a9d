/* test_run_cuda.c -- whole runs on the device: resumed bit for bit, gone on with on the CPU, cut
 * for the memory that others leave, ended by numbers that are not finite; and a device that is
 * lost on the way. `run` as an argument takes those that a real one can be put through. */
#include "nn/model.h"
#include "tests/train_rig.h"
#include "train/train.h"

enum { STEPS = 6, SAVE = 2, FACES = 12 };

/* Runs c.yaml in the folder `run`. */
static fn_status train(const char *run, const char *device, int steps, bool resume,
                       const char *more)
{
    char many[64];
    fn_config c;
    snprintf(many, sizeof many, "train.steps=%d", steps);
    FN_TRY(read_config(&c, device, many, more));
    snprintf(c.run, sizeof c.run, "%.200s/%.200s", fn_test_root, run);
    c.save_every = SAVE;
    c.save_keep = STEPS;
    c.log_images = 0;
    return fn_train(&c, &(fn_train_options){.resume = resume});
}

/* --- what a run has left --- */

typedef struct left {
    fn_net *net;
    fn_graph *graph;
    fn_params *params;
    fn_optim *optim;
    int64_t step; /* of the newest checkpoint; 0: there is none */
} left;

static void look_at(left *l, const char *run)
{
    fn_config c;
    fn_checkpoint at;
    char passed[256];
    *l = (left){.step = 0};
    CHECK_OK(read_config(&c, "cpu", "seed=1", "seed=1"));
    CHECK_OK(fn_net_open(&l->net, c.net, NULL));
    CHECK_OK(fn_net_build(&l->graph, l->net, 1, true));
    CHECK_OK(fn_params_open(&l->params, l->graph, true));
    CHECK_OK(fn_optim_open(&l->optim, l->params, c.optim));
    at = (fn_checkpoint){l->net, l->params, l->optim, {.step = 0}};
    fn_status rc = fn_checkpoint_load(fn_test_path(run), &at, passed, sizeof passed);
    CHECK(rc == FN_OK || rc == FN_ENOENT);
    CHECK_TEXT(passed, "");
    l->step = rc == FN_OK ? at.record.step : 0;
}

static void let_go(left *l)
{
    fn_optim_close(l->optim);
    fn_params_close(l->params);
    fn_graph_close(l->graph);
    fn_net_close(l->net);
}

/* Whether the newest checkpoints of both hold the same bits. */
static bool same(const left *a, const left *b)
{
    size_t bytes = (size_t)a->params->count * sizeof(float);
    return a->step == b->step && *fn_optim_steps(a->optim) == *fn_optim_steps(b->optim) &&
           memcmp(a->params->value, b->params->value, bytes) == 0 &&
           memcmp(fn_optim_state(a->optim, 0), fn_optim_state(b->optim, 0), bytes) == 0;
}

static void check_resumed(const char *more)
{
    left whole, half, resumed;
    CHECK_OK(train("whole", "cuda", STEPS, false, more));
    CHECK_OK(train("half", "cuda", STEPS / 2, false, more));
    look_at(&half, "half");
    CHECK_OK(train("half", "cuda", STEPS, true, more));
    look_at(&whole, "whole");
    look_at(&resumed, "half");
    CHECK_INT(half.step, STEPS / 2);
    CHECK_INT(whole.step, STEPS);
    CHECK(!same(&whole, &half));
    CHECK(same(&whole, &resumed));
    let_go(&whole);
    let_go(&half);
    let_go(&resumed);
    CHECK_OK(fn_file_remove_tree(fn_test_path("whole")));
    CHECK_OK(fn_file_remove_tree(fn_test_path("half")));
}

TEST(a_resumed_run_gives_the_same_bits)
{
    enter();
    check_resumed("seed=1");
    check_resumed("train.chunk=5");
    check_resumed("train.precision=bf16");
    leave();
}

/* All steps on the CPU, and half of them on the device. */
TEST(a_run_of_the_device_goes_on_on_the_cpu)
{
    left cpu, both;
    enter();
    put_config("batch", "all", "{rate: 0.01}");
    CHECK_OK(train("cpu", "cpu", STEPS, false, "seed=1"));
    CHECK_OK(train("both", "cuda", STEPS / 2, false, "seed=1"));
    CHECK_OK(train("both", "cpu", STEPS, true, "seed=1"));
    look_at(&cpu, "cpu");
    look_at(&both, "both");
    CHECK_INT(both.step, STEPS);
    int64_t n = cpu.params->count;
    float *zero = fn_alloc((size_t)n, sizeof *zero);
    CHECK(!same(&cpu, &both));
    CHECK(apart(cpu.params->value, both.params->value, n) <
          1e-4 * apart(cpu.params->value, zero, n));
    fn_free(zero);
    let_go(&cpu);
    let_go(&both);
    leave();
}

/* --- a device that others have most of --- */

static void open_large(fn_trainer *t)
{
    MUST(open_trainer(t, "cuda", "net=nn2", "train.chunk=0"));
}

/* All of its memory but so much; fn_device_free. */
static void *claim_all_but(fn_device *d, size_t bytes)
{
    fn_device_facts f;
    void *p = NULL;
    MUST(fn_device_ask(d, &f));
    MUST(fn_device_alloc(d, &p, f.free_memory - bytes));
    return p;
}

/* A sixteenth stays free. */
TEST(a_run_on_a_device_that_is_nearly_full_is_cut)
{
    fn_trainer t;
    fn_device *d;
    fn_device_facts f;
    enter();
    MUST(fn_device_open(&d, 0));
    open_large(&t);
    CHECK_INT(t.chunk, FACES);
    fn_trainer_size size = fn_trainer_size_of(&t);
    size_t whole = size.values + size.images + size.weights + size.pairs;
    fn_trainer_close(&t);
    MUST(fn_device_ask(d, &f));
    size_t spare = f.memory / 16;
    void *taken = claim_all_but(d, spare + whole - size.values / 2);
    open_large(&t);
    CHECK(1 < t.chunk && t.chunk < FACES && t.config.chunk == t.chunk);
    MUST(fn_device_ask(d, &f));
    CHECK(f.free_memory >= spare);
    fn_trainer_close(&t);
    fn_device_free(d, taken);
    fn_device_close(d);
    leave();
}

/* --- numbers, and a device, that come to nothing --- */

TEST(a_run_that_comes_to_nothing_ends_and_saves_nothing_of_it)
{
    left l;
    enter();
    put_config("none", "all", "{kind: sgd, rate: 100, decay: 10}");
    CHECK_FAILS(train("run", "cuda", 30, false, "log.every=100"), FN_ENUMERIC,
                "not finite for 3 steps, first in the output of");
    look_at(&l, "run");
    CHECK(l.step < 30);
    for (int64_t i = 0; i < l.params->count; i++)
        CHECK(isfinite(l.params->value[i]));
    let_go(&l);
    leave();
}

/* What there is of checkpoints then is what a sound run would have left. */
TEST(of_a_lost_device_no_checkpoint_is_written)
{
    fn_status rc = FN_EDEVICE;
    int lost = 0, saved = 0;
    enter();
    for (long n = 1; rc == FN_EDEVICE; n += 1 + n / 4) {
        left sound, other;
        char steps[32];
        fn_emu_lose(n);
        rc = train("lost", "cuda", STEPS, false, "seed=1");
        fn_emu_lose(0);
        CHECK(rc == FN_EDEVICE || rc == FN_OK);
        look_at(&other, "lost");
        lost += rc == FN_EDEVICE;
        saved += other.step > 0;
        if (other.step > 0) {
            snprintf(steps, sizeof steps, "sound%d", (int)other.step);
            if (!fn_file_exists(fn_test_path(steps)))
                CHECK_OK(train(steps, "cuda", (int)other.step, false, "seed=1"));
            look_at(&sound, steps);
            CHECK(same(&sound, &other));
            let_go(&sound);
        }
        let_go(&other);
        if (fn_file_exists(fn_test_path("lost")))
            CHECK_OK(fn_file_remove_tree(fn_test_path("lost")));
    }
    CHECK(lost > saved && saved > 1);
    leave();
}
