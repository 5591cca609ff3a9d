/* test_lower.c -- what is fused and what is not. That it means the same: test_fuse.c. */
#include "core/mem.h"
#include "kernels/batchnorm.h"
#include "kernels/conv.h"
#include "kernels/format.h"
#include "kernels/lrn.h"
#include "nn/lower.h"
#include "nn/rewrite.h"
#include "tests/graph_count.h"
#include "tests/nets.h"
#include "tests/test.h"

typedef struct pair {
    fn_graph *plain, *low;
    fn_params *p;
} pair;

static pair lower_net(const char *text, bool training)
{
    pair a = {NULL, NULL, NULL};
    CHECK_OK(fn_test_net(&a.plain, &a.p, text, 2, training));
    CHECK_OK(fn_lower(&a.low, a.plain, FN_CPU));
    CHECK_INT(a.low->n_param, a.plain->n_param);
    CHECK(a.low->training == training);
    CHECK_INT(a.low->n_output, 1);
    return a;
}

static void close_pair(pair a)
{
    fn_params_close(a.p);
    fn_graph_close(a.low);
    fn_graph_close(a.plain);
}

TEST(training_fuses_relu_into_convolutions)
{
    pair a = lower_net(FN_TEST_NET("none"), true);
    CHECK_INT(count(a.plain, "relu"), 11);
    CHECK_INT(count(a.low, "relu"), 0);
    CHECK_INT(count(a.low, "conv"), 11);
    CHECK_INT(count_attr(a.plain, "conv", offsetof(fn_conv, relu)), 0);
    CHECK_INT(count_attr(a.low, "conv", offsetof(fn_conv, relu)), 11);
    CHECK_INT(count(a.low, "fork"), 2);
    CHECK_INT(a.low->n_node, a.plain->n_node - 11);
    close_pair(a);
}

TEST(training_keeps_batch_norm_and_fuses_its_relu)
{
    pair a = lower_net(FN_TEST_NET("batch"), true);
    CHECK_INT(count(a.low, "relu"), 0);
    CHECK_INT(count(a.low, "batchnorm"), 11);
    CHECK_INT(count_attr(a.low, "batchnorm", offsetof(fn_batchnorm, relu)), 11);
    CHECK_INT(count_attr(a.low, "conv", offsetof(fn_conv, relu)), 0);
    CHECK_INT(count_attr(a.low, "conv", offsetof(fn_conv, bias)), 0);
    CHECK_INT(a.low->node[0].fold[0], -1);
    close_pair(a);
}

TEST(inference_folds_batch_norm_and_drops_forks)
{
    pair a = lower_net(FN_TEST_NET("batch"), false);
    CHECK_INT(count(a.low, "relu") + count(a.low, "batchnorm") + count(a.low, "fork"), 0);
    CHECK_INT(count_attr(a.low, "conv", offsetof(fn_conv, bias)), 11);
    CHECK_INT(count_attr(a.low, "conv", offsetof(fn_conv, relu)), 11);
    for (int i = 0; i < a.low->n_node; i++) {
        const fn_node *n = &a.low->node[i];
        if (strcmp(n->op->name, "conv") != 0)
            continue;
        for (int k = 0; k < 4; k++) {
            const char *part[] = {"gain", "shift", "mean", "var"};
            char want[64];
            snprintf(want, sizeof want, "%.*s/batchnorm/%s", (int)strlen(n->name) - 5,
                     n->name, part[k]);
            CHECK_TEXT(a.p->param[n->fold[k]].name, want);
        }
        CHECK_INT(n->w[1], -1);
        CHECK_INT(n->call.n_w, 2);
        CHECK_NEAR(n->fold_eps, 1e-3, 1e-9);
        CHECK(strstr(a.p->param[n->w[0]].name, n->name) == a.p->param[n->w[0]].name);
    }
    close_pair(a);
}

TEST(parameters_keep_their_numbers)
{
    for (int t = 0; t < 4; t++) {
        pair a = lower_net(t % 2 ? FN_TEST_NET("batch") : FN_TEST_NET("none"), t / 2);
        for (int i = 0; i < a.low->n_node; i++)
            for (int k = 0; k < a.plain->n_node; k++) {
                const fn_node *n = &a.low->node[i], *was = &a.plain->node[k];
                if (strcmp(n->name, was->name) != 0)
                    continue;
                CHECK_INT(n->row, was->row);
                for (int w = 0; w < was->call.n_w; w++)
                    CHECK_INT(n->w[w], was->w[w]);
            }
        close_pair(a);
    }
}

TEST(folding_is_the_formula)
{
    pair a = lower_net(FN_TEST_NET("batch"), false);
    const fn_node *n = &a.low->node[0];
    const fn_param *w = &a.p->param[n->w[0]];
    const float *v = a.p->value;
    float *kernel = fn_alloc((size_t)w->count, sizeof *kernel), bias[16];
    int64_t each = w->count / 16;
    CHECK_INT(w->shape.dim[0], 16);
    fn_lower_fold(kernel, bias, n, a.p);
    for (int64_t o = 0; o < 16; o++) {
        double gain = (double)v[a.p->param[n->fold[0]].offset + o];
        double shift = (double)v[a.p->param[n->fold[1]].offset + o];
        double mean = (double)v[a.p->param[n->fold[2]].offset + o];
        double var = (double)v[a.p->param[n->fold[3]].offset + o];
        double scale = gain / sqrt(var + 1e-3);
        CHECK(gain != 1 && shift != 0 && mean != 0 && var != 1);
        CHECK_NEAR(bias[o], shift - mean * scale, 1e-6);
        for (int64_t i = o * each; i < (o + 1) * each; i++)
            CHECK_NEAR(kernel[i], (double)v[w->offset + i] * scale, 1e-6);
    }
    fn_free(kernel);
    close_pair(a);
}

/* --- what must not be fused --- */

static const fn_conv conv4 = {.out = 4, .kernel = 3, .stride = 1, .bias = 1};

static fn_graph *conv_and_relu(int *mid, int *end)
{
    fn_graph *g = NULL;
    int x = 0, y[FN_MAX_OUT];
    CHECK_OK(fn_graph_open(&g, "g", (fn_shape)FN_NCHW(1, 3, 5, 5), false));
    CHECK_OK(fn_graph_add(g, fn_op_find("conv"), "c", &conv4, &x, 1, y));
    *mid = y[0];
    CHECK_OK(fn_graph_add(g, fn_op_find("relu"), "r", NULL, y, 1, y));
    *end = y[0];
    return g;
}

TEST(an_output_is_not_fused_away)
{
    int mid, end;
    fn_graph *g = conv_and_relu(&mid, &end), *low = NULL;
    g->n_output = 2;
    g->output[0] = end;
    g->output[1] = mid;
    CHECK_OK(fn_lower(&low, g, FN_CPU));
    CHECK_INT(low->n_node, 2);
    CHECK_INT(count_attr(low, "conv", offsetof(fn_conv, relu)), 0);
    fn_graph_close(low);
    g->n_output = 1;
    CHECK_OK(fn_lower(&low, g, FN_CPU));
    CHECK_INT(low->n_node, 1);
    CHECK_INT(low->output[0], low->node[0].y[0]);
    fn_graph_close(low);
    fn_graph_close(g);
}

TEST(a_value_with_two_readers_is_not_fused_away)
{
    for (int relu_last = 0; relu_last < 2; relu_last++) {
        fn_graph *g = NULL, *low = NULL;
        int x = 0, mid[FN_MAX_OUT], y[FN_MAX_OUT], both[2];
        CHECK_OK(fn_graph_open(&g, "g", (fn_shape)FN_NCHW(1, 3, 5, 5), false));
        CHECK_OK(fn_graph_add(g, fn_op_find("conv"), "c", &conv4, &x, 1, mid));
        for (int k = 0; k < 2; k++) {
            const char *op = k == relu_last ? "relu" : "lrn";
            fn_lrn lrn = {.size = 5, .alpha = 1, .beta = 1, .k = 1};
            CHECK_OK(fn_graph_add(g, fn_op_find(op), op, &lrn, mid, 1, y));
            both[k] = y[0];
        }
        CHECK_OK(fn_graph_add(g, fn_op_find("concat"), "both", NULL, both, 2, y));
        g->n_output = 1;
        g->output[0] = y[0];
        CHECK_OK(fn_lower(&low, g, FN_CPU));
        CHECK_INT(low->n_node, 4);
        CHECK_INT(count_attr(low, "conv", offsetof(fn_conv, relu)), 0);
        fn_graph_close(low);
        fn_graph_close(g);
    }
}

/* A convolution with a bias of its own keeps it: the batch norm stays a node. */
TEST(batch_norm_over_a_bias_is_not_folded)
{
    static const char text[] = "name: t\ninput: 6x6x3\nlayers:\n"
                               "  - conv: {name: c, out: 8, kernel: 3}\n"
                               "  - batchnorm\n"
                               "  - relu\n"
                               "heads: {e: [fc: {name: f, out: 4}]}\n";
    pair a = lower_net(text, false);
    CHECK_INT(a.low->n_node, 3);
    CHECK_INT(count_attr(a.low, "batchnorm", offsetof(fn_batchnorm, relu)), 1);
    CHECK_INT(count_attr(a.low, "conv", offsetof(fn_conv, relu)), 0);
    close_pair(a);
}

/* --- formats --- */

static void check_lies_so(const fn_tensor *t, const fn_value *v)
{
    CHECK_INT(t->format, v->format);
    CHECK_INT(t->type, v->type);
    CHECK(t->step == v->step);
}

static void check_formats(const fn_graph *g)
{
    CHECK_INT(g->value[0].format, FN_PLAIN);
    for (int i = 0; i < g->n_node; i++) {
        const fn_node *n = &g->node[i];
        for (int k = 0; k < n->call.n_x; k++)
            check_lies_so(&n->call.x[k], &g->value[n->x[k]]);
        for (int k = 0; k < n->call.n_y; k++)
            check_lies_so(&n->call.y[k], &g->value[n->y[k]]);
        if (strcmp(n->op->name, "reorder") == 0)
            CHECK(n->call.x[0].format != n->call.y[0].format ||
                  n->call.x[0].type != n->call.y[0].type ||
                  n->call.x[0].step != n->call.y[0].step);
    }
    for (int k = 0; k < g->n_output; k++)
        CHECK_INT(g->value[g->output[k]].format, FN_PLAIN);
}

TEST(neighbours_agree_on_formats)
{
    for (int t = 0; t < 4; t++) {
        pair a = lower_net(t % 2 ? FN_TEST_NET("batch") : FN_TEST_NET("none"), t / 2);
        fn_graph *cpu = NULL, *ref = NULL;
        CHECK_OK(fn_lower_formats(&cpu, a.low, FN_CPU, FN_PRECISION_FP32, NULL));
        check_formats(cpu);
        CHECK_INT(cpu->n_param, a.plain->n_param);
        CHECK_OK(fn_lower_formats(&ref, a.plain, FN_REF, FN_PRECISION_FP32, NULL));
        CHECK_INT(count(ref, "reorder"), 0);
        CHECK_INT(ref->n_node, a.plain->n_node);
        check_formats(ref);
        fn_graph_close(ref);
        fn_graph_close(cpu);
        close_pair(a);
    }
}

/* In a whole network the values stay in one format from the first pool to the last. */
TEST(shipped_networks_need_few_reorders)
{
    static const char *const names[] = {"nn2", "nn4-bn", "nns1"};
    for (int t = 0; t < 6; t++) {
        fn_net *net = NULL;
        fn_graph *g = NULL, *low = NULL, *cpu = NULL;
        CHECK_OK(fn_net_open(&net, names[t / 2], NULL));
        CHECK_OK(fn_net_build(&g, net, 8, t % 2));
        CHECK_OK(fn_lower(&low, g, FN_CPU));
        CHECK_OK(fn_lower_formats(&cpu, low, FN_CPU, FN_PRECISION_FP32, NULL));
        check_formats(cpu);
        if (count(cpu, "reorder") > 2)
            FN_TEST_FAIL("%s: %d reorders", names[t / 2], count(cpu, "reorder"));
        fn_graph_close(cpu);
        fn_graph_close(low);
        fn_graph_close(g);
        fn_net_close(net);
    }
}

/* --- bytes --- */

/* NN2 for inference in u8, value v from 0 to 255 + v, the images from -127 to 1; `low` is what it
 * is made from. */
static fn_graph *lower_bytes(fn_graph **low, int negative)
{
    fn_net *net = NULL;
    fn_graph *g = NULL, *cpu = NULL;
    CHECK_OK(fn_net_open(&net, "nn2", NULL));
    CHECK_OK(fn_net_build(&g, net, 2, false));
    CHECK_OK(fn_lower(low, g, FN_CPU));
    fn_range *range = fn_alloc((size_t)(*low)->n_value, sizeof *range);
    for (int v = 0; v < (*low)->n_value; v++)
        range[v] = (fn_range){v == negative ? -127 : 0, v ? 255 + (float)v : 1};
    range[0].least = -127;
    CHECK_OK(fn_lower_formats(&cpu, *low, FN_CPU, FN_PRECISION_U8, range));
    fn_free(range);
    fn_graph_close(g);
    fn_net_close(net);
    return cpu;
}

static void check_types(const fn_node *n)
{
    const fn_tensor *x = &n->call.x[0], *y = &n->call.y[0];
    bool last = fn_is(n, "avgpool") || fn_is(n, "linear");
    if (fn_is(n, "conv"))
        CHECK_INT(x->type, strcmp(n->name, "conv1/conv") == 0 ? FN_S8 : FN_U8);
    if (x->shape.rank == 4 && !fn_is(n, "reorder"))
        CHECK_INT(y->type, last ? FN_F32 : FN_U8);
    if (x->shape.rank != 4 || fn_is(n, "linear"))
        CHECK(x->type == FN_F32 && y->type == FN_F32);
    for (int k = 0; k < n->call.n_x && fn_is(n, "concat"); k++)
        CHECK(n->call.x[k].step == y->step);
    if (fn_is(n, "maxpool"))
        CHECK(x->step == y->step);
}

/* The images become bytes of either sign; two pools go into concats of wider ranges. */
TEST(between_the_images_and_the_rows_all_is_bytes)
{
    fn_graph *low = NULL, *cpu = lower_bytes(&low, 0);
    check_formats(cpu);
    CHECK_INT(count(cpu, "reorder"), 3);
    CHECK_INT(cpu->n_node, low->n_node + 3);
    for (int i = 0; i < cpu->n_node; i++)
        check_types(&cpu->node[i]);
    CHECK(cpu->value[1].type == FN_S8 && cpu->value[1].step == 1);
    CHECK_NEAR(cpu->value[2].step, 256 / 255.0, 1e-6);
    fn_graph_close(cpu);
    fn_graph_close(low);
}

/* norm1 reads what pool1 gives, and would have to write what is negative. */
TEST(a_value_with_a_sign_is_float_between_nodes_and_a_convolution_reads_it_as_bytes)
{
    fn_graph *low = NULL, *cpu = lower_bytes(&low, 3);
    check_formats(cpu);
    for (int i = 0; i < cpu->n_node; i++) {
        const fn_call *c = &cpu->node[i].call;
        if (strcmp(cpu->node[i].name, "norm1") == 0)
            CHECK(c->x[0].type == FN_U8 && c->y[0].type == FN_F32);
        if (strcmp(cpu->node[i].name, "2/3x3r/conv") == 0) {
            CHECK_INT(c->x[0].type, FN_S8);
            CHECK_NEAR(c->x[0].step, 258 / 127.0, 1e-6);
        }
    }
    CHECK_INT(count(cpu, "reorder"), 4);
    fn_graph_close(cpu);
    fn_graph_close(low);
}

TEST(an_op_without_a_kernel_is_refused)
{
    fn_op bare = *fn_op_find("relu");
    fn_graph *g, *cpu = NULL;
    bare.kernel[FN_CPU] = NULL;
    CHECK_OK(fn_graph_open(&g, "bare", (fn_shape)FN_NCHW(1, 8, 2, 2), false));
    CHECK_OK(fn_graph_add(g, &bare, "r", NULL, (int[]){0}, 1, NULL));
    CHECK_FAILS(fn_lower_formats(&cpu, g, FN_CPU, FN_PRECISION_FP32, NULL), FN_EUNSUPPORTED,
                "has no kernel on this backend");
    CHECK(cpu == NULL);
    fn_graph_close(g);
}

static fn_status lower_all(const fn_graph *g)
{
    fn_graph *low = NULL, *cpu = NULL;
    FN_TRY(fn_lower(&low, g, FN_CPU));
    fn_status rc = fn_lower_formats(&cpu, low, FN_CPU, FN_PRECISION_FP32, NULL);
    CHECK((rc == FN_OK) == (cpu != NULL));
    fn_graph_close(cpu);
    fn_graph_close(low);
    return rc;
}

TEST(every_failed_allocation_is_reported)
{
    pair a = lower_net(FN_TEST_NET("batch"), true);
    fn_status rc = FN_ENOMEM;
    int n = 0;
    while (rc != FN_OK && n < 1000) {
        fn_fail_alloc(++n);
        rc = lower_all(a.plain);
        CHECK(rc == FN_OK || rc == FN_ENOMEM);
    }
    fn_fail_alloc(0);
    CHECK_INT(rc, FN_OK);
    CHECK(n > 50);
    close_pair(a);
}
