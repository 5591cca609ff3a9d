/* test_lower_gpu.c -- what is fused for FN_CUDA alone. That it means the same: test_plan_cuda.c. */
#include "core/mem.h"
#include "kernels/conv.h"
#include "kernels/poolnorm.h"
#include "nn/lower.h"
#include "tests/nets.h"
#include "tests/test.h"

static int count(const fn_graph *g, const char *op)
{
    int n = 0;
    for (int i = 0; i < g->n_node; i++)
        n += strcmp(g->node[i].op->name, op) == 0;
    return n;
}

static int count_attr(const fn_graph *g, const char *op, size_t offset)
{
    int n = 0;
    for (int i = 0; i < g->n_node; i++) {
        int set;
        memcpy(&set, g->node[i].attr + offset, sizeof set);
        n += strcmp(g->node[i].op->name, op) == 0 && set;
    }
    return n;
}

static fn_graph *lower_shipped(const char *name, bool training)
{
    fn_net *net = NULL;
    fn_graph *g = NULL, *low = NULL;
    CHECK_OK(fn_net_open(&net, name, NULL));
    CHECK_OK(fn_net_build(&g, net, 2, training));
    CHECK_OK(fn_lower(&low, g, FN_CUDA));
    CHECK_INT(low->n_param, g->n_param);
    fn_graph_close(g);
    fn_net_close(net);
    return low;
}

TEST(a_gpu_pools_and_normalises_in_one)
{
    for (int training = 0; training < 2; training++) {
        fn_graph *low = lower_shipped("nn2", training);
        CHECK_INT(count(low, "poolnorm"), 2);
        CHECK_INT(count(low, "lrn"), 0);
        CHECK_INT(count_attr(low, "poolnorm", offsetof(fn_poolnorm, norm_first)), 1);
        CHECK_INT(count_attr(low, "poolnorm", offsetof(fn_poolnorm, bias)), 2 * training);
        CHECK_INT(count_attr(low, "poolnorm", offsetof(fn_poolnorm, relu)), 2 * training);
        CHECK_INT(count(low, "conv") - count_attr(low, "conv", offsetof(fn_conv, bias)),
                  2 * training);
        fn_graph_close(low);
    }
}

/* The bias of the convolution before is now the poolnorm's, under its own number. */
TEST(a_bias_that_moves_keeps_its_number)
{
    fn_graph *low = lower_shipped("nn2", true);
    CHECK_TEXT(low->node[1].op->name, "poolnorm");
    CHECK_INT(low->node[1].w[0], low->node[0].w[0] + 1);
    CHECK_INT(low->node[1].call.n_w, 1);
    CHECK_INT(low->node[0].call.n_w, 1);
    fn_graph_close(low);
}

static fn_status lower_only(const fn_graph *g)
{
    fn_graph *low = NULL;
    fn_status rc = fn_lower(&low, g, FN_CUDA);
    CHECK((rc == FN_OK) == (low != NULL));
    fn_graph_close(low);
    return rc;
}

TEST(every_failed_allocation_is_reported)
{
    fn_net *net = NULL;
    fn_graph *g = NULL;
    fn_status rc = FN_ENOMEM;
    int n = 0;
    CHECK_OK(fn_net_open(&net, "nn4", NULL));
    CHECK_OK(fn_net_build(&g, net, 1, true));
    while (rc != FN_OK && n < 2000) {
        fn_fail_alloc(++n);
        rc = lower_only(g);
        CHECK(rc == FN_OK || rc == FN_ENOMEM);
    }
    fn_fail_alloc(0);
    CHECK_INT(rc, FN_OK);
    CHECK(n > 50);
    fn_graph_close(g);
    fn_net_close(net);
}
