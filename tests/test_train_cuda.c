/* test_train_cuda.c -- training steps that are the device's alone, beside the same steps on the
 * CPU: whole batches and chunks, numbers that are not finite; what the host waits for; whether
 * there is a device, and whether one was asked for. */
#include "tests/train_rig.h"
#include "train/stepper.h"

enum { STEPS = 6, FEW = 4 };

static void run_steps(fn_trainer *t, double loss[STEPS])
{
    CHECK_OK(fn_trainer_start(t));
    for (int i = 0; i < STEPS; i++) {
        CHECK_OK(fn_trainer_step(t));
        CHECK_OK(fn_trainer_look(t));
        loss[i] = t->loss.loss;
    }
    CHECK_OK(fn_trainer_fetch(t));
}

/* How far the weights are from the CPU's after the steps, beside how far those have come. */
static void check_steps(const char *more, const char *also, double loss_limit,
                        double weight_limit)
{
    fn_trainer cpu, gpu;
    double at_cpu[STEPS], at_gpu[STEPS];
    CHECK_OK(open_trainer(&cpu, "cpu", "train.precision=fp32", also));
    float *before = weights_of(&cpu);
    run_steps(&cpu, at_cpu);
    MUST(open_trainer(&gpu, "cuda", more, also));
    CHECK(gpu.gpu != NULL && cpu.gpu == NULL);
    run_steps(&gpu, at_gpu);
    for (int i = 0; i < STEPS; i++)
        CHECK_NEAR(at_gpu[i], at_cpu[i], loss_limit);
    double off = apart(gpu.params->value, cpu.params->value, cpu.params->count) /
                 apart(cpu.params->value, before, cpu.params->count);
    if (!(off < weight_limit))
        FN_TEST_FAIL("%s, %s: weights are off by %.3g of their way", more, also, off);
    CHECK_INT(gpu.triplets.count, cpu.triplets.count);
    CHECK_INT(gpu.triplets.n, cpu.triplets.n);
    CHECK_INT(*fn_optim_steps(gpu.optim), STEPS);
    fn_free(before);
    fn_trainer_close(&cpu);
    fn_trainer_close(&gpu);
}

/* A choice between triplets that rounding can turn, or the statistics of two faces, would lead the
 * two sides apart: neither is here. */
TEST(steps_on_the_device_are_those_of_the_cpu)
{
    enter();
    put_config("batch", "hardest", "{rate: 0.01}");
    check_steps("train.precision=fp32", "train.chunk=7", 1e-5, 1e-4);
    put_config("batch", "random", "{rate: 0.01, schedule: cosine}"); /* each step another */
    check_steps("train.precision=fp32", "seed=1", 1e-5, 1e-4);
    put_config("batch", "all", "{rate: 0.01}");
    check_steps("train.precision=bf16", "seed=1", 0.05, 0.5);
    leave();
}

/* Threads of a block in any order, queues however late, and whoever looks: the same bits. */
static float *steps_seen(unsigned schedule, fn_emu_pace pace, int every, const char *more)
{
    fn_trainer t;
    fn_emu_schedule(schedule);
    fn_emu_run(pace);
    MUST(open_trainer(&t, "cuda", more, "seed=1"));
    CHECK_OK(fn_trainer_start(&t));
    for (int i = 0; i < FEW; i++) {
        CHECK_OK(fn_trainer_step(&t));
        if (i % every == 0)
            CHECK_OK(fn_trainer_look(&t));
    }
    CHECK_OK(fn_trainer_fetch(&t));
    float *w = weights_of(&t);
    fn_trainer_close(&t);
    fn_emu_schedule(0);
    fn_emu_run(FN_EMU_AT_ONCE);
    return w;
}

TEST(steps_give_the_same_bits_again)
{
    static const char *const more[] = {"train.chunk=0", "train.chunk=5",
                                       "train.precision=bf16"};
    enter();
    for (int i = 0; i < 3; i++) {
        float *a = steps_seen(0, FN_EMU_AT_ONCE, 1, more[i]);
        float *b = steps_seen(3, (fn_emu_pace)(FN_EMU_LATE + i), 4, more[i]);
        CHECK(memcmp(a, b, weight_bytes) == 0);
        fn_free(a);
        fn_free(b);
    }
    leave();
}

/* With SGD and a rate of 1 the weights move by the gradient. */
static float *gradient(const char *device, const char *chunk)
{
    fn_trainer t;
    MUST(open_trainer(&t, device, chunk, "seed=1"));
    float *before = weights_of(&t);
    CHECK_OK(fn_trainer_start(&t));
    CHECK_OK(fn_trainer_step(&t));
    CHECK_OK(fn_trainer_look(&t));
    CHECK_OK(fn_trainer_fetch(&t));
    CHECK(t.loss.loss > 0 && t.gradient > 0);
    for (int64_t i = 0; i < t.params->count; i++)
        before[i] -= t.params->value[i];
    fn_trainer_close(&t);
    return before;
}

TEST(steps_in_chunks_have_the_gradient_of_the_whole_batch)
{
    enter();
    put_config("none", "hardest", "{kind: sgd, momentum: 0, rate: 1}");
    float *whole = gradient("cuda", "train.chunk=12"), *zero = fn_alloc(1, weight_bytes);
    for (int chunk = 4; chunk < 12; chunk += 3) {
        char key[32];
        snprintf(key, sizeof key, "train.chunk=%d", chunk);
        float *cut = gradient("cuda", key), *cpu = gradient("cpu", key);
        int64_t n = (int64_t)(weight_bytes / sizeof(float));
        CHECK(apart(whole, cut, n) < 1e-5 * apart(whole, zero, n));
        CHECK(apart(cpu, cut, n) < 1e-4 * apart(whole, zero, n));
        CHECK(apart(whole, cut, n) > 0); /* it was another sum */
        fn_free(cut);
        fn_free(cpu);
    }
    fn_free(whole);
    fn_free(zero);
    leave();
}

/* --- numbers that are not finite --- */

/* One weight on the device, or on the CPU. */
static void spoil(fn_trainer *t, float by)
{
    CHECK_OK(fn_trainer_fetch(t));
    t->params->value[0] = by;
    CHECK_OK(fn_plan_load(t->plan));
}

TEST(one_of_the_steps_is_passed_over)
{
    fn_trainer t;
    enter();
    MUST(open_trainer(&t, "cuda", "seed=1", "seed=1"));
    CHECK_OK(fn_trainer_start(&t));
    CHECK_OK(fn_trainer_step(&t));
    spoil(&t, NAN);
    float *before = weights_of(&t);
    CHECK_OK(fn_trainer_step(&t));
    CHECK_OK(fn_trainer_look(&t));
    CHECK(isnan(t.loss.loss));
    CHECK_INT(t.skipped, 1);
    CHECK_OK(fn_trainer_fetch(&t));
    CHECK(memcmp(before, t.params->value, weight_bytes) == 0);
    CHECK_INT(*fn_optim_steps(t.optim), 1);
    spoil(&t, 0.25f);
    CHECK_OK(fn_trainer_step(&t));
    CHECK_OK(fn_trainer_look(&t));
    CHECK(t.loss.loss > 0);
    CHECK_INT(t.skipped, 0);
    CHECK_INT(t.record.step, 3);
    fn_free(before);
    fn_trainer_close(&t);
    leave();
}

/* Runs until it fails; the sentence, and how many steps were taken. */
static int64_t fail_of(const char *device, bool look, char *sentence, size_t size)
{
    fn_trainer t;
    fn_status rc = FN_OK;
    MUST(open_trainer(&t, device, "seed=1", "seed=1"));
    CHECK_OK(fn_trainer_start(&t));
    CHECK_OK(fn_trainer_step(&t));
    spoil(&t, NAN);
    while (rc == FN_OK && t.record.step < 2 * FN_PATIENCE * 16) {
        rc = fn_trainer_step(&t);
        if (rc == FN_OK && look)
            rc = fn_trainer_look(&t);
    }
    CHECK_INT(rc, FN_ENUMERIC);
    snprintf(sentence, size, "%s", fn_last_error());
    int64_t steps = t.record.step;
    fn_trainer_close(&t);
    return steps;
}

TEST(three_of_the_steps_in_a_row_end_the_run)
{
    static const char where[] =
        "not finite for 3 steps, first in the weights of one/conv; lower";
    char cpu[256], seen[256], unseen[256];
    enter();
    CHECK_INT(fail_of("cpu", true, cpu, sizeof cpu), 3);
    CHECK_INT(fail_of("cuda", true, seen, sizeof seen), 4);
    CHECK_INT(fail_of("cuda", false, unseen, sizeof unseen), 15);
    CHECK(strstr(cpu, "step 3: loss ") && strstr(cpu, where));
    CHECK(strstr(seen, "step 3: loss ") && strstr(seen, where));
    CHECK_TEXT(unseen, seen);
    leave();
}

/* --- what the host waits for --- */

TEST(nothing_waits_and_nothing_is_claimed_within_a_step)
{
    static const char *const more[] = {"train.chunk=12", "train.chunk=5"};
    enter();
    for (int i = 0; i < 2; i++) {
        fn_trainer t;
        MUST(open_trainer(&t, "cuda", more[i], "seed=1"));
        CHECK_OK(fn_trainer_start(&t));
        for (int step = 0; step < 4; step++) /* until faces have all the room they need */
            CHECK_OK(fn_trainer_step(&t));
        fn_emu_waits();
        fn_emu_played();
        for (int step = 0; step < FEW; step++)
            CHECK_OK(fn_trainer_step(&t));
        CHECK_INT(fn_emu_waits(), 0);
        CHECK_INT(fn_emu_played(), t.cut ? 0 : FEW);
        CHECK_TEXT(t.remark, "");
        CHECK_OK(fn_trainer_look(&t));
        CHECK(fn_emu_waits() > 0);
        fn_trainer_close(&t);
    }
    leave();
}

static void wait_for_node(void *ctx, int node, bool backward)
{
    if (node == 3 && backward && fn_device_wait(ctx) != FN_OK)
        fn_emu_waits(); /* it is recording */
}

/* As a kernel would that waits: no step can be recorded, and all come to the same. */
TEST(a_step_that_waits_is_taken_all_the_same)
{
    fn_trainer t;
    enter();
    float *w = steps_seen(0, FN_EMU_AT_ONCE, 1, "train.chunk=0");
    MUST(open_trainer(&t, "cuda", "train.chunk=0", "seed=1"));
    CHECK_OK(fn_trainer_start(&t));
    fn_plan_watch(t.plan, wait_for_node, t.gpu->device);
    fn_emu_played();
    for (int step = 0; step < FEW; step++)
        CHECK_OK(fn_trainer_step(&t));
    CHECK_INT(fn_emu_played(), 0);
    CHECK(strstr(t.remark, "a step cannot be recorded, and takes longer: "));
    CHECK_OK(fn_trainer_fetch(&t));
    CHECK(memcmp(w, t.params->value, weight_bytes) == 0);
    fn_free(w);
    fn_trainer_close(&t);
    leave();
}

/* --- what it saw --- */

TEST(crops_that_are_made_anew_are_those_of_the_step)
{
    enter();
    for (int i = 0; i < 2; i++) {
        fn_trainer cpu, gpu;
        MUST(open_trainer(&cpu, "cpu", "seed=1", i ? "train.chunk=5" : "seed=1"));
        MUST(open_trainer(&gpu, "cuda", "seed=1", i ? "train.chunk=5" : "seed=1"));
        CHECK_OK(fn_trainer_start(&cpu));
        CHECK_OK(fn_trainer_start(&gpu));
        size_t size = 3 * (size_t)fn_net_height(cpu.net) * (size_t)fn_net_width(cpu.net);
        float *a = fn_alloc(size, sizeof *a), *b = fn_alloc(size, sizeof *b);
        for (int step = 0; step < 2; step++) { /* the second is played */
            CHECK_OK(fn_trainer_step(&cpu));
            CHECK_OK(fn_trainer_step(&gpu));
        }
        CHECK(gpu.batch.x == NULL && cpu.batch.x != NULL);
        for (int slot = 0; slot < cpu.batch.size; slot++) {
            int in = slot - cpu.batch.first; /* of the last piece, there is what was seen */
            CHECK_OK(fn_trainer_crop(&cpu, a, slot));
            CHECK_OK(fn_trainer_crop(&gpu, b, slot));
            CHECK(memcmp(a, b, size * sizeof *a) == 0);
            CHECK(in < 0 ||
                  memcmp(a, cpu.batch.x + (size_t)in * size, size * sizeof *a) == 0);
        }
        fn_free(a);
        fn_free(b);
        fn_trainer_close(&cpu);
        fn_trainer_close(&gpu);
    }
    leave();
}

/* --- a device --- */

TEST(a_device_that_is_not_there_is_refused_where_it_was_asked_for)
{
    fn_trainer t;
    enter();
    fn_emu_plug_in(false);
    CHECK_FAILS(open_trainer(&t, "cuda", "seed=1", "seed=1"), FN_ENODEVICE,
                "not plugged in");
    CHECK_OK(open_trainer(&t, "auto", "seed=1", "seed=1"));
    CHECK(t.gpu == NULL);
    fn_trainer_close(&t);
    fn_emu_plug_in(true);
    CHECK_OK(open_trainer(&t, "auto", "seed=1", "seed=1"));
    CHECK(t.gpu != NULL);
    fn_trainer_close(&t);
    leave();
}

TEST(a_trainer_survives_each_failed_allocation)
{
    fn_trainer t;
    fn_status rc = FN_ENOMEM;
    int failures = 0;
    enter();
    for (long n = 1; rc == FN_ENOMEM; n += 1 + n / 16) {
        fn_config c;
        CHECK_OK(read_config(&c, "cuda", "train.chunk=5", "seed=1"));
        fn_fail_alloc(n);
        rc = fn_trainer_open(&t, &c);
        fn_fail_alloc(0);
        failures += rc == FN_ENOMEM;
    }
    CHECK_OK(rc);
    CHECK(failures > 20);
    fn_trainer_close(&t);
    leave();
}
