/* test_traffic_cuda.c -- the bytes of a small network, as it is without what lower_gpu.c fuses,
 * counted by hand. */
#include "nn/lower.h"
#include "nn/traffic.h"
#include "tests/nets.h"
#include "tests/test.h"

/* Of a photograph 8x8x3: conv to 4x4x8 with its ReLU, a module of two 1x1 convolutions to 4x4x16,
 * all of it averaged, 4 numbers from it. */
static const char text[] = "name: small\n"
                           "input: 8x8x3\n"
                           "each: {norm: none, act: relu}\n"
                           "layers:\n"
                           "  - conv: {name: a, out: 8, kernel: 3, stride: 2}\n"
                           "  - inception: {name: m, 1x1: 8, 3x3r: 8, 3x3: 8}\n"
                           "  - avgpool: {kernel: 0}\n"
                           "heads:\n"
                           "  embedding:\n"
                           "    - fc: {out: 4, act: none}\n"
                           "    - l2norm\n";

enum {
    N = 5,
    IMAGES = N * 8 * 8 * 3,
    EIGHT = N * 4 * 4 * 8, /* numbers of a value of eight channels */
    A = 8 * 3 * 3 * 3 + 8, /* weights, with biases */
    ONE = 8 * 8 + 8,       /* of a 1x1 convolution */
    THREE = 8 * 3 * 3 * 8 + 8,
    FC = 4 * 16 + 4
};

static fn_graph *lowered(fn_precision precision, bool training)
{
    fn_graph *plain, *fused, *g;
    fn_params *p;
    MUST(fn_test_net(&plain, &p, text, N, training));
    MUST(fn_lower(&fused, plain, FN_CPU));
    MUST(fn_lower_formats(&g, fused, FN_CUDA, precision, NULL));
    fn_params_close(p);
    fn_graph_close(fused);
    fn_graph_close(plain);
    return g;
}

/* A convolution of x to y, and back: dy, y for the ReLU's mask, x, and dx. */
static int64_t forward(int64_t each, int64_t x, int64_t w, int64_t y)
{
    return each * (x + w + y);
}

static int64_t back(int64_t each, int64_t x, int64_t w, int64_t y, int64_t dx)
{
    return each * (2 * y + x + w + dx) + 4 * w;
}

static void check(fn_precision precision, int64_t each)
{
    fn_graph *g = lowered(precision, true);
    fn_traffic t = fn_traffic_of(g);
    /* the head's: a mean of 16 channels, rows of floats from there on */
    int64_t mean = N * 16, rows = N * 4;
    int64_t head = each * (2 * EIGHT + mean) + each * mean + each * FC + 4 * rows +
                   4 * (rows + rows);
    int64_t want = forward(each, IMAGES, A, EIGHT) + 2 * forward(each, EIGHT, ONE, EIGHT) +
                   forward(each, EIGHT, THREE, EIGHT) + each * 4 * EIGHT + head;
    CHECK_INT(t.forward, want);
    int64_t head_back = each * (mean + 2 * EIGHT) + 4 * rows + each * (FC + 2 * mean) +
                        4 * FC + 4 * (3 * rows);
    want = back(each, IMAGES, A, EIGHT, 0) + 2 * back(each, EIGHT, ONE, EIGHT, EIGHT) +
           back(each, EIGHT, THREE, EIGHT, EIGHT) + each * 3 * EIGHT /* the fork's sum */ +
           each * 4 * EIGHT + head_back;
    CHECK_INT(t.backward, want);
    fn_graph_close(g);
}

TEST(a_network_of_floats)
{
    check(FN_PRECISION_FP32, 4);
}

TEST(a_network_in_bf16)
{
    check(FN_PRECISION_BF16, 2);
}

TEST(inference_does_not_go_back)
{
    fn_graph *train = lowered(FN_PRECISION_BF16, true);
    fn_graph *infer = lowered(FN_PRECISION_BF16, false);
    CHECK_INT(fn_traffic_of(infer).backward, 0);
    CHECK_INT(fn_traffic_of(infer).forward, fn_traffic_of(train).forward);
    fn_graph_close(train);
    fn_graph_close(infer);
}

/* Between two modules there is a join of two readers: written once, two gradients back. */
TEST(the_outputs_of_a_join_are_one)
{
    fn_graph *plain, *fused, *g;
    fn_params *p;
    int joins = 0;
    MUST(fn_test_net(&plain, &p, FN_TEST_NET("none"), N, true));
    MUST(fn_lower(&fused, plain, FN_CUDA));
    MUST(fn_lower_formats(&g, fused, FN_CUDA, FN_PRECISION_BF16, NULL));
    for (int i = 0; i < g->n_node; i++) {
        const fn_call *c = &g->node[i].call;
        if (strcmp(g->node[i].op->name, "join") != 0 || c->n_y != 2)
            continue;
        int64_t y = 2 * fn_numel(c->y[0].shape), w = 0;
        for (int k = 0; k < c->n_w; k++)
            w += fn_numel(c->w[k].shape);
        fn_traffic t = fn_traffic_of_node(g, i);
        CHECK_INT(t.forward, y + 2 * w + y);
        CHECK_INT(t.backward, 2 * y + 2 * w + y + 4 * w + (c->keep & FN_KEEP_Y ? y : 0));
        joins++;
    }
    CHECK_INT(joins, 1);
    fn_params_close(p);
    fn_graph_close(fused);
    fn_graph_close(plain);
    fn_graph_close(g);
}

TEST(an_update)
{
    CHECK_INT(fn_traffic_of_update(10), 10 * (3 * 4 + 2 * 4 + 4 + 2));
}
