/* test_statistics.c -- the running statistics of batch norm by hand: two batches through a
 * network and its optimizer, then inference with what they left. */
#include "nn/plan.h"
#include "tests/nets.h"
#include "tests/test.h"
#include "train/optim.h"

enum { BATCH = 2, CHANNELS = 3 };

static const char text[] = "name: t\n"
                           "input: 1x1x3\n"
                           "each: {norm: batch, act: none}\n"
                           "layers:\n"
                           "  - conv: {name: a, out: 3, kernel: 1}\n"
                           "heads:\n"
                           "  embedding:\n"
                           "    - fc: {name: e, out: 3, act: none}\n";

static float *weight(const fn_params *p, const char *name)
{
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->param[i].name, name) == 0)
            return p->value + p->param[i].offset;
    FN_TEST_FAIL("no weight %s", name);
    return p->value;
}

/* Convolution and fully connected layer hand on what they get. */
static void make_identity(fn_params *p)
{
    for (int i = 0; i < CHANNELS * CHANNELS; i++) {
        weight(p, "a/conv/kernel")[i] = i % (CHANNELS + 1) == 0;
        weight(p, "e/linear/kernel")[i] = i % (CHANNELS + 1) == 0;
    }
}

static void learn(const fn_graph *g, fn_params *p, const float x[2][BATCH * CHANNELS],
                  fn_backend backend)
{
    static const float nothing[BATCH * CHANNELS];
    fn_plan *plan = NULL;
    fn_optim *o = NULL;
    CHECK_OK(fn_plan_open(&plan, g, p, (fn_plan_options){.backend = backend}));
    CHECK_OK(fn_optim_open(&o, p, (fn_optim_options){.kind = FN_SGD}));
    for (int step = 0; step < 2; step++) {
        CHECK_OK(fn_plan_load(plan));
        CHECK_OK(fn_plan_forward(plan, x[step]));
        CHECK_OK(fn_plan_backward(plan, nothing));
        fn_optim_step(o, 1, 1);
    }
    fn_optim_close(o);
    fn_plan_close(plan);
}

static void check_inference(fn_params *p, fn_plan_options o)
{
    static const float x[BATCH * CHANNELS] = {2.98f, 0.39f, 0, -0.02f, 1.39f, 1};
    fn_net *net = NULL;
    fn_graph *g = NULL;
    fn_plan *plan = NULL;
    CHECK_OK(fn_net_parse(&net, "t.yaml", text, sizeof text - 1));
    CHECK_OK(fn_net_build(&g, net, BATCH, false));
    CHECK_OK(fn_plan_open(&plan, g, p, o));
    CHECK_OK(fn_plan_load(plan));
    CHECK_OK(fn_plan_forward(plan, x));
    const float *y = fn_plan_output(plan, 0);
    CHECK_NEAR(y[0], 2 / sqrt(1.57 + 1e-3), 1e-5);
    CHECK_NEAR(y[1], 0, 1e-5);
    CHECK_NEAR(y[3], -1 / sqrt(1.57 + 1e-3), 1e-5);
    CHECK_NEAR(y[4], 1 / sqrt(0.81 + 1e-3), 1e-5);
    CHECK_NEAR(y[5], 1 / sqrt(2.07 + 1e-3), 1e-5);
    fn_plan_close(plan);
    fn_graph_close(g);
    fn_net_close(net);
}

/* From mean 0 and variance 1 on, each step keeps 0.9 and takes 0.1 of the batch's mean and of
 * its variance, which is that of a population: {0, 4} has 4, not 8. */
static void check(fn_backend backend)
{
    static const float x[2][BATCH * CHANNELS] = {{0, 1, -2, 4, 1, 2}, {6, 3, -3, 10, 3, 3}};
    fn_net *net = NULL;
    fn_graph *g = NULL;
    fn_params *p = NULL;
    CHECK_OK(fn_net_parse(&net, "t.yaml", text, sizeof text - 1));
    CHECK_OK(fn_net_build(&g, net, BATCH, true));
    CHECK_OK(fn_params_open(&p, g, true));
    fn_params_init(p, 1);
    make_identity(p);
    const float *mean = weight(p, "a/batchnorm/mean"), *var = weight(p, "a/batchnorm/var");
    CHECK(mean[0] == 0 && var[0] == 1);
    learn(g, p, x, backend);
    CHECK_NEAR(mean[0], 0.9 * 0.2 + 0.1 * 8, 1e-6);
    CHECK_NEAR(mean[1], 0.9 * 0.1 + 0.1 * 3, 1e-6);
    CHECK_NEAR(mean[2], 0, 1e-6);
    CHECK_NEAR(var[0], 0.9 * 1.3 + 0.1 * 4, 1e-6);
    CHECK_NEAR(var[1], 0.9 * 0.9, 1e-6);
    CHECK_NEAR(var[2], 0.9 * 1.3 + 0.1 * 9, 1e-6);
    check_inference(p, (fn_plan_options){.backend = backend});
    check_inference(p, (fn_plan_options){.backend = backend, .no_fuse = true});
    fn_params_close(p);
    fn_graph_close(g);
    fn_net_close(net);
}

TEST(running_statistics_by_hand)
{
    check(FN_REF);
    check(FN_CPU);
}
