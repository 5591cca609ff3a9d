/* test_paper.c -- the shipped networks are the paper's: every figure of Schroff et al. 2015,
 * Tables 1 and 2, and the exact totals behind them. */
#include "core/mem.h"
#include "nn/figure.h"
#include "nn/net.h"
#include "nn/params.h"
#include "nn/summary.h"
#include "tests/test.h"

typedef struct table {
    fn_net *net;
    fn_graph *g;
    fn_summary *s;
} table;

static table open_table(const char *name)
{
    table t = {NULL, NULL, NULL};
    CHECK_OK(fn_net_open(&t.net, name, NULL));
    if (t.net)
        CHECK_OK(fn_net_build(&t.g, t.net, 2, true)); /* 2: counts are of one image */
    if (t.g)
        CHECK_OK(fn_summary_open(&t.s, t.g));
    return t;
}

static void close_table(table t)
{
    fn_summary_close(t.s);
    fn_graph_close(t.g);
    fn_net_close(t.net);
}

static void check_totals(const char *name, int64_t params, double millions)
{
    table t = open_table(name);
    CHECK_TEXT(t.g->name, name);
    CHECK_INT(t.s->params, params);
    CHECK_NEAR((double)t.s->multiply_adds / 1e6, millions, 0.05);
    CHECK(!t.s->differs);
    CHECK_INT(t.g->total_params, params);
    CHECK_INT(t.g->total_flops, t.s->multiply_adds);
    close_table(t);
}

TEST(totals_are_exact)
{
    check_totals("nn1", 140025664, 1608.3);
    check_totals("nn2", 7456304, 1599.8);
    check_totals("nn3", 7456304, 816.3);
    check_totals("nn4", 6607888, 285.3);
}

/* One row of a table of the paper. "" is what the paper leaves empty. */
typedef struct printed {
    const char *name, *output, *params, *flops;
    int64_t exact; /* parameters; 0: as printed is all there is */
} printed;

static void check_rows(const char *net, const printed *p)
{
    table t = open_table(net);
    int i = 0;
    for (; p[i].name && i < t.s->n; i++) {
        const fn_summary_row *r = &t.s->row[i];
        CHECK_TEXT(r->name, p[i].name);
        CHECK_TEXT(r->paper_output, p[i].output);
        CHECK_TEXT(r->paper_params, p[i].params);
        CHECK_TEXT(r->paper_flops, p[i].flops);
        CHECK(!r->differs);
        if (p[i].exact)
            CHECK_INT(r->params, p[i].exact);
        if (*p[i].params && !fn_figure_fits(p[i].params, r->params))
            FN_TEST_FAIL("%s %s: %lld is not %s", net, r->name, (long long)r->params,
                         p[i].params);
        if (*p[i].flops && !fn_figure_fits(p[i].flops, r->multiply_adds))
            FN_TEST_FAIL("%s %s: %lld is not %s", net, r->name, (long long)r->multiply_adds,
                         p[i].flops);
        if (!*p[i].params)
            CHECK_INT(r->params, 0);
    }
    CHECK(p[i].name == NULL);
    CHECK_INT(t.s->n, i);
    close_table(t);
}

TEST(nn1_is_table_1)
{
    static const printed rows[] = {{"conv1", "110x110x64", "9K", "115M", 9472},
                                   {"pool1", "55x55x64", "", "", 0},
                                   {"rnorm1", "55x55x64", "", "", 0},
                                   {"conv2a", "55x55x64", "4K", "13M", 4160},
                                   {"conv2", "55x55x192", "111K", "335M", 110784},
                                   {"rnorm2", "55x55x192", "", "", 0},
                                   {"pool2", "28x28x192", "", "", 0},
                                   {"conv3a", "28x28x192", "37K", "29M", 37056},
                                   {"conv3", "28x28x384", "664K", "521M", 663936},
                                   {"pool3", "14x14x384", "", "", 0},
                                   {"conv4a", "14x14x384", "148K", "29M", 147840},
                                   {"conv4", "14x14x256", "885K", "173M", 884992},
                                   {"conv5a", "14x14x256", "66K", "13M", 65792},
                                   {"conv5", "14x14x256", "590K", "116M", 590080},
                                   {"conv6a", "14x14x256", "66K", "13M", 65792},
                                   {"conv6", "14x14x256", "590K", "116M", 590080},
                                   {"pool4", "7x7x256", "", "", 0},
                                   {"fc1", "1x32x128", "103M", "103M", 102768640},
                                   {"fc2", "1x32x128", "34M", "34M", 33562624},
                                   {"fc7128", "1x1x128", "524K", "0.5M", 524416},
                                   {"L2", "1x1x128", "", "", 0},
                                   {0}};
    check_rows("nn1", rows);
}

TEST(nn2_is_table_2)
{
    static const printed rows[] = {{"conv1", "112x112x64", "9K", "119M", 9472},
                                   {"pool1", "56x56x64", "", "", 0},
                                   {"norm1", "56x56x64", "", "", 0},
                                   {"2", "56x56x192", "115K", "360M", 114944},
                                   {"norm2", "56x56x192", "", "", 0},
                                   {"pool2", "28x28x192", "", "", 0},
                                   {"3a", "28x28x256", "164K", "128M", 163696},
                                   {"3b", "28x28x320", "228K", "179M", 227776},
                                   {"3c", "14x14x640", "398K", "108M", 397792},
                                   {"4a", "14x14x640", "545K", "107M", 545536},
                                   {"4b", "14x14x640", "595K", "117M", 595216},
                                   {"4c", "14x14x640", "654K", "128M", 654112},
                                   {"4d", "14x14x640", "722K", "142M", 722224},
                                   {"4e", "7x7x1024", "717K", "56M", 717408},
                                   {"5a", "7x7x1024", "1.6M", "78M", 1588464},
                                   {"5b", "7x7x1024", "1.6M", "78M", 1588464},
                                   {"avgpool", "1x1x1024", "", "", 0},
                                   {"fc", "1x1x128", "131K", "0.1M", 131200},
                                   {"L2", "1x1x128", "", "", 0},
                                   {0}};
    check_rows("nn2", rows);
}

static bool has_node(const fn_graph *g, const char *name)
{
    for (int i = 0; i < g->n_node; i++)
        if (strcmp(g->node[i].name, name) == 0)
            return true;
    return false;
}

static void check_cut(const char *net)
{
    static const char *const module[] = {"3a", "3b", "3c", "4a", "4b",
                                         "4c", "4d", "4e", "5a", "5b"};
    table t = open_table(net);
    for (int i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s/5x5/conv", module[i]);
        CHECK(has_node(t.g, name) == (i < 7));
    }
    close_table(t);
}

TEST(nn4_has_no_5x5_in_exactly_4e_5a_and_5b)
{
    check_cut("nn4");
    check_cut("nn4-bn");
}

/* L2 pooling where Table 2 says "L2", max pooling where it says "m"; by the mean. */
TEST(modules_pool_as_table_2_says)
{
    static const char l2[] = "3b 4a 4b 4c 4d 5a ";
    table t = open_table("nn2");
    int pools = 0;
    for (int i = 0; i < t.g->n_node; i++) {
        const fn_node *n = &t.g->node[i];
        const char *slash = strstr(n->name, "/pool");
        if (!slash)
            continue;
        char module[8];
        snprintf(module, sizeof module, "%.2s ", n->name);
        CHECK_TEXT(n->op->name, strstr(l2, module) ? "l2pool" : "maxpool");
        pools++;
    }
    CHECK_INT(pools, 10);
    close_table(t);
}

static void check_reconstruction(const char *name, const char *params, const char *flops)
{
    table t = open_table(name);
    CHECK(!t.s->differs);
    CHECK(fn_figure_fits(params, t.s->params));
    CHECK(fn_figure_fits(flops, t.s->multiply_adds));
    CHECK_INT(t.g->total_params, t.s->params);
    CHECK_INT(t.g->total_flops, t.s->multiply_adds);
    const char *text = fn_net_text(t.net), *end = strchr(text, '\n');
    const char *word = strstr(text, "RECONSTRUCTION");
    CHECK(word && word < end);
    close_table(t);
}

TEST(the_small_networks_say_that_they_are_reconstructions)
{
    check_reconstruction("nns1", "26M", "220M");
    check_reconstruction("nns2", "4.3M", "20M");
    table t = open_table("nns1-bn");
    CHECK(strstr(fn_net_text(t.net), "RECONSTRUCTION"));
    close_table(t);
}

static int count_ops(const fn_graph *g, const char *op)
{
    int n = 0;
    for (int i = 0; i < g->n_node; i++)
        n += strcmp(g->node[i].op->name, op) == 0;
    return n;
}

static int64_t kernels(const fn_graph *g)
{
    int64_t count = 0;
    for (int i = 0; i < g->n_node; i++)
        if (strcmp(g->node[i].op->name, "conv") == 0)
            count += fn_numel(g->node[i].call.w[0].shape);
    return count;
}

/* The same rows with batch norm for LRN: the same kernels, no bias under a batch norm. */
TEST(bn_networks_are_the_same_rows)
{
    static const char *const names[] = {"nn1", "nn2", "nn3", "nn4", "nns1", "nns2"};
    for (int i = 0; i < 6; i++) {
        char bn[16];
        snprintf(bn, sizeof bn, "%s-bn", names[i]);
        table a = open_table(names[i]), b = open_table(bn);
        CHECK_TEXT(b.g->name, bn);
        CHECK_INT(count_ops(a.g, "batchnorm"), 0);
        CHECK_INT(count_ops(b.g, "lrn"), 0);
        CHECK_INT(count_ops(a.g, "lrn"), 2);
        CHECK_INT(count_ops(b.g, "batchnorm"), count_ops(b.g, "conv"));
        CHECK_INT(count_ops(a.g, "conv"), count_ops(b.g, "conv"));
        CHECK_INT(count_ops(a.g, "relu"), count_ops(b.g, "relu"));
        CHECK_INT(kernels(a.g), kernels(b.g));
        CHECK_INT(fn_net_height(a.net), fn_net_height(b.net));
        CHECK_INT(fn_net_width(a.net), fn_net_width(b.net));
        for (int k = 0; k < b.g->n_node; k++)
            if (strcmp(b.g->node[k].op->name, "conv") == 0)
                CHECK_INT(b.g->node[k].call.n_w, 1);
        CHECK(!b.s->differs);
        close_table(a);
        close_table(b);
    }
}

TEST(parameters_and_table_count_the_same)
{
    static const char *const names[] = {"nn2", "nn4-bn", "nns1"};
    for (int i = 0; i < 3; i++) {
        table t = open_table(names[i]);
        fn_params *p;
        CHECK_OK(fn_params_open(&p, t.g, false));
        CHECK_INT(fn_params_trained(p), t.s->params);
        fn_params_close(p);
        close_table(t);
    }
}

TEST(a_figure_fits_what_is_rounded_or_cut_off_to_it)
{
    CHECK(fn_figure_fits("9K", 9999) && !fn_figure_fits("9K", 10000));
    CHECK(fn_figure_fits("9K", 8500) && !fn_figure_fits("9K", 8499));
    CHECK(fn_figure_fits("0.5M", 599999) && !fn_figure_fits("0.5M", 600000));
    CHECK(fn_figure_fits("0.5M", 450001) && !fn_figure_fits("0.5M", 449999));
    CHECK(fn_figure_fits("1.6B", 1599800000) && !fn_figure_fits("1.6B", 1700000000));
    CHECK(fn_figure_fits("128", 128) && !fn_figure_fits("128", 129));
    CHECK(fn_figure_is("1.6M") && fn_figure_is("0") && fn_figure_is("12.345B"));
    static const char *const bad[] = {"",
                                      "K",
                                      "1.",
                                      ".5M",
                                      "1.6m",
                                      "1.6MM",
                                      "-3",
                                      "1e3",
                                      "1 K",
                                      "1.2345M",
                                      "1234567890123456"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (fn_figure_is(bad[i]))
            FN_TEST_FAIL("'%s' is taken for a figure", bad[i]);
}

static const char wrong[] =
    "name: w\n"
    "input: 8x8x3\n"
    "total: {params: %s, flops: %s}\n"
    "layers:\n"
    "  - conv: {name: a, out: 4, kernel: 1, params: %s, flops: %s}\n"
    "heads:\n"
    "  e: [fc: {name: f, out: 2}]\n";

static void check_differs(const char *const figure[4], bool row, bool all)
{
    char text[512];
    fn_net *net = NULL;
    table t = {NULL, NULL, NULL};
    snprintf(text, sizeof text, wrong, figure[0], figure[1], figure[2], figure[3]);
    CHECK_OK(fn_net_parse(&net, "w.yaml", text, strlen(text)));
    CHECK_OK(fn_net_build(&t.g, net, 3, false));
    CHECK_OK(fn_summary_open(&t.s, t.g));
    CHECK(t.s->row[0].differs == row);
    CHECK(!t.s->row[1].differs);
    CHECK(t.s->differs == all);
    fn_net_close(net);
    close_table(t);
}

TEST(a_wrong_figure_is_seen)
{
    check_differs((const char *const[]){"530", "1538", "16", "1.0K"}, false, false);
    check_differs((const char *const[]){"531", "1538", "16", "1.0K"}, false, true);
    check_differs((const char *const[]){"530", "1539", "16", "1.0K"}, false, true);
    check_differs((const char *const[]){"530", "1538", "17", "1.0K"}, true, true);
    check_differs((const char *const[]){"530", "1538", "16", "1.2K"}, true, true);
}

TEST(every_failed_allocation_is_reported)
{
    table t = open_table("nns2");
    for (long n = 1; n <= 2; n++) {
        fn_summary *s = NULL;
        fn_fail_alloc(n);
        CHECK_FAILS(fn_summary_open(&s, t.g), FN_ENOMEM, "no memory");
        CHECK(s == NULL);
    }
    fn_fail_alloc(0);
    close_table(t);
}
