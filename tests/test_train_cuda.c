/* test_train_cuda.c -- training steps on the device beside the same steps on the CPU; whether there
 * is a device, and whether one was asked for. */
#include "kernels/gpu.h"
#include "tests/emu/emu.h"
#include "tests/nets.h"
#include "tests/people.h"
#include "train/trainer.h"

enum { STEPS = 3 };

static void put_config(void)
{
    const char *net = FN_TEST_NET("batch");
    char text[FN_TEST_PATH + 400];
    fn_test_put("net.yaml", net, strlen(net));
    snprintf(text, sizeof text,
             "net: %s\nrun: unset\ntrain: {steps: 3, people: 3, faces: 4}\n"
             "loss: {margin: 1}\noptim: {rate: 0.01}\n",
             fn_test_path("net.yaml"));
    fn_test_put("c.yaml", text, strlen(text));
}

static fn_status open_trainer(fn_trainer *t, const char *device, const char *more)
{
    char pack[FN_TEST_PATH + 300], on[32], other[64];
    fn_config c;
    snprintf(pack, sizeof pack, "data.train=%s", fn_test_path("test.h5"));
    snprintf(on, sizeof on, "device=%s", device);
    snprintf(other, sizeof other, "%s", more);
    FN_TRY(fn_config_read(&c, fn_test_path("c.yaml"), (char *const[]){pack, on, other}, 3));
    return fn_trainer_open(t, &c);
}

static void run_steps(fn_trainer *t, double loss[STEPS])
{
    CHECK_OK(fn_trainer_start(t));
    for (int i = 0; i < STEPS; i++) {
        CHECK_OK(fn_trainer_step(t));
        loss[i] = t->loss.loss;
    }
}

/* How far the weights are from the CPU's after the steps, beside how far those have come. */
static void check_steps(const char *more, double loss_limit, double weight_limit)
{
    fn_trainer cpu, gpu;
    double at_cpu[STEPS], at_gpu[STEPS], apart = 0, moved = 0;
    CHECK_OK(open_trainer(&cpu, "cpu", "train.precision=fp32"));
    fn_params *first = cpu.params;
    float *before = fn_alloc((size_t)first->count, sizeof *before);
    memcpy(before, first->value, (size_t)first->count * sizeof *before);
    run_steps(&cpu, at_cpu);
    MUST(open_trainer(&gpu, "cuda", more));
    CHECK(gpu.gpu != NULL && cpu.gpu == NULL);
    run_steps(&gpu, at_gpu);
    for (int i = 0; i < STEPS; i++)
        CHECK_NEAR(at_gpu[i], at_cpu[i], loss_limit);
    for (int64_t i = 0; i < first->count; i++) {
        apart += pow((double)(gpu.params->value[i] - cpu.params->value[i]), 2);
        moved += pow((double)(cpu.params->value[i] - before[i]), 2);
    }
    if (!(sqrt(apart / moved) < weight_limit))
        FN_TEST_FAIL("%s: weights are off by %.3g of their way", more, sqrt(apart / moved));
    fn_free(before);
    fn_trainer_close(&cpu);
    fn_trainer_close(&gpu);
}

TEST(steps_on_the_device_are_those_of_the_cpu)
{
    static const int count[] = {4, 4, 4};
    fn_test_scratch();
    fn_pack_close(fn_test_pack(count, 3));
    put_config();
    fn_emu_plug_in(true);
    check_steps("train.precision=fp32", 1e-4, 0.01);
    check_steps("train.precision=bf16", 0.05, 0.5);
    fn_emu_plug_in(false);
    fn_test_sweep();
}

TEST(a_device_that_is_not_there_is_refused_where_it_was_asked_for)
{
    static const int count[] = {4, 4, 4};
    fn_trainer t;
    fn_test_scratch();
    fn_pack_close(fn_test_pack(count, 3));
    put_config();
    CHECK_FAILS(open_trainer(&t, "cuda", "seed=1"), FN_EUNSUPPORTED, "not plugged in");
    CHECK_OK(open_trainer(&t, "auto", "seed=1"));
    CHECK(t.gpu == NULL);
    fn_trainer_close(&t);
    fn_emu_plug_in(true);
    CHECK_OK(open_trainer(&t, "auto", "seed=1"));
    CHECK(t.gpu != NULL);
    fn_trainer_close(&t);
    fn_emu_plug_in(false);
    fn_test_sweep();
}
