/* test_moved.c -- the bytes that a training step moves on a GPU, counted from the graph as the
 * kernels are: every tensor that one reads or writes, once, in bf16, copies that it makes for
 * itself included. (nn/traffic.h has the floor of the same graph, which knows no kernels.) Weights
 * are left out, and what a cache saves. The table of docs/cuda.md is what this prints; the limits
 * hold what was gained. */
#include "kernels/batchnorm.h"
#include "kernels/bnjoin.h"
#include "kernels/conv.h"
#include "kernels/join.h"
#include "kernels/poolnorm.h"
#include "kernels/stem.h"
#include "nn/lower.h"
#include "nn/net.h"
#include "tests/test.h"

#include <string.h>

typedef struct traffic {
    int64_t forward, backward; /* bytes */
} traffic;

static int64_t bytes(fn_tensor t)
{
    return fn_numel(t.shape) * (t.shape.rank == 4 ? 2 : 4);
}

static int64_t all(const fn_tensor *t, int n)
{
    int64_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += bytes(t[i]);
    return sum;
}

static bool is(const fn_node *n, const char *op)
{
    return strcmp(n->op->name, op) == 0;
}

/* kernels/conv_cuda.c. The first one is fed blocks of pixels, and has no gradient to hand on. */
static traffic of_conv(const fn_node *n)
{
    const fn_conv *a = (const fn_conv *)n->attr;
    int64_t x = bytes(n->call.x[0]), y = bytes(n->call.y[0]), read = x;
    const int64_t *dim = n->call.x[0].shape.dim;
    traffic t = {.forward = y};
    if (n->x[0] == 0) {
        fn_stem s = fn_stem_of(dim[2], dim[3], dim[1], a->kernel, a->stride,
                               fn_window_pad(a->kernel, a->pad));
        read = dim[0] * s.rows * s.columns * s.block * 2;
    }
    t.forward += read;
    t.backward = a->relu ? 3 * y : a->bias ? y : 0; /* the mask, or the bias's sum alone */
    t.backward += read + y;                         /* for the weights */
    if (n->x[0] != 0)
        t.backward += y + x;
    return t;
}

/* kernels/convs_cuda.c: together, and taken apart; put together, then as a convolution. */
static traffic of_convs(const fn_node *n)
{
    int64_t x = bytes(n->call.x[0]), y = all(n->call.y, n->call.n_y);
    int64_t masks = n->call.keep & FN_KEEP_Y ? y : 0;
    return (traffic){x + 3 * y, 2 * y + masks + (x + y) + (y + x)};
}

static traffic of_join(const fn_node *n)
{
    const fn_join *a = (const fn_join *)n->attr;
    int64_t y = bytes(n->call.y[0]), masked = 0;
    for (int i = 0; i < n->call.n_x; i++)
        masked += a->relu >> i & 1 ? bytes(n->call.x[i]) : 0;
    return (traffic){2 * y, (a->ways + 1) * y + masked};
}

static traffic of_poolnorm(const fn_node *n)
{
    const fn_poolnorm *a = (const fn_poolnorm *)n->attr;
    int64_t x = bytes(n->call.x[0]), y = bytes(n->call.y[0]), note = y / 2;
    int64_t pooled = a->norm_first ? 0 : y, again = a->norm_first ? x : y;
    return (traffic){x + y + note + pooled, y + note + again + x};
}

/* Measured and pooled; the sums of what has won, and x again. */
static traffic of_bnpool(const fn_node *n)
{
    int64_t x = bytes(n->call.x[0]), y = bytes(n->call.y[0]), note = y / 2;
    return (traffic){2 * x + 2 * y + note, 2 * y + (x + y + note + x)};
}

/* What is normalised is measured, and taken with all of y; then summed and taken, with the readers'
 * gradients each time. */
static traffic of_bnjoin(const fn_node *n)
{
    const fn_bnjoin *a = (const fn_bnjoin *)n->attr;
    int64_t y = bytes(n->call.y[0]), x = 0;
    for (int i = 0; i < n->call.n_x; i++)
        x += a->norm >> i & 1 ? bytes(n->call.x[i]) : 0;
    return (traffic){x + 2 * y, (a->ways * x + x) + (a->ways * y + x + y)};
}

/* Of a node: what it reads and writes forward, and in backward what it keeps, dy and dx. */
static traffic of(const fn_node *n)
{
    int64_t x = all(n->call.x, n->call.n_x), y = all(n->call.y, n->call.n_y);
    if (is(n, "conv"))
        return of_conv(n);
    if (is(n, "convs"))
        return of_convs(n);
    if (is(n, "join"))
        return of_join(n);
    if (is(n, "bnjoin"))
        return of_bnjoin(n);
    if (is(n, "poolnorm"))
        return of_poolnorm(n);
    if (is(n, "bnpool"))
        return of_bnpool(n);
    if (is(n, "fork"))
        return (traffic){0, y + x};
    if (is(n, "maxpool")) /* with a note of the winner */
        return (traffic){x + y + y / 2, y + y / 2 + x};
    if (is(n, "batchnorm"))
        return (traffic){2 * x + y, 2 * (y + x) + x};
    int keep = n->call.keep;
    return (traffic){x + y,
                     (keep & FN_KEEP_X ? x : 0) + (keep & FN_KEEP_Y ? y : 0) + y + x};
}

static traffic of_graph(const fn_graph *g, const char *op)
{
    traffic sum = {0, 0};
    for (int i = 0; i < g->n_node; i++) {
        traffic t = op && !is(&g->node[i], op) ? (traffic){0, 0} : of(&g->node[i]);
        sum.forward += t.forward;
        sum.backward += t.backward;
    }
    return sum;
}

static double mb(traffic t)
{
    return (double)(t.forward + t.backward) * 1e-6;
}

static void print_ops(const fn_graph *before, const fn_graph *now)
{
    for (const fn_op *const *op = fn_ops; *op; op++) {
        double was = mb(of_graph(before, (*op)->name)), is = mb(of_graph(now, (*op)->name));
        if (was + is > 0.01)
            printf("#   %-10s %6.1f -> %6.1f MB\n", (*op)->name, was, is);
    }
}

/* Of a batch of one: as the file says, as every backend fuses, and as a GPU does. */
static void check_net(const char *name, double most, bool ops)
{
    fn_net *net = NULL;
    fn_graph *g = NULL, *cpu = NULL, *gpu = NULL;
    CHECK_OK(fn_net_open(&net, name, NULL));
    CHECK_OK(fn_net_build(&g, net, 1, true));
    CHECK_OK(fn_lower(&cpu, g, FN_CPU));
    CHECK_OK(fn_lower(&gpu, g, FN_CUDA));
    traffic now = of_graph(gpu, NULL);
    printf(
        "# %-6s %6.1f MB an image node by node, %6.1f fused as on a CPU, %6.1f as on a GPU "
        "(%.1f forward)\n",
        name, mb(of_graph(g, NULL)), mb(of_graph(cpu, NULL)), mb(now),
        (double)now.forward * 1e-6);
    if (ops)
        print_ops(cpu, gpu);
    if (!(mb(now) < most))
        FN_TEST_FAIL("%s moves %.1f MB an image, over %.1f", name, mb(now), most);
    fn_graph_close(gpu);
    fn_graph_close(cpu);
    fn_graph_close(g);
    fn_net_close(net);
}

TEST(a_training_step_moves_no_more_than_it_did)
{
    check_net("nn2", 85.2, true);
    check_net("nn2-bn", 108.9, true);
    check_net("nn1", 37.5, false);
    check_net("nn4", 15.5, false);
}
