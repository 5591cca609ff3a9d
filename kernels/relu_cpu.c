#include "kernels/format.h"
#include "kernels/relu.h"

static fn_status relu_forward(const fn_call *c)
{
    const float *x = fn_f32(c->x[0]);
    float *y = fn_f32(c->y[0]);
    int64_t count = fn_format_numel(c->x[0].shape, c->x[0].format);
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
    return FN_OK;
}

static fn_status relu_backward(const fn_call *c)
{
    const float *y = fn_f32(c->y[0]), *dy = fn_f32(c->dy[0]);
    float *dx = fn_f32(c->dx[0]);
    int64_t count = fn_format_numel(c->x[0].shape, c->x[0].format);
    if (!dx)
        return FN_OK;
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++)
        dx[i] = y[i] > 0 ? dy[i] : 0;
    return FN_OK;
}

const fn_kernel fn_relu_cpu = {
    .choose = fn_format_keep,
    .forward = relu_forward,
    .backward = relu_backward,
};
