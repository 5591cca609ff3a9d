/* join -- a concat with the biases and the ReLUs of the convolutions before it, and with the fork
 * behind it: the end of an inception module. nn/lower.c makes it for FN_CUDA alone.
 *
 *   y[k] = v[0], v[1], ... joined along C;   v[i] = max(0, x[i] + b[i])
 *
 * where an input without its bit in `bias` gets no b[i], one without its bit in `relu` no max. All
 * y[k] are the same value; backward sums their gradients.
 * x[i] [N, Ci, H, W]   y[k] [N, sum of Ci, H, W]   w: the b[i] [Ci], in order */
#include "kernels/join.h"

#include "kernels/ref.h"

extern const fn_op fn_op_concat;

/* Of weights: the bias of input i, or how many there are before it. */
static int bias_of(const fn_join *a, int i)
{
    int n = 0;
    for (int k = 0; k < i; k++)
        n += a->bias >> k & 1;
    return n;
}

static fn_status join_infer(fn_call *c)
{
    const fn_join *a = c->attr;
    FN_TRY(fn_op_concat.infer(c));
    c->n_y = a->ways;
    for (int k = 1; k < a->ways; k++)
        c->y[k].shape = c->y[0].shape;
    for (int i = 0; i < c->n_x; i++)
        if (a->bias >> i & 1)
            c->w[c->n_w++].shape = (fn_shape)FN_C(c->x[i].shape.dim[1]);
    c->keep = a->relu ? FN_KEEP_Y : FN_KEEP_NONE;
    return FN_OK;
}

/* --- the reference --- */

/* An element of input i, and where it is in y. */
typedef struct element {
    int i;
    int64_t x, channel, y;
} element;

static void each_element(const fn_call *c, void (*visit)(const fn_call *c, element e))
{
    int64_t first = 0;
    for (int i = 0; i < c->n_x; first += c->x[i++].shape.dim[1])
        for (int64_t at = 0; at < fn_numel(c->x[i].shape); at++) {
            int64_t channels = c->x[i].shape.dim[1], channel = at % channels;
            int64_t y = at / channels * c->y[0].shape.dim[1] + first + channel;
            visit(c, (element){i, at, channel, y});
        }
}

static void take(const fn_call *c, element e)
{
    const fn_join *a = c->attr;
    double v = fn_f64(c->x[e.i])[e.x];
    if (a->bias >> e.i & 1)
        v += fn_f64(c->w[bias_of(a, e.i)])[e.channel];
    if (a->relu >> e.i & 1 && v < 0)
        v = 0;
    for (int k = 0; k < c->n_y; k++)
        fn_f64(c->y[k])[e.y] = v;
}

static void give(const fn_call *c, element e)
{
    const fn_join *a = c->attr;
    double g = 0;
    for (int k = 0; k < c->n_y; k++)
        g += fn_f64(c->dy[k])[e.y];
    if (a->relu >> e.i & 1 && !(fn_f64(c->y[0])[e.y] > 0))
        g = 0;
    if (c->dx[e.i].data)
        fn_f64(c->dx[e.i])[e.x] = g;
    if (a->bias >> e.i & 1 && c->dw[bias_of(a, e.i)].data)
        fn_f64(c->dw[bias_of(a, e.i)])[e.channel] += g;
}

static fn_status join_forward(const fn_call *c)
{
    each_element(c, take);
    return FN_OK;
}

static fn_status join_backward(const fn_call *c)
{
    for (int k = 0; k < c->n_w; k++)
        fn_ref_zero(c->dw[k]);
    each_element(c, give);
    return FN_OK;
}

static const fn_kernel join_ref = {.forward = join_forward, .backward = join_backward};

static const fn_weight weights[] = {
    {"bias", FN_INIT_ZERO, true},
    {"bias", FN_INIT_ZERO, true},
    {"bias", FN_INIT_ZERO, true},
    {"bias", FN_INIT_ZERO, true},
    {"bias", FN_INIT_ZERO, true},
    {"bias", FN_INIT_ZERO, true},
    {"bias", FN_INIT_ZERO, true},
    {"bias", FN_INIT_ZERO, true},
    {0},
};

static const fn_join module = {.bias = 0xe, .relu = 0xe, .ways = 2};
static const fn_join half = {.bias = 1, .relu = 3, .ways = 1};
static const fn_join odd = {.bias = 5, .relu = 4, .ways = 3};
static const fn_join bare = {.ways = 2};
static const fn_sample samples[] = {
    {&module,
     4,
     {FN_NCHW(2, 16, 3, 2), FN_NCHW(2, 24, 3, 2), FN_NCHW(2, 8, 3, 2), FN_NCHW(2, 8, 3, 2)},
     FN_FILL_UNIFORM},
    {&half, 2, {FN_NCHW(3, 8, 3, 3), FN_NCHW(3, 16, 3, 3)}, FN_FILL_UNIFORM},
    {&odd,
     3,
     {FN_NCHW(2, 5, 2, 3), FN_NCHW(2, 8, 2, 3), FN_NCHW(2, 3, 2, 3)},
     FN_FILL_UNIFORM},
    {&bare, 2, {FN_NCHW(2, 16, 2, 3), FN_NCHW(2, 8, 2, 3)}, FN_FILL_UNIFORM},
    {0},
};

const fn_op fn_op_join = {
    .name = "join",
    .weight = weights,
    .attr_size = sizeof(fn_join),
    .internal = true,
    .twins = true,
    .infer = join_infer,
    .kernel = {&join_ref, NULL, FN_CUDA_KERNEL(fn_join_cuda)},
    .sample = samples,
};
