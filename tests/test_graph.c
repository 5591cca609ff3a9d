/* test_graph.c -- values, nodes and parameters are numbered in the order they are made. */
#include "core/mem.h"
#include "kernels/conv.h"
#include "kernels/fork.h"
#include "nn/graph.h"
#include "tests/test.h"

static const fn_conv conv8 = {.out = 8, .kernel = 3, .stride = 2, .bias = 1};

static fn_graph *open_graph(bool training)
{
    fn_graph *g = NULL;
    CHECK_OK(fn_graph_open(&g, "g", (fn_shape)FN_NCHW(2, 3, 9, 7), training));
    return g;
}

TEST(an_empty_graph_has_its_input_alone)
{
    fn_graph *g = open_graph(true);
    CHECK_TEXT(g->name, "g");
    CHECK_INT(g->n_value, 1);
    CHECK_INT(g->n_node + g->n_param + g->n_row + g->n_output, 0);
    CHECK_INT(g->value[0].maker, -1);
    CHECK_INT(fn_numel(g->value[0].shape), 2 * 3 * 9 * 7);
    CHECK(g->training);
    fn_graph_close(g);
    fn_graph_close(NULL);
}

TEST(a_node_has_shapes_names_and_numbers)
{
    fn_graph *g = open_graph(false);
    int x = 0, y[FN_MAX_OUT];
    CHECK_OK(fn_graph_add(g, fn_op_find("conv"), "one/conv", &conv8, &x, 1, y));
    CHECK_INT(y[0], 1);
    CHECK_OK(fn_graph_add(g, fn_op_find("conv"), "two/conv", &conv8, y, 1, y));
    CHECK_INT(y[0], 2);
    const fn_node *n = &g->node[1];
    CHECK_TEXT(n->name, "two/conv");
    CHECK(n->op == fn_op_find("conv"));
    CHECK_INT(n->x[0], 1);
    CHECK_INT(n->y[0], 2);
    CHECK_INT(n->w[0], 2);
    CHECK_INT(n->w[1], 3);
    CHECK_INT(n->row, -1);
    CHECK_INT(n->fold[0], -1);
    CHECK(!n->call.training);
    CHECK(n->call.attr == NULL);
    CHECK(memcmp(n->attr, &conv8, sizeof conv8) == 0);
    CHECK_INT(g->n_param, 4);
    CHECK_INT(g->value[2].maker, 1);
    char text[64];
    fn_graph_print_shape(text, sizeof text, g->value[1].shape);
    CHECK_TEXT(text, "5x4x8");
    fn_graph_print_shape(text, sizeof text, g->value[2].shape);
    CHECK_TEXT(text, "3x2x8");
    fn_graph_print_shape(text, sizeof text, (fn_shape)FN_NC(5, 128));
    CHECK_TEXT(text, "1x1x128");
    fn_graph_close(g);
}

TEST(a_fork_gives_a_value_for_each_reader)
{
    fn_graph *g = open_graph(true);
    fn_fork three = {3};
    int x = 0, y[FN_MAX_OUT];
    CHECK_OK(fn_graph_add(g, fn_op_find("fork"), "f", &three, &x, 1, y));
    CHECK_INT(g->n_value, 4);
    for (int k = 0; k < 3; k++) {
        CHECK_INT(y[k], k + 1);
        CHECK_INT(g->value[y[k]].maker, 0);
    }
    CHECK_OK(fn_graph_add(g, fn_op_find("concat"), "c", NULL, y, 3, NULL));
    CHECK_INT(g->value[4].shape.dim[1], 9);
    CHECK_INT(g->node[1].x[2], 3);
    CHECK(g->node[1].call.training);
    fn_graph_close(g);
}

TEST(a_refused_node_leaves_the_graph_as_it_was)
{
    fn_graph *g = open_graph(false);
    fn_conv wide = {.out = 8, .kernel = 11, .stride = 1, .pad = FN_VALID};
    int x = 0;
    CHECK_FAILS(fn_graph_add(g, fn_op_find("conv"), "w", &wide, &x, 1, NULL), FN_ESHAPE,
                "kernel 11 is larger than its 9x7 input");
    CHECK_INT(g->n_node, 0);
    CHECK_INT(g->n_value, 1);
    CHECK_INT(g->n_param, 0);
    fn_graph_close(g);
}

TEST(sizes_beyond_all_memory_are_refused)
{
    fn_graph *g = NULL;
    int x = 0;
    CHECK_FAILS(fn_graph_open(&g, "g", (fn_shape)FN_NCHW(1 << 30, 64, 1024, 1024), false),
                FN_ESHAPE, "make it smaller");
    CHECK(g == NULL);
    CHECK_OK(fn_graph_open(&g, "g", (fn_shape)FN_NCHW(1 << 20, 3, 512, 512), false));
    fn_conv many = {.out = 1 << 16, .kernel = 1, .stride = 1};
    CHECK_FAILS(fn_graph_add(g, fn_op_find("conv"), "m", &many, &x, 1, NULL), FN_ESHAPE,
                "make it smaller");
    fn_graph_close(g);
}

static fn_status build_some(void)
{
    fn_graph *g = NULL;
    int v[FN_MAX_OUT] = {0};
    fn_status rc;
    FN_GO(fn_graph_open(&g, "g", (fn_shape)FN_NCHW(2, 3, 9, 7), true));
    FN_GO(fn_graph_add(g, fn_op_find("conv"), "a", &conv8, v, 1, v));
    FN_GO(fn_graph_add(g, fn_op_find("relu"), "b", NULL, v, 1, v));
out:
    fn_graph_close(g);
    return rc;
}

TEST(every_failed_allocation_is_reported)
{
    fn_status rc = FN_ENOMEM;
    int n = 0;
    while (rc != FN_OK && n < 100) {
        fn_fail_alloc(++n);
        rc = build_some();
        CHECK(rc == FN_OK || rc == FN_ENOMEM);
    }
    fn_fail_alloc(0);
    CHECK_INT(rc, FN_OK);
    CHECK_INT(n, 7); /* the graph and its input, two for each node, and one more to end */
}
