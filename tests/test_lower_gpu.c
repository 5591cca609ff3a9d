/* test_lower_gpu.c -- what is fused for FN_CUDA alone. That it means the same: test_plan_cuda.c. */
#include "core/mem.h"
#include "kernels/batchnorm.h"
#include "kernels/bnjoin.h"
#include "kernels/bnpool.h"
#include "kernels/conv.h"
#include "kernels/convs.h"
#include "kernels/fork.h"
#include "kernels/join.h"
#include "kernels/poolnorm.h"
#include "nn/lower.h"
#include "tests/graph_count.h"
#include "tests/nets.h"
#include "tests/test.h"

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
        fn_graph_close(low);
    }
}

TEST(a_gpu_trains_batch_norm_and_pool_in_one)
{
    for (int training = 0; training < 2; training++) {
        fn_graph *low = lower_shipped("nn2-bn", training);
        CHECK_INT(count(low, "bnpool"), 2 * training);
        CHECK_INT(count_attr(low, "bnpool", offsetof(fn_bnpool, norm.relu)), 2 * training);
        fn_graph_close(low);
    }
}

/* What is left are the norms of 2/3x3r and of each module's two reductions, which neither a pool
 * nor a concat reads. */
TEST(a_gpu_joins_the_batch_norms_of_a_module_in_one)
{
    fn_graph *low = lower_shipped("nn2-bn", true);
    int norms = 0, readers = 0;
    for (int i = 0; i < low->n_node; i++) {
        const fn_node *n = &low->node[i];
        if (strcmp(n->op->name, "bnjoin") != 0)
            continue;
        const fn_bnjoin *a = (const fn_bnjoin *)n->attr;
        CHECK_INT(a->norm, a->relu);
        CHECK_INT(n->call.n_w, 4 * fn_bnjoin_norms(a, n->call.n_x));
        norms += fn_bnjoin_norms(a, n->call.n_x);
        readers += a->ways;
    }
    CHECK_INT(count(low, "bnjoin"), 10);
    CHECK_INT(norms, 8 * 4 + 2 * 2);
    CHECK_INT(readers, 9 * 2 + 1);
    CHECK_INT(count(low, "batchnorm"), 1 + 10 * 2);
    CHECK_INT(count(low, "join") + count(low, "concat"), 0);
    fn_graph_close(low);
    low = lower_shipped("nn2-bn", false);
    CHECK_INT(count(low, "bnjoin"), 0);
    fn_graph_close(low);
}

/* Two norms of other eps, and five: each stays where it is. */
TEST(batch_norms_that_cannot_be_joined_stay)
{
    for (int five = 0; five < 2; five++) {
        const fn_batchnorm norm[2] = {{.eps = 1e-3f}, {.eps = five ? 1e-3f : 1e-2f}};
        int ways = five ? 5 : 2, x = 0, way[FN_MAX_OUT], y[FN_MAX_OUT], branch[5];
        const fn_fork fork = {ways};
        fn_graph *g = NULL, *low = NULL;
        CHECK_OK(fn_graph_open(&g, "g", (fn_shape)FN_NCHW(1, 8, 3, 3), true));
        CHECK_OK(fn_graph_add(g, fn_op_find("fork"), "f", &fork, &x, 1, way));
        for (int i = 0; i < ways; i++)
            CHECK_OK(fn_graph_add(g, fn_op_find("batchnorm"), "n", &norm[i % 2], &way[i], 1,
                                  &branch[i]));
        CHECK_OK(fn_graph_add(g, fn_op_find("concat"), "all", NULL, branch, ways, y));
        g->n_output = 1;
        g->output[0] = y[0];
        CHECK_OK(fn_lower(&low, g, FN_CUDA));
        CHECK_INT(count(low, "batchnorm"), ways);
        CHECK_INT(count(low, "concat"), 1);
        fn_graph_close(low);
        fn_graph_close(g);
    }
}

TEST(a_bias_beside_a_batch_norm_stays_with_its_convolution)
{
    static const fn_fork two = {2};
    static const fn_conv conv = {.out = 8, .kernel = 3, .stride = 1, .bias = 1};
    static const fn_batchnorm norm = {.eps = 1e-3f};
    int x = 0, way[FN_MAX_OUT], y[FN_MAX_OUT], branch[2];
    fn_graph *g = NULL, *low = NULL;
    CHECK_OK(fn_graph_open(&g, "g", (fn_shape)FN_NCHW(1, 8, 3, 3), true));
    CHECK_OK(fn_graph_add(g, fn_op_find("fork"), "f", &two, &x, 1, way));
    CHECK_OK(fn_graph_add(g, fn_op_find("conv"), "c", &conv, &way[0], 1, &branch[0]));
    CHECK_OK(fn_graph_add(g, fn_op_find("batchnorm"), "n", &norm, &way[1], 1, &branch[1]));
    CHECK_OK(fn_graph_add(g, fn_op_find("concat"), "all", NULL, branch, 2, y));
    g->n_output = 1;
    g->output[0] = y[0];
    CHECK_OK(fn_lower(&low, g, FN_CUDA));
    CHECK_INT(count_attr(low, "conv", offsetof(fn_conv, bias)), 1);
    CHECK_INT(count(low, "bnjoin"), 1);
    CHECK_INT(low->node[low->n_node - 1].call.n_w, 4);
    fn_graph_close(low);
    fn_graph_close(g);
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

/* NN2 has ten modules; in 3c and 4e two convolutions read the input, in the others three. In
 * inference 3c's would move as much as they save. */
TEST(a_gpu_makes_one_convolution_of_those_that_read_one_value)
{
    for (int training = 0; training < 2; training++) {
        fn_graph *low = lower_shipped("nn2", training);
        CHECK_INT(count(low, "convs"), training ? 10 : 9);
        CHECK_INT(count(low, "conv"), training ? 3 + 20 + 8 : 3 + 20 + 8 + 2);
        fn_graph_close(low);
    }
}

/* Behind nine of the modules are two readers, a convs and a pool; the fork in front of the first is
 * a poolnorm's. Of a module's branches all but the convs' and a bare pool's have a bias to give. */
TEST(a_gpu_joins_the_branches_of_a_module_in_one)
{
    fn_graph *low = lower_shipped("nn2", true);
    int biases = 0, readers = 0;
    for (int i = 0; i < low->n_node; i++) {
        const fn_node *n = &low->node[i];
        if (strcmp(n->op->name, "join") != 0)
            continue;
        const fn_join *a = (const fn_join *)n->attr;
        CHECK_INT(a->bias, a->relu);
        biases += n->call.n_w;
        readers += a->ways;
    }
    CHECK_INT(count(low, "join"), 10);
    CHECK_INT(readers, 9 * 2 + 1);
    CHECK_INT(biases, 8 * 3 + 2 * 2);
    CHECK_INT(count(low, "concat"), 0);
    CHECK_INT(count(low, "fork"), 1);
    CHECK_INT(count_attr(low, "conv", offsetof(fn_conv, relu)), 1); /* 2/3x3r */
    fn_graph_close(low);
    low = lower_shipped("nn2", false);
    CHECK_INT(count(low, "join"), 0);
    CHECK_INT(count(low, "concat"), 10);
    fn_graph_close(low);
}

/* Convolutions that a batch norm was folded into have weights of their own. */
TEST(folded_convolutions_stay_apart)
{
    fn_graph *low = lower_shipped("nn2-bn", false);
    CHECK_INT(count(low, "convs"), 0);
    fn_graph_close(low);
    low = lower_shipped("nn2-bn", true);
    CHECK_INT(count(low, "convs"), 10);
    CHECK_INT(count_attr(low, "convs", offsetof(fn_convs, bias)), 0);
    fn_graph_close(low);
}

/* Two pairs that differ in their ReLU: each is one, and reads an output of the fork of its own. */
TEST(only_convolutions_of_a_kind_become_one)
{
    static const fn_fork four = {4};
    static const fn_conv conv = {.out = 8, .kernel = 1, .stride = 1, .bias = 1};
    fn_graph *g = NULL, *low = NULL;
    int x = 0, way[FN_MAX_OUT], y[FN_MAX_OUT], branch[4];
    CHECK_OK(fn_graph_open(&g, "g", (fn_shape)FN_NCHW(1, 64, 3, 3), true));
    CHECK_OK(fn_graph_add(g, fn_op_find("fork"), "f", &four, &x, 1, way));
    for (int i = 0; i < 4; i++) {
        CHECK_OK(fn_graph_add(g, fn_op_find("conv"), "c", &conv, &way[i], 1, y));
        if (i % 2)
            CHECK_OK(fn_graph_add(g, fn_op_find("relu"), "r", NULL, y, 1, y));
        branch[i] = y[0];
    }
    CHECK_OK(fn_graph_add(g, fn_op_find("concat"), "all", NULL, branch, 4, y));
    g->n_output = 1;
    g->output[0] = y[0];
    CHECK_OK(fn_lower(&low, g, FN_CUDA));
    CHECK_INT(count(low, "conv"), 0);
    CHECK_INT(count(low, "convs"), 2);
    CHECK_INT(low->node[0].call.n_y, 2);
    CHECK_INT(low->node[1].x[0], low->node[0].y[0]);
    CHECK_INT(low->node[2].x[0], low->node[0].y[1]);
    fn_graph_close(low);
    fn_graph_close(g);
}

/* Every weight is some node's, once. */
TEST(every_parameter_has_one_place)
{
    static const char *const names[] = {"nn1", "nn2", "nn2-bn", "nn4"};
    for (int i = 0; i < 4; i++) {
        fn_graph *low = lower_shipped(names[i], true);
        int *uses = fn_alloc((size_t)low->n_param, sizeof *uses);
        for (int n = 0; n < low->n_node; n++)
            for (int k = 0; k < low->node[n].call.n_w; k++)
                uses[low->node[n].w[k]]++;
        for (int k = 0; k < low->n_param; k++)
            if (uses[k] != 1)
                FN_TEST_FAIL("%s: parameter %d has %d places", names[i], k, uses[k]);
        fn_free(uses);
        fn_graph_close(low);
    }
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
