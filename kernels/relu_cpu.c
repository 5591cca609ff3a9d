#include "kernels/bf16.h"
#include "kernels/format.h"
#include "kernels/relu.h"

static inline void forward(const fn_call *c, fn_type t)
{
    const void *x = c->x[0].data;
    void *y = c->y[0].data;
    int64_t count = fn_format_numel(c->x[0].shape, c->x[0].format);
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++) {
        float v = fn_load(x, t, i);
        fn_store(y, t, i, v < 0 ? 0 : v);
    }
}

static fn_status relu_forward(const fn_call *c)
{
    if (c->x[0].type == FN_BF16)
        forward(c, FN_BF16);
    else
        forward(c, FN_F32);
    return FN_OK;
}

static inline void backward(const fn_call *c, fn_type t)
{
    const void *y = c->y[0].data, *dy = c->dy[0].data;
    void *dx = c->dx[0].data;
    int64_t count = fn_format_numel(c->x[0].shape, c->x[0].format);
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++)
        fn_store(dx, t, i, fn_load(y, t, i) > 0 ? fn_load(dy, t, i) : 0);
}

static fn_status relu_backward(const fn_call *c)
{
    if (c->dx[0].data && c->x[0].type == FN_BF16)
        backward(c, FN_BF16);
    else if (c->dx[0].data)
        backward(c, FN_F32);
    return FN_OK;
}

const fn_kernel fn_relu_cpu = {
    .choose = fn_format_keep,
    .forward = relu_forward,
    .backward = relu_backward,
};
