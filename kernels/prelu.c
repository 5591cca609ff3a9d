/* prelu -- y = x where x > 0, otherwise slope x, with a learned slope for each channel
 * (He et al. 2015, "Delving Deep into Rectifiers", section 2.1).
 *
 *   dx = dy or slope dy    dslope[c] = sum over the x <= 0 of dy x
 *
 * Slopes begin at 1/4 and get no weight decay, as there. At 0 the gradient is that of the
 * left side, so that a slope of 0 is a relu. A NaN stays a NaN.
 * x, y [N, C, H, W] or [N, C]   w[0] slope [C] */
#include "kernels/prelu.h"

#include "kernels/ref.h"

static fn_status prelu_infer(fn_call *c)
{
    fn_shape x = c->x[0].shape;
    if (x.rank != 2 && x.rank != 4)
        return fn_fail(FN_ESHAPE, "prelu wants N,C or N,C,H,W, got rank %d", x.rank);
    c->n_y = 1;
    c->n_w = 1;
    c->y[0].shape = x;
    c->w[0].shape = (fn_shape)FN_C(x.dim[1]);
    c->keep = FN_KEEP_X;
    return FN_OK;
}

static fn_status prelu_forward(const fn_call *c)
{
    const double *x = fn_f64(c->x[0]), *slope = fn_f64(c->w[0]);
    for (int64_t i = 0; i < fn_numel(c->x[0].shape); i++)
        fn_f64(c->y[0])[i] = x[i] > 0 ? x[i] : slope[i % c->x[0].shape.dim[1]] * x[i];
    return FN_OK;
}

static fn_status prelu_backward(const fn_call *c)
{
    const double *x = fn_f64(c->x[0]), *dy = fn_f64(c->dy[0]), *slope = fn_f64(c->w[0]);
    fn_ref_zero(c->dw[0]);
    for (int64_t i = 0; i < fn_numel(c->x[0].shape); i++) {
        int64_t ch = i % c->x[0].shape.dim[1];
        if (c->dx[0].data)
            fn_f64(c->dx[0])[i] = x[i] > 0 ? dy[i] : slope[ch] * dy[i];
        if (c->dw[0].data)
            fn_f64(c->dw[0])[ch] += x[i] > 0 ? 0 : dy[i] * x[i];
    }
    return FN_OK;
}

static const fn_kernel prelu_ref = {.forward = prelu_forward, .backward = prelu_backward};

static const fn_weight weights[] = {
    {"slope", FN_INIT_QUARTER, true},
    {0},
};

static const fn_sample samples[] = {
    {"", 1, {FN_NCHW(2, 3, 3, 5)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NCHW(3, 19, 4, 3)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NCHW(2, 32, 2, 3)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NC(3, 7)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NC(5, 40)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NCHW(2, 24, 3, 3)}, FN_FILL_TIES},
    {0},
};

const fn_op fn_op_prelu = {
    .name = "prelu",
    .weight = weights,
    .infer = prelu_infer,
    .kernel = {&prelu_ref, &fn_prelu_cpu, FN_CUDA_KERNEL(fn_prelu_cuda)},
    .sample = samples,
};
