/* softmax -- over the channels of each pixel: positive, and 1 in sum.
 *
 *   y[c] = exp(x[c] - m) / sum over i of exp(x[i] - m)    m = the greatest x[i]
 *   dx[c] = y[c] (dy[c] - sum over i of y[i] dy[i])
 *
 * m cancels out; it keeps exp from overflowing.
 * x, y [N, C, H, W] or [N, C]; y may overwrite x, because backward reads y alone. */
#include "kernels/softmax.h"

#include <math.h>

static fn_status softmax_infer(fn_call *c)
{
    fn_shape x = c->x[0].shape;
    if (x.rank != 2 && x.rank != 4)
        return fn_fail(FN_ESHAPE, "softmax wants N,C or N,C,H,W, got rank %d", x.rank);
    c->n_y = 1;
    c->n_w = 0;
    c->y[0].shape = x;
    c->keep = FN_KEEP_Y;
    return FN_OK;
}

static fn_status softmax_forward(const fn_call *c)
{
    int64_t width = c->x[0].shape.dim[1];
    for (int64_t at = 0; at < fn_numel(c->x[0].shape); at += width) {
        const double *x = fn_f64(c->x[0]) + at;
        double m = x[0], sum = 0;
        for (int64_t k = 1; k < width; k++)
            m = fmax(m, x[k]);
        for (int64_t k = 0; k < width; k++)
            sum += exp(x[k] - m);
        for (int64_t k = 0; k < width; k++)
            fn_f64(c->y[0])[at + k] = exp(x[k] - m) / sum;
    }
    return FN_OK;
}

static fn_status softmax_backward(const fn_call *c)
{
    int64_t width = c->x[0].shape.dim[1];
    for (int64_t at = 0; c->dx[0].data && at < fn_numel(c->x[0].shape); at += width) {
        const double *y = fn_f64(c->y[0]) + at, *dy = fn_f64(c->dy[0]) + at;
        double sum = 0;
        for (int64_t k = 0; k < width; k++)
            sum += y[k] * dy[k];
        for (int64_t k = 0; k < width; k++)
            fn_f64(c->dx[0])[at + k] = y[k] * (dy[k] - sum);
    }
    return FN_OK;
}

static const fn_kernel softmax_ref = {.forward = softmax_forward,
                                      .backward = softmax_backward};

static const fn_sample samples[] = {
    {"", 1, {FN_NCHW(2, 2, 3, 5)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NCHW(3, 19, 2, 3)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NC(4, 10)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NC(3, 1)}, FN_FILL_UNIFORM}, /* always 1 */
    {"", 1, {FN_NC(4, 6)}, FN_FILL_TIES},
    {0},
};

const fn_op fn_op_softmax = {
    .name = "softmax",
    .inplace = true,
    .infer = softmax_infer,
    .kernel = {&softmax_ref, &fn_softmax_cpu, FN_CUDA_KERNEL(fn_softmax_cuda)},
    .sample = samples,
};
