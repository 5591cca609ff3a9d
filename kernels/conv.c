/* conv -- 2-D cross-correlation with a square kernel.
 *
 *   y[n,o,i,j] = b[o] + sum over c,u,v of w[o,c,u,v] x[n, c, i*s+u-p, j*s+v-p]
 *
 * x [N, C, H, W]    w[0] kernel [O, C, k, k]
 * y [N, O, H', W']  w[1] bias [O], with bias: true only
 * With `relu`, which nn/lower.c sets, y = max(0, that). */
#include "kernels/conv.h"

#include "kernels/ref.h"

#include <math.h>

static fn_status conv_infer(fn_call *c)
{
    const fn_conv *a = c->attr;
    fn_shape x = c->x[0].shape;
    if (x.rank != 4)
        return fn_fail(FN_ESHAPE,
                       "conv wants N,C,H,W, got rank %d: convolve before the "
                       "first fully connected layer",
                       x.rank);
    int64_t h = fn_window_out(x.dim[2], a->kernel, a->stride, a->pad);
    int64_t w = fn_window_out(x.dim[3], a->kernel, a->stride, a->pad);
    if (h < 1 || w < 1)
        return fn_fail(FN_ESHAPE,
                       "conv kernel %d is larger than its %lldx%lld input: use a smaller "
                       "one, or pad: same",
                       a->kernel, (long long)x.dim[2], (long long)x.dim[3]);
    c->n_y = 1;
    c->n_w = a->bias ? 2 : 1;
    c->y[0].shape = (fn_shape)FN_NCHW(x.dim[0], a->out, h, w);
    c->w[0].shape = (fn_shape)FN_NCHW(a->out, x.dim[1], a->kernel, a->kernel);
    c->w[1].shape = (fn_shape)FN_C(a->out);
    c->keep = FN_KEEP_X | (a->relu ? FN_KEEP_Y : 0);
    return FN_OK;
}

static int64_t products(const fn_call *c) /* of one output element: C k k */
{
    return fn_numel(c->w[0].shape) / c->w[0].shape.dim[0];
}

static int64_t conv_multiply_adds(const fn_call *c)
{
    const fn_conv *a = c->attr;
    return fn_numel(c->y[0].shape) * (products(c) + (a->bias ? 1 : 0));
}

/* Where the window of an output element begins: image, row, column. */
typedef struct corner {
    int64_t n, row, column;
} corner;

static corner corner_of(const fn_call *c, int64_t at)
{
    const fn_conv *a = c->attr;
    fn_shape y = c->y[0].shape;
    int64_t pixel = at / y.dim[1], pad = fn_window_pad(a->kernel, a->pad);
    return (corner){.n = pixel / (y.dim[2] * y.dim[3]),
                    .row = pixel / y.dim[3] % y.dim[2] * a->stride - pad,
                    .column = pixel % y.dim[3] * a->stride - pad};
}

/* Index of the x in the window's t-th product; t counts c,u,v as the kernel lies in memory.
 * -1 in the padding. */
static int64_t x_index(const fn_call *c, corner from, int64_t t)
{
    int64_t k = ((const fn_conv *)c->attr)->kernel, tap = t % (k * k);
    fn_shape x = c->x[0].shape;
    int64_t row = from.row + tap / k, column = from.column + tap % k;
    if (row < 0 || row >= x.dim[2] || column < 0 || column >= x.dim[3])
        return -1;
    return fn_ref_at(x, from.n, t / (k * k), row, column);
}

static fn_status conv_forward(const fn_call *c)
{
    const fn_conv *a = c->attr;
    const double *x = fn_f64(c->x[0]);
    for (int64_t at = 0; at < fn_numel(c->y[0].shape); at++) {
        int64_t o = at % c->y[0].shape.dim[1];
        const double *w = fn_f64(c->w[0]) + o * products(c);
        corner from = corner_of(c, at);
        double sum = a->bias ? fn_f64(c->w[1])[o] : 0;
        for (int64_t t = 0; t < products(c); t++) {
            int64_t i = x_index(c, from, t);
            sum += i < 0 ? 0 : w[t] * x[i];
        }
        fn_f64(c->y[0])[at] = a->relu && sum < 0 ? 0 : sum;
    }
    return FN_OK;
}

/* Hands the gradient g of y[at] to x and to the kernel. */
static void conv_give(const fn_call *c, int64_t at, double g)
{
    int64_t first = at % c->y[0].shape.dim[1] * products(c);
    corner from = corner_of(c, at);
    for (int64_t t = 0; t < products(c); t++) {
        int64_t i = x_index(c, from, t);
        if (i >= 0 && c->dx[0].data)
            fn_f64(c->dx[0])[i] += g * fn_f64(c->w[0])[first + t];
        if (i >= 0 && c->dw[0].data)
            fn_f64(c->dw[0])[first + t] += g * fn_f64(c->x[0])[i];
    }
}

static fn_status conv_backward(const fn_call *c)
{
    const fn_conv *a = c->attr;
    fn_ref_zero(c->dx[0]);
    for (int k = 0; k < c->n_w; k++)
        fn_ref_zero(c->dw[k]);
    for (int64_t at = 0; at < fn_numel(c->y[0].shape); at++) {
        double g = fn_ref_relu_gradient(c, a->relu, at);
        conv_give(c, at, g);
        if (a->bias && c->dw[1].data)
            fn_f64(c->dw[1])[at % c->y[0].shape.dim[1]] += g;
    }
    return FN_OK;
}

static const fn_kernel conv_ref = {.forward = conv_forward, .backward = conv_backward};

static const char *const pads[] = {"same", "valid", NULL};
static const fn_field fields[] = {
    {"out", FN_INT, offsetof(fn_conv, out), NAN, 1, 1 << 16, NULL, NULL, NULL},
    {"kernel", FN_INT, offsetof(fn_conv, kernel), NAN, 1, 64, NULL, NULL, NULL},
    {"stride", FN_INT, offsetof(fn_conv, stride), 1, 1, 16, NULL, NULL, NULL},
    {"pad", FN_CHOICE, offsetof(fn_conv, pad), FN_SAME, 0, 1, pads, NULL, NULL},
    {"bias", FN_BOOL, offsetof(fn_conv, bias), 1, 0, 1, NULL, NULL, NULL},
    {0},
};
static const fn_weight weights[] = {
    {"kernel", FN_INIT_HE, true},
    {"bias", FN_INIT_ZERO, true},
    {0},
};

static const fn_conv k3 = {.out = 16, .kernel = 3, .stride = 1, .bias = 1};
static const fn_conv k3relu = {.out = 16, .kernel = 3, .stride = 1, .bias = 1, .relu = 1};
static const fn_conv k3s2 = {.out = 24, .kernel = 3, .stride = 2, .relu = 1};
static const fn_conv k5s2 = {.out = 16, .kernel = 5, .stride = 2, .bias = 1, .relu = 1};
static const fn_conv k7s2 = {.out = 3, .kernel = 7, .stride = 2, .bias = 1};
static const fn_conv k7 = {.out = 16, .kernel = 7, .stride = 1, .bias = 1};
static const fn_conv k2v = {.out = 2, .kernel = 2, .stride = 1, .pad = FN_VALID};
static const fn_conv k1 = {.out = 5, .kernel = 1, .stride = 1, .bias = 1};
static const fn_conv k1relu = {.out = 32, .kernel = 1, .stride = 1, .bias = 1, .relu = 1};
static const fn_sample samples[] = {
    {&k3, 1, {FN_NCHW(2, 3, 6, 5)}, FN_FILL_UNIFORM},
    {&k3relu, 1, {FN_NCHW(2, 16, 3, 4)}, FN_FILL_UNIFORM},
    {&k3s2, 1, {FN_NCHW(1, 16, 5, 4)}, FN_FILL_UNIFORM},
    {&k5s2, 1, {FN_NCHW(1, 8, 4, 5)}, FN_FILL_UNIFORM},
    {&k7s2, 1, {FN_NCHW(1, 3, 11, 10)}, FN_FILL_UNIFORM},
    {&k7, 1, {FN_NCHW(1, 3, 3, 2)}, FN_FILL_UNIFORM}, /* wider than the image */
    {&k2v, 1, {FN_NCHW(2, 2, 3, 4)}, FN_FILL_UNIFORM},
    {&k1, 1, {FN_NCHW(2, 3, 4, 4)}, FN_FILL_UNIFORM},
    {&k1relu, 1, {FN_NCHW(3, 24, 3, 3)}, FN_FILL_UNIFORM},
    {0},
};

const fn_op fn_op_conv = {
    .name = "conv",
    .field = fields,
    .weight = weights,
    .attr_size = sizeof(fn_conv),
    .infer = conv_infer,
    .multiply_adds = conv_multiply_adds,
    .kernel = {&conv_ref, &fn_conv_cpu, FN_CUDA_KERNEL(fn_conv_cuda)},
    .sample = samples,
};
