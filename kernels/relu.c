/* relu -- y = max(0, x).
 *
 * The gradient at 0 is 0. A NaN stays a NaN, so that a diverging run is seen.
 * x, y of any shape; y may overwrite x, because backward reads y alone. */
#include "kernels/relu.h"

#include "kernels/ref.h"

static fn_status relu_infer(fn_call *c)
{
    c->n_y = 1;
    c->n_w = 0;
    c->y[0].shape = c->x[0].shape;
    c->keep = FN_KEEP_Y;
    return FN_OK;
}

static fn_status relu_forward(const fn_call *c)
{
    const double *x = fn_f64(c->x[0]);
    for (int64_t i = 0; i < fn_numel(c->x[0].shape); i++)
        fn_f64(c->y[0])[i] = x[i] < 0 ? 0 : x[i];
    return FN_OK;
}

static fn_status relu_backward(const fn_call *c)
{
    for (int64_t i = 0; c->dx[0].data && i < fn_numel(c->x[0].shape); i++)
        fn_f64(c->dx[0])[i] = fn_ref_relu_gradient(c, 1, i);
    return FN_OK;
}

static const fn_kernel relu_ref = {.forward = relu_forward, .backward = relu_backward};

static const fn_sample samples[] = {
    {"", 1, {FN_NCHW(2, 3, 3, 5)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NCHW(2, 24, 4, 3)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NC(3, 7)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NCHW(2, 32, 3, 3)}, FN_FILL_TIES},
    {0},
};

const fn_op fn_op_relu = {
    .name = "relu",
    .inplace = true,
    .infer = relu_infer,
    .kernel = {&relu_ref, &fn_relu_cpu, FN_CUDA_KERNEL(fn_relu_cuda)},
    .sample = samples,
};
