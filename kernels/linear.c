/* linear -- a fully connected layer.
 *
 *   y[n,o] = b[o] + sum over k of w[o,k] x[n,k]
 *
 * x [N, C] or [N, C, H, W]   w[0] kernel [O, C] or [O, C, H, W]
 * y [N, O]                   w[1] bias [O], with bias: true only
 * The features of an image count in the order C,H,W, whatever the order of its bytes. */
#include "kernels/linear.h"

#include "kernels/ref.h"

#include <math.h>

static fn_status linear_infer(fn_call *c)
{
    const fn_linear *a = c->attr;
    fn_shape x = c->x[0].shape;
    if (x.rank != 2 && x.rank != 4)
        return fn_fail(FN_ESHAPE, "linear wants N,C or N,C,H,W, got rank %d", x.rank);
    c->n_y = 1;
    c->n_w = a->bias ? 2 : 1;
    c->y[0].shape = (fn_shape)FN_NC(x.dim[0], a->out);
    c->w[0].shape = x;
    c->w[0].shape.dim[0] = a->out;
    c->w[1].shape = (fn_shape)FN_C(a->out);
    c->keep = FN_KEEP_X;
    return FN_OK;
}

static int64_t features(const fn_call *c)
{
    return fn_numel(c->x[0].shape) / c->x[0].shape.dim[0];
}

static int64_t linear_multiply_adds(const fn_call *c)
{
    const fn_linear *a = c->attr;
    return fn_numel(c->y[0].shape) * (features(c) + (a->bias ? 1 : 0));
}

static int64_t x_index(const fn_call *c, int64_t n, int64_t k)
{
    fn_shape x = c->x[0].shape;
    int64_t plane = x.dim[2] * x.dim[3];
    return fn_ref_at(x, n, k / plane, k % plane / x.dim[3], k % x.dim[3]);
}

static fn_status linear_forward(const fn_call *c)
{
    const fn_linear *a = c->attr;
    int64_t count = features(c);
    for (int64_t at = 0; at < fn_numel(c->y[0].shape); at++) {
        int64_t n = at / a->out, o = at % a->out;
        double sum = a->bias ? fn_f64(c->w[1])[o] : 0;
        for (int64_t k = 0; k < count; k++)
            sum += fn_f64(c->w[0])[o * count + k] * fn_f64(c->x[0])[x_index(c, n, k)];
        fn_f64(c->y[0])[at] = sum;
    }
    return FN_OK;
}

static fn_status linear_backward(const fn_call *c)
{
    const fn_linear *a = c->attr;
    int64_t count = features(c);
    double *dx = fn_f64(c->dx[0]), *dw = fn_f64(c->dw[0]);
    fn_ref_zero(c->dx[0]);
    for (int k = 0; k < c->n_w; k++)
        fn_ref_zero(c->dw[k]);
    for (int64_t at = 0; at < fn_numel(c->y[0].shape); at++) {
        int64_t n = at / a->out, o = at % a->out;
        double g = fn_f64(c->dy[0])[at];
        for (int64_t k = 0; dx && k < count; k++)
            dx[x_index(c, n, k)] += g * fn_f64(c->w[0])[o * count + k];
        for (int64_t k = 0; dw && k < count; k++)
            dw[o * count + k] += g * fn_f64(c->x[0])[x_index(c, n, k)];
        if (a->bias && c->dw[1].data)
            fn_f64(c->dw[1])[o] += g;
    }
    return FN_OK;
}

static const fn_kernel linear_ref = {.forward = linear_forward,
                                     .backward = linear_backward};

static const fn_field fields[] = {
    {"out", FN_INT, offsetof(fn_linear, out), NAN, 1, 1 << 20, NULL, NULL, NULL},
    {"bias", FN_BOOL, offsetof(fn_linear, bias), 1, 0, 1, NULL, NULL, NULL},
    {0},
};
static const fn_weight weights[] = {
    {"kernel", FN_INIT_HE, true},
    {"bias", FN_INIT_ZERO, true},
    {0},
};

static const fn_linear o5 = {.out = 5, .bias = 1}, o16 = {.out = 16}, o1 = {.out = 1};
static const fn_sample samples[] = {
    {&o5, 1, {FN_NCHW(3, 3, 2, 4)}, FN_FILL_UNIFORM},
    {&o16, 1, {FN_NCHW(2, 24, 3, 2)}, FN_FILL_UNIFORM},
    {&o5, 1, {FN_NCHW(2, 32, 1, 1)}, FN_FILL_UNIFORM},
    {&o5, 1, {FN_NC(3, 7)}, FN_FILL_UNIFORM},
    {&o16, 1, {FN_NC(1, 64)}, FN_FILL_UNIFORM},
    {&o1, 1, {FN_NC(4, 1)}, FN_FILL_UNIFORM},
    {0},
};

const fn_op fn_op_linear = {
    .name = "linear",
    .field = fields,
    .weight = weights,
    .attr_size = sizeof(fn_linear),
    .infer = linear_infer,
    .multiply_adds = linear_multiply_adds,
    .kernel = {&linear_ref, &fn_linear_cpu, FN_CUDA_KERNEL(fn_linear_cuda)},
    .sample = samples,
};
