/* test_net.c -- what a network's file may say, and how it is found. */
#include "core/file.h"
#include "core/mem.h"
#include "kernels/batchnorm.h"
#include "kernels/conv.h"
#include "kernels/pool.h"
#include "nn/net.h"
#include "tests/nets.h"
#include "tests/test.h"

#include <unistd.h>

static fn_status build(fn_graph **g, const char *text)
{
    fn_net *net;
    *g = NULL;
    FN_TRY(fn_net_parse(&net, "t.yaml", text, strlen(text)));
    fn_status rc = fn_net_build(g, net, 2, true);
    fn_net_close(net);
    return rc;
}

/* A whole file around one list of rows; the rows begin in line 4. */
#define ROWS(rows) \
    "name: t\ninput: 9x7x3\nlayers:\n" rows "heads:\n  e: [fc: {name: f, out: 4}]\n"

/* --- what is built --- */

TEST(rows_expand_into_named_nodes)
{
    static const char *const names[] = {
        "one/conv",    "one/relu",    "maxpool",     "lrn",         "a/fork",
        "a/1x1/conv",  "a/1x1/relu",  "a/3x3r/conv", "a/3x3r/relu", "a/3x3/conv",
        "a/3x3/relu",  "a/5x5r/conv", "a/5x5r/relu", "a/5x5/conv",  "a/5x5/relu",
        "a/pool",      "a/proj/conv", "a/proj/relu", "a/concat",    "b/fork",
        "b/3x3r/conv", "b/3x3r/relu", "b/3x3/conv",  "b/3x3/relu",  "b/5x5r/conv",
        "b/5x5r/relu", "b/5x5/conv",  "b/5x5/relu",  "b/pool",      "b/concat",
        "avgpool",     "f/linear",    "f/maxout",    "e/linear",    "l2norm",
    };
    fn_graph *g;
    CHECK_OK(build(&g, FN_TEST_NET("none")));
    CHECK_INT(g->n_node, sizeof names / sizeof names[0]);
    for (int i = 0; i < g->n_node; i++)
        CHECK_TEXT(g->node[i].name, names[i]);
    CHECK_INT(g->n_output, 1);
    CHECK_INT(g->output[0], g->node[g->n_node - 1].y[0]);
    CHECK_INT(g->value[g->output[0]].shape.dim[0], 2);
    CHECK_INT(g->value[g->output[0]].shape.dim[1], 8);
    fn_graph_close(g);
}

static const fn_node *find(const fn_graph *g, const char *name)
{
    for (int i = 0; i < g->n_node; i++)
        if (strcmp(g->node[i].name, name) == 0)
            return &g->node[i];
    FN_TEST_FAIL("there is no node %s", name);
    return &g->node[0];
}

static fn_conv conv_of(const fn_graph *g, const char *name)
{
    fn_conv a;
    memcpy(&a, find(g, name)->attr, sizeof a);
    return a;
}

TEST(a_module_has_the_columns_of_its_row)
{
    fn_graph *g;
    CHECK_OK(build(&g, FN_TEST_NET("none")));
    CHECK_INT(conv_of(g, "a/1x1/conv").out, 16);
    CHECK_INT(conv_of(g, "a/3x3r/conv").kernel, 1);
    CHECK_INT(conv_of(g, "a/3x3/conv").out, 24);
    CHECK_INT(conv_of(g, "a/3x3/conv").kernel, 3);
    CHECK_INT(conv_of(g, "a/5x5/conv").kernel, 5);
    CHECK_INT(conv_of(g, "a/proj/conv").out, 8);
    CHECK_INT(conv_of(g, "b/3x3r/conv").stride, 1); /* reductions at full resolution */
    CHECK_INT(conv_of(g, "b/3x3/conv").stride, 2);
    CHECK_INT(conv_of(g, "b/5x5r/conv").stride, 1);
    CHECK_INT(conv_of(g, "b/5x5/conv").stride, 2);
    fn_pool pool;
    CHECK_TEXT(find(g, "a/pool")->op->name, "l2pool");
    memcpy(&pool, find(g, "a/pool")->attr, sizeof pool);
    CHECK(pool.kernel == 3 && pool.stride == 1 && pool.norm == FN_POOL_MEAN);
    CHECK_TEXT(find(g, "b/pool")->op->name, "maxpool");
    memcpy(&pool, find(g, "b/pool")->attr, sizeof pool);
    CHECK(pool.kernel == 3 && pool.stride == 2 && pool.pad == FN_SAME);
    CHECK_INT(find(g, "a/concat")->call.n_x, 4);
    CHECK_INT(find(g, "b/concat")->call.n_x, 3);
    CHECK_INT(find(g, "a/concat")->call.x[1].shape.dim[1], 24);
    fn_graph_close(g);
}

TEST(every_value_has_at_most_one_reader)
{
    static const char two_heads[] = "name: t\ninput: 9x7x3\nlayers: [conv: {out: 4, "
                                    "kernel: 3}]\nheads:\n  a: [fc: {out: 2}]\n"
                                    "  b: [fc: {out: 3}, l2norm]\n";
    static const char *const texts[] = {FN_TEST_NET("none"), FN_TEST_NET("batch"),
                                        two_heads};
    for (int t = 0; t < 3; t++) {
        fn_graph *g;
        CHECK_OK(build(&g, texts[t]));
        for (int v = 0; v < g->n_value; v++) {
            int readers = 0;
            for (int i = 0; i < g->n_node; i++)
                for (int k = 0; k < g->node[i].call.n_x; k++)
                    readers += g->node[i].x[k] == v;
            for (int k = 0; k < g->n_output; k++)
                readers += g->output[k] == v;
            CHECK_INT(readers, 1);
        }
        fn_graph_close(g);
    }
}

TEST(a_convolution_under_batch_norm_has_no_bias)
{
    fn_graph *g;
    fn_batchnorm bn;
    CHECK_OK(build(&g, FN_TEST_NET("batch")));
    CHECK_TEXT(g->node[1].name, "one/batchnorm");
    CHECK_TEXT(g->node[2].name, "one/relu");
    CHECK_INT(conv_of(g, "one/conv").bias, 0);
    CHECK_INT(conv_of(g, "a/5x5r/conv").bias, 0);
    memcpy(&bn, find(g, "a/5x5r/batchnorm")->attr, sizeof bn);
    CHECK_NEAR(bn.eps, 1e-3, 1e-9);
    CHECK_INT(bn.relu, 0);
    fn_graph_close(g);
    CHECK_OK(build(&g, FN_TEST_NET("none")));
    CHECK_INT(conv_of(g, "one/conv").bias, 1);
    fn_graph_close(g);
}

TEST(a_row_overrides_each_and_ops_have_their_defaults)
{
    fn_graph *g;
    CHECK_OK(build(&g, "name: t\ninput: 9x7x3\neach: {norm: batch, act: relu}\nlayers:\n"
                       "  - conv: {name: a, out: 4, kernel: 3, norm: none, act: none}\n"
                       "  - conv: {name: b, out: 4, kernel: 3, act: none}\n"
                       "  - l2pool: {kernel: 3}\n"
                       "  - lrn\n"
                       "  - lrn: {alpha: 0.5}\n"
                       "heads: {e: [fc: {name: f, out: 4}]}\n"));
    static const char *const names[] = {"a/conv", "b/conv", "b/batchnorm", "l2pool",
                                        "lrn",    "lrn2",   "f/linear",    "f/relu"};
    CHECK_INT(g->n_node, 8);
    for (int i = 0; i < 8; i++)
        CHECK_TEXT(g->node[i].name, names[i]);
    CHECK_INT(conv_of(g, "a/conv").bias, 1);
    float alpha[2];
    memcpy(&alpha[0], g->node[4].attr + sizeof(int), sizeof(float));
    memcpy(&alpha[1], g->node[5].attr + sizeof(int), sizeof(float));
    CHECK_NEAR(alpha[0], 1e-4, 1e-9);
    CHECK_NEAR(alpha[1], 0.5, 1e-9);
    fn_graph_close(g);
}

TEST(a_module_of_one_branch_needs_no_fork)
{
    fn_graph *g;
    CHECK_OK(build(&g, ROWS("  - inception: {name: 2, 3x3r: 4, 3x3: 8}\n")));
    CHECK_INT(g->n_node, 3);
    CHECK_TEXT(g->node[0].name, "2/3x3r/conv");
    CHECK_TEXT(g->node[1].name, "2/3x3/conv");
    CHECK_TEXT(g->node[2].name, "f/linear");
    fn_graph_close(g);
}

TEST(rows_remember_their_columns_and_their_nodes)
{
    fn_graph *g;
    CHECK_OK(build(&g, ROWS("  - conv: {name: c, out: 4, kernel: 3, act: relu, gives: "
                            "9x7x4, params: 112, flops: 7K}\n"
                            "  - fc: {out: 6, gives: 1x2x3}\n")));
    CHECK_INT(g->n_row, 3);
    CHECK_TEXT(g->row[0].name, "c");
    CHECK_TEXT(g->row[0].gives, "9x7x4");
    CHECK_TEXT(g->row[0].params, "112");
    CHECK_TEXT(g->row[0].flops, "7K");
    CHECK_TEXT(g->row[1].name, "fc");
    CHECK_TEXT(g->row[1].gives, "1x2x3");
    CHECK_TEXT(g->row[1].params, "");
    CHECK_INT(g->node[0].row, 0);
    CHECK_INT(g->node[1].row, 0);
    CHECK_INT(g->node[2].row, 1);
    CHECK_INT(g->node[3].row, 2);
    CHECK_INT(g->row[0].value, g->node[1].y[0]);
    fn_graph_close(g);
}

TEST(several_heads_share_the_trunk)
{
    fn_graph *g;
    CHECK_OK(build(&g, "name: t\ninput: 9x7x3\nlayers: [conv: {out: 4, kernel: 3}]\n"
                       "heads:\n  a: [fc: {out: 2}]\n  b: [fc: {out: 3}, l2norm]\n"));
    CHECK_INT(g->n_output, 2);
    CHECK_TEXT(g->node[1].name, "heads/fork");
    CHECK_INT(g->value[g->output[0]].shape.dim[1], 2);
    CHECK_INT(g->value[g->output[1]].shape.dim[1], 3);
    CHECK_TEXT(g->node[3].name, "fc2/linear");
    fn_graph_close(g);
}

TEST(totals_are_read)
{
    fn_graph *g;
    CHECK_OK(build(&g, "total: {params: 140025664}\n" ROWS("  - lrn\n")));
    CHECK_INT(g->total_params, 140025664);
    CHECK_INT(g->total_flops, 0);
    fn_graph_close(g);
}

/* --- finding the file --- */

TEST(a_network_is_found_by_name_or_path)
{
    fn_net *net = NULL;
    CHECK_OK(fn_net_open(&net, "nn4-bn", NULL));
    CHECK_TEXT(fn_net_name(net), "nn4-bn");
    CHECK_INT(fn_net_height(net), 96);
    CHECK_INT(fn_net_width(net), 96);
    CHECK(strncmp(fn_net_text(net), "# NN4", 5) == 0);
    fn_net_close(net);
    CHECK_OK(fn_net_open(&net, "configs/nets/nns2.yaml", NULL));
    CHECK_INT(fn_net_height(net), 140);
    CHECK_INT(fn_net_width(net), 116);
    fn_net_close(net);
    CHECK_FAILS(fn_net_open(&net, "nn9-bn", NULL), FN_ENOENT,
                "there is no network 'nn9-bn' in configs/nets, /");
    CHECK(net == NULL);
    CHECK(strstr(fn_last_error(), "/share/facenet/nets; did you mean 'nn"));
    CHECK_FAILS(fn_net_open(&net, "perceptron", "/tmp"), FN_ENOENT,
                "there is no network 'perceptron' in /tmp, configs/nets, /");
    CHECK(!strstr(fn_last_error(), "did you mean"));
    CHECK_FAILS(fn_net_open(&net, "no/such.yaml", NULL), FN_ENOENT, "no/such.yaml");
    fn_net_close(NULL);
}

/* The caller's folder comes first; from elsewhere the installed networks are still found. */
TEST(folders_are_searched_in_order)
{
    char folder[] = "/tmp/fn_net_XXXXXX", path[64], here[512];
    static const char text[] = ROWS("  - lrn\n");
    fn_net *net = NULL;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/nn2.yaml", folder);
    CHECK_OK(fn_file_replace(path, text, strlen(text)));
    CHECK_OK(fn_net_open(&net, "nn2", folder));
    CHECK_TEXT(fn_net_name(net), "t");
    fn_net_close(net);
    CHECK_OK(fn_net_open(&net, path, NULL));
    CHECK_TEXT(fn_net_text(net), text);
    fn_net_close(net);
    CHECK(getcwd(here, sizeof here) != NULL);
    CHECK_INT(chdir(folder), 0);
    CHECK_OK(fn_net_open(&net, "nn2", NULL));
    CHECK_TEXT(fn_net_name(net), "nn2");
    fn_net_close(net);
    CHECK_INT(chdir(here), 0);
    CHECK_OK(fn_file_remove_tree(folder));
}

static fn_status open_and_build(void)
{
    fn_net *net = NULL;
    fn_graph *g = NULL;
    FN_TRY(fn_net_open(&net, "nns2-bn", NULL));
    fn_status rc = fn_net_build(&g, net, 1, true);
    fn_graph_close(g);
    fn_net_close(net);
    return rc;
}

TEST(every_failed_allocation_is_reported)
{
    fn_status rc = FN_ENOMEM;
    int n = 0;
    while (rc != FN_OK && n < 5000) {
        fn_fail_alloc(++n);
        rc = open_and_build();
        fn_fail_alloc(0);
        if (rc != FN_OK && rc != FN_ENOMEM)
            FN_TEST_FAIL("allocation %d: %s", n, fn_last_error());
    }
    CHECK_INT(rc, FN_OK);
    CHECK(n > 100);
}
