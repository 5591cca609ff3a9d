/* test_activation.c -- prelu and softmax where agreement with the reference shows nothing: at 0,
 * at the ends of the range, and as words of a network's file. */
#include "kernels/op.h"
#include "nn/net.h"
#include "nn/plan.h"
#include "tests/test.h"

enum { C = 4 };

typedef struct row {
    double x[C], w[C], dy[C], y[C], dx[C], dw[C];
} row;

static const fn_backend backends[] = {FN_REF, FN_CPU};

static void bind(fn_tensor *t, fn_backend b, double *wide, float *narrow, fn_shape s)
{
    for (int k = 0; k < C; k++)
        narrow[k] = (float)wide[k];
    *t = (fn_tensor){.shape = s, .data = b == FN_REF ? (void *)wide : narrow};
}

/* One row of four channels, forward and backward. */
static void run(row *r, const char *op, fn_backend b)
{
    const fn_op *o = fn_op_find(op);
    float f[6][C] = {{0}};
    fn_call c = {.training = true, .n_x = 1, .x[0].shape = FN_NC(1, C)};
    CHECK_OK(o->infer(&c));
    bind(&c.x[0], b, r->x, f[0], c.x[0].shape);
    bind(&c.w[0], b, r->w, f[1], c.w[0].shape);
    bind(&c.dy[0], b, r->dy, f[2], c.x[0].shape);
    bind(&c.y[0], b, r->y, f[3], c.x[0].shape);
    bind(&c.dx[0], b, r->dx, f[4], c.x[0].shape);
    bind(&c.dw[0], b, r->dw, f[5], c.w[0].shape);
    CHECK_OK(o->kernel[b]->forward(&c));
    CHECK_OK(o->kernel[b]->backward(&c));
    for (int k = 0; k < C && b != FN_REF; k++) {
        r->y[k] = (double)f[3][k];
        r->dx[k] = (double)f[4][k];
        r->dw[k] = (double)f[5][k];
    }
}

TEST(prelu_bends_at_zero)
{
    for (int i = 0; i < 2; i++) {
        row r = {.x = {-2, 0, -0.0, 3}, .w = {0.25, 0.5, 0, -1}, .dy = {1, 8, 8, 8}};
        run(&r, "prelu", backends[i]);
        CHECK(r.y[0] == -0.5 && r.y[1] == 0 && r.y[2] == 0 && r.y[3] == 3);
        CHECK(r.dx[0] == 0.25 && r.dx[1] == 4 && r.dx[2] == 0 && r.dx[3] == 8);
        CHECK(r.dw[0] == -2 && r.dw[1] == 0 && r.dw[2] == 0 && r.dw[3] == 0);
    }
}

TEST(softmax_neither_overflows_nor_vanishes)
{
    for (int i = 0; i < 2; i++) {
        row r = {.x = {1000, 1000, -1000, 999}, .dy = {1, 0, 0, 0}};
        double top = 1 / (2 + exp(-1));
        run(&r, "softmax", backends[i]);
        CHECK_NEAR(r.y[0], top, 1e-7);
        CHECK_NEAR(r.y[1], top, 1e-7);
        CHECK(r.y[2] == 0);
        CHECK_NEAR(r.y[3], top * exp(-1), 1e-7);
        CHECK_NEAR(r.dx[0], top * (1 - top), 1e-7);
        CHECK_NEAR(r.dx[1], -top * top, 1e-7);
        row low = {.x = {-1000, -1000, -1000, -1000}};
        run(&low, "softmax", backends[i]);
        CHECK(low.y[0] == 0.25 && low.y[3] == 0.25);
    }
}

TEST(what_is_no_number_is_seen)
{
    for (int i = 0; i < 2; i++) {
        row a = {.x = {1, NAN, -1, 0}, .w = {1, 1, 1, 1}}, b = a;
        run(&a, "prelu", backends[i]);
        CHECK(isnan(a.y[1]) && a.y[0] == 1 && a.y[2] == -1);
        run(&b, "softmax", backends[i]);
        CHECK(isnan(b.y[0]) && isnan(b.y[1]) && isnan(b.y[2]) && isnan(b.y[3]));
    }
}

TEST(a_list_of_channels_is_refused)
{
    fn_call c = {.n_x = 1, .x[0].shape = FN_C(3)};
    CHECK_FAILS(fn_op_find("prelu")->infer(&c), FN_ESHAPE, "prelu wants N,C");
    CHECK_FAILS(fn_op_find("softmax")->infer(&c), FN_ESHAPE, "softmax wants N,C");
}

static const char net_text[] = "name: t\n"
                               "input: 8x8x3\n"
                               "each: {norm: batch, act: prelu}\n"
                               "layers:\n"
                               "  - conv: {name: a, out: 4, kernel: 3}\n"
                               "  - prelu: {name: b}\n"
                               "  - softmax\n"
                               "heads:\n"
                               "  embedding:\n"
                               "    - fc: {name: e, out: 8, act: prelu}\n";

TEST(both_are_words_of_a_network)
{
    static const char *const names[] = {"a/conv",  "a/batchnorm", "a/prelu", "b",
                                        "softmax", "e/linear",    "e/prelu"};
    fn_net *net = NULL;
    fn_graph *g = NULL;
    fn_params *p = NULL;
    CHECK_OK(fn_net_parse(&net, "t.yaml", net_text, strlen(net_text)));
    CHECK_OK(fn_net_build(&g, net, 2, true));
    CHECK_OK(fn_params_open(&p, g, true));
    CHECK_INT(g->n_node, 7);
    for (int i = 0; i < 7; i++)
        CHECK_TEXT(g->node[i].name, names[i]);
    fn_params_init(p, 3);
    const fn_param *slope = &p->param[g->node[2].w[0]];
    CHECK_TEXT(slope->name, "a/prelu/slope");
    CHECK_INT(slope->count, 4);
    CHECK(slope->trained);
    for (int64_t k = 0; k < 4; k++)
        CHECK(p->value[slope->offset + k] == 0.25f);
    fn_params_close(p);
    fn_graph_close(g);
    fn_net_close(net);
}
