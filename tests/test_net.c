/* test_net.c -- what a network's file may say, and every complaint about one that may not. */
#include "core/file.h"
#include "core/mem.h"
#include "kernels/batchnorm.h"
#include "kernels/conv.h"
#include "kernels/pool.h"
#include "nn/net.h"
#include "nn/rows.h"
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

static fn_status check(const char *text)
{
    fn_graph *g;
    fn_status rc = build(&g, text);
    CHECK((rc == FN_OK) == (g != NULL));
    fn_graph_close(g);
    return rc;
}

/* A whole file around one list of rows; the rows begin in line 4. */
#define ROWS(rows) \
    "name: t\ninput: 9x7x3\nlayers:\n" rows "heads:\n  e: [fc: {name: f, out: 4}]\n"

#define REFUSED(text, status, sentence) CHECK_FAILS(check(text), status, sentence)
#define ROW_REFUSED(row, status, sentence) \
    CHECK_FAILS(check(ROWS(row)), status, "t.yaml:4:" sentence)

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

/* --- what is refused --- */

TEST(the_head_of_the_file)
{
    REFUSED("- lrn\n", FN_ECONFIG, "t.yaml:1:1: a network is a mapping");
    REFUSED("name: [t\n", FN_ECONFIG, "t.yaml:");
    REFUSED("input: 9x7x3\nlayers: [lrn]\nheads: {e: [fc: {out: 2}]}\n", FN_ECONFIG,
            "name");
    REFUSED("name: t\nlayers: [lrn]\nheads: {e: [fc: {out: 2}]}\n", FN_ECONFIG, "input");
    REFUSED("name: a/b\ninput: 9x7x3\nlayers: [lrn]\nheads: {e: [fc: {out: 2}]}\n",
            FN_ECONFIG, "t.yaml:1:7: name: expected 1 to 31 letters");
    REFUSED("name: abcdefghijklmnopqrstuvwxyzabcdef\ninput: 9x7x3\nlayers: [lrn]\n"
            "heads: {e: [fc: {out: 2}]}\n",
            FN_ECONFIG, "t.yaml:1:7: name: expected 1 to 31 letters");
    REFUSED("nmae: t\ninput: 9x7x3\nlayers: [lrn]\nheads: {e: [fc: {out: 2}]}\n",
            FN_ECONFIG, "name");
    REFUSED("name: t\ninput: 9x7x3\nlayres: [lrn]\nheads: {e: [fc: {out: 2}]}\n",
            FN_ECONFIG, "t.yaml:3:1: ");
}

TEST(the_input)
{
    static const char *const bad[] = {
        "9x7",      "9x7x3x1", "0x7x3", "9x-7x3", "09x7x3", "9 x7x3",     "4097x7x3",
        "9x4097x3", "9x7x65",  "9x7x",  "x7x3",   "9x7x3 ", "999999x7x3", "big"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[200];
        snprintf(text, sizeof text,
                 "name: t\ninput: '%s'\nlayers: [lrn]\nheads: {e: [fc: {out: 2}]}\n",
                 bad[i]);
        CHECK_FAILS(check(text), FN_ECONFIG,
                    "t.yaml:2:8: input: expected HEIGHTxWIDTHxCHANNELS");
    }
}

TEST(the_sections)
{
#define HEAD "name: t\ninput: 9x7x3\n"
    REFUSED(HEAD "heads: {e: [fc: {out: 2}]}\n", FN_ECONFIG, "layers is missing");
    REFUSED(HEAD "layers: [lrn]\n", FN_ECONFIG, "heads is missing");
    REFUSED(HEAD "layers: lrn\nheads: {e: [fc: {out: 2}]}\n", FN_ECONFIG,
            "t.yaml:3:9: layers: expected");
    REFUSED(HEAD "layers: [lrn]\nheads: [fc: {out: 2}]\n", FN_ECONFIG,
            "t.yaml:4:8: heads: expected");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [fc: {out: 2}]}\neach: relu\n", FN_ECONFIG,
            "t.yaml:5:7: each: expected");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [fc: {out: 2}]}\ntotal: 5\n", FN_ECONFIG,
            "t.yaml:5:8: total: expected");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [fc: {out: 2}]}\neach: {nrom: batch}\n",
            FN_ECONFIG, "did you mean 'norm'?");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [fc: {out: 2}]}\neach: {norm: bath}\n",
            FN_ECONFIG, "did you mean 'batch'?");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [fc: {out: 2}]}\ntotal: {parms: 5}\n",
            FN_ECONFIG, "did you mean 'params'?");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [fc: {out: 2}]}\ntotal: {params: 5K}\n",
            FN_ECONFIG, "params");
    REFUSED(HEAD "layers: []\nheads: {e: [fc: {out: 2}]}\n", FN_ECONFIG,
            "t.yaml:3:9: expected a list of rows");
    REFUSED(HEAD "layers: [lrn]\nheads: {}\n", FN_ECONFIG,
            "t.yaml:4:8: expected 1 to 8 heads, got 0");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: fc}\n", FN_ECONFIG,
            "t.yaml:4:12: expected a list of rows");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [relu]}\n", FN_ECONFIG,
            "t.yaml:4:12: a head gives one vector an image: end it in fc");
    REFUSED(HEAD "layers: [lrn]\nheads: {a: [fc: {out: 1}], b: [fc: {out: 1}], "
                 "c: [fc: {out: 1}], d: [fc: {out: 1}], e: [fc: {out: 1}], "
                 "f: [fc: {out: 1}], g: [fc: {out: 1}], h: [fc: {out: 1}], "
                 "i: [fc: {out: 1}]}\n",
            FN_ECONFIG, "expected 1 to 8 heads, got 9");
}

TEST(the_word_of_a_row)
{
    ROW_REFUSED("  - [lrn]\n", FN_ECONFIG, "5: a row is one word");
    ROW_REFUSED("  - {lrn: {size: 5}, relu: {}}\n", FN_ECONFIG, "5: a row is one word");
    ROW_REFUSED("  - conv: 5\n", FN_ECONFIG, "11: conv: its attributes are a mapping");
    ROW_REFUSED("  - covn: {out: 4, kernel: 3}\n", FN_ECONFIG,
                "5: there is no layer or op 'covn'; did you mean 'conv'?");
    ROW_REFUSED("  - incepton: {name: a}\n", FN_ECONFIG,
                "5: there is no layer or op "
                "'incepton'; did you mean "
                "'inception'?");
    ROW_REFUSED("  - fork: {ways: 2}\n", FN_ECONFIG, "5: there is no layer or op 'fork'");
    ROW_REFUSED("  - transformer\n", FN_ECONFIG,
                "5: there is no layer or op 'transformer'");
    CHECK(strstr(fn_last_error(), "did you mean") == NULL);
}

TEST(the_attributes_of_a_row)
{
    ROW_REFUSED("  - conv\n", FN_ECONFIG, "5: conv needs out: write `- conv: {out: ...}`");
    ROW_REFUSED("  - conv: {out: 4}\n", FN_ECONFIG, "");
    CHECK(strstr(fn_last_error(), "kernel"));
    ROW_REFUSED("  - conv: {out: 4, kernl: 3}\n", FN_ECONFIG, "20: ");
    CHECK(strstr(fn_last_error(), "did you mean 'kernel'?"));
    ROW_REFUSED("  - conv: {out: 0, kernel: 3}\n", FN_ECONFIG, "17: out: expected");
    ROW_REFUSED("  - conv: {out: 4, kernel: 3, bias: true}\n", FN_ECONFIG, "31: ");
    ROW_REFUSED("  - relu: {slope: 1}\n", FN_ECONFIG, "12: ");
    ROW_REFUSED("  - lrn: {size: 4}\n", FN_EINVAL, "5: lrn: lrn size 4 is even");
    ROW_REFUSED("  - maxpool: {kernel: 12, pad: valid}\n", FN_ESHAPE,
                "5: maxpool: pool kernel 12 is larger than its 9x7 input");
    ROW_REFUSED("  - conv: {name: c, out: 4, kernel: 12, pad: valid}\n", FN_ESHAPE,
                "5: c: conv kernel 12 is larger than its 9x7 input");
    REFUSED(ROWS("  - fc: {name: a, out: 4}\n  - conv: {name: b, out: 4, kernel: 1}\n"),
            FN_ESHAPE, "t.yaml:5:5: b: conv wants N,C,H,W");
}

TEST(the_columns_of_a_row)
{
    ROW_REFUSED("  - lrn: {name: a/b}\n", FN_ECONFIG, "17: name: expected 1 to 31");
    ROW_REFUSED("  - lrn: {name: ''}\n", FN_ECONFIG, "17: name: expected 1 to 31");
    ROW_REFUSED("  - lrn: {name: [a]}\n", FN_ECONFIG, "17: name: expected 1 to 31");
    ROW_REFUSED("  - lrn: {params: 5k}\n", FN_ECONFIG,
                "19: params: expected a figure such as 9K");
    ROW_REFUSED("  - lrn: {flops: lots}\n", FN_ECONFIG,
                "18: flops: expected a figure such as 9K");
    ROW_REFUSED("  - lrn: {gives: 9x7}\n", FN_ECONFIG,
                "18: gives: expected HEIGHTxWIDTHxCHANNELS, got '9x7'");
    ROW_REFUSED("  - lrn: {gives: 9x7x4}\n", FN_ECONFIG,
                "18: lrn gives 9x7x3, the file says 9x7x4");
    ROW_REFUSED("  - lrn: {gives: 7x9x3}\n", FN_ECONFIG,
                "18: lrn gives 9x7x3, the file says 7x9x3");
    ROW_REFUSED("  - fc: {out: 4, gives: 1x1x5}\n", FN_ECONFIG,
                "25: fc gives 1x1x4, the file says 1x1x5");
    REFUSED(ROWS("  - lrn: {name: a}\n  - lrn: {name: a}\n"), FN_ECONFIG,
            "t.yaml:5:17: two rows are named 'a'");
    REFUSED(ROWS("  - lrn: {name: f}\n"), FN_ECONFIG, "two rows are named 'f'");
}

TEST(the_columns_of_a_module)
{
#define MODULE(columns) "  - inception: {name: m, " columns "}\n"
    ROW_REFUSED(MODULE("proj: 4"), FN_ECONFIG, "5: m: no branch: give one of");
    ROW_REFUSED(MODULE("3x3: 4"), FN_ECONFIG, "5: m: 3x3 and 3x3r go together");
    ROW_REFUSED(MODULE("1x1: 4, 3x3r: 4"), FN_ECONFIG, "5: m: 3x3 and 3x3r go together");
    ROW_REFUSED(MODULE("5x5: 4"), FN_ECONFIG, "5: m: 5x5 and 5x5r go together");
    ROW_REFUSED(MODULE("1x1: 4, 5x5r: 4"), FN_ECONFIG, "5: m: 5x5 and 5x5r go together");
    ROW_REFUSED(MODULE("1x1: 4, proj: 4"), FN_ECONFIG, "5: m: proj without pool");
    ROW_REFUSED(MODULE("1x1: 4, pool: max, stride: 2"), FN_ECONFIG,
                "5: m: 1x1 has no stride");
    ROW_REFUSED(MODULE("1x1: 4, 3x3R: 4"), FN_ECONFIG, "");
    CHECK(strstr(fn_last_error(), "did you mean '3x3r'?"));
    ROW_REFUSED(MODULE("1x1: 4, pool: mx"), FN_ECONFIG, "");
    CHECK(strstr(fn_last_error(), "did you mean 'max'?"));
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
                "there is no network 'nn9-bn' in configs/nets or ");
    CHECK(net == NULL);
    CHECK(strstr(fn_last_error(), "did you mean 'nn"));
    CHECK_FAILS(fn_net_open(&net, "perceptron", "/tmp"), FN_ENOENT,
                "there is no network 'perceptron' in /tmp, configs/nets or ");
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
