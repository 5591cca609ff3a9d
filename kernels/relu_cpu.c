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

static inline void mask(void *to, fn_tensor y, fn_tensor dy, fn_type t)
{
    int64_t count = fn_format_numel(y.shape, y.format);
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++)
        fn_store(to, t, i, fn_load(y.data, t, i) > 0 ? fn_load(dy.data, t, i) : 0);
}

void fn_relu_mask(void *to, fn_tensor y, fn_tensor dy)
{
    if (dy.type == FN_BF16)
        mask(to, y, dy, FN_BF16);
    else
        mask(to, y, dy, FN_F32);
}

static fn_status relu_backward(const fn_call *c)
{
    if (c->dx[0].data)
        fn_relu_mask(c->dx[0].data, c->y[0], c->dy[0]);
    return FN_OK;
}

const fn_kernel fn_relu_cpu = {
    .choose = fn_format_keep,
    .forward = relu_forward,
    .backward = relu_backward,
};
