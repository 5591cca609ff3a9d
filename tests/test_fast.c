/* test_fast.c -- no node of a shipped network runs on a reference implementation: oneDNN
 * falls back to code a hundred times slower without a word. */
#include "kernels/op.h"
#include "nn/net.h"
#include "nn/plan.h"
#include "tests/test.h"

static void check_lines(const fn_plan *plan, const char *name, int batch, bool training)
{
    for (int i = 0; i < fn_plan_lines(plan); i++) {
        fn_plan_line line;
        fn_plan_line_at(plan, i, &line);
        CHECK(*line.kernel);
        if (line.slow)
            FN_TEST_FAIL("%s, batch %d, %s: %s (%s) runs on %s", name, batch,
                         training ? "training" : "inference", line.name, line.op,
                         line.kernel);
    }
}

/* Nothing runs, so the values cost address space alone, and one set of weights does. */
static void check_plan(const fn_net *net, fn_params *p, int batch, bool training)
{
    fn_graph *g = NULL;
    fn_plan *plan = NULL;
    CHECK_OK(fn_net_build(&g, net, batch, training));
    CHECK_OK(fn_plan_open(&plan, g, p, (fn_plan_options){.backend = FN_CPU}));
    if (plan)
        check_lines(plan, fn_net_name(net), batch, training);
    fn_plan_close(plan);
    fn_graph_close(g);
}

static void check_net(const char *name)
{
    static const int batches[] = {1, 32, 256};
    fn_net *net = NULL;
    fn_graph *g = NULL;
    fn_params *p = NULL;
    CHECK_OK(fn_net_open(&net, name, NULL));
    CHECK_OK(fn_net_build(&g, net, 1, true));
    CHECK_OK(fn_params_open(&p, g, true));
    for (int b = 0; p && b < 3; b++) {
        check_plan(net, p, batches[b], false);
        check_plan(net, p, batches[b], true);
    }
    fn_params_close(p);
    fn_graph_close(g);
    fn_net_close(net);
}

#define FAST(id, name)          \
    TEST(id##_has_no_slow_node) \
    {                           \
        check_net(name);        \
    }
FAST(nn1, "nn1")
FAST(nn2, "nn2")
FAST(nn3, "nn3")
FAST(nn4, "nn4")
FAST(nns1, "nns1")
FAST(nns2, "nns2")
FAST(nn1_bn, "nn1-bn")
FAST(nn2_bn, "nn2-bn")
FAST(nn3_bn, "nn3-bn")
FAST(nn4_bn, "nn4-bn")
FAST(nns1_bn, "nns1-bn")
FAST(nns2_bn, "nns2-bn")
FAST(plain64_bn, "plain64-bn")
