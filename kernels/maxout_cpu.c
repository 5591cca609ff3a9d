#include "kernels/maxout.h"

static int greatest(const float *piece, int n)
{
    int best = 0;
    for (int k = 1; k < n; k++)
        best = piece[k] > piece[best] ? k : best;
    return best;
}

static fn_status maxout_forward(const fn_call *c)
{
    int pieces = ((const fn_maxout *)c->attr)->pieces;
    const float *x = fn_f32(c->x[0]);
    float *y = fn_f32(c->y[0]);
    int64_t count = fn_numel(c->y[0].shape);
#pragma omp parallel for
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i * pieces + greatest(x + i * pieces, pieces)];
    return FN_OK;
}

static fn_status maxout_backward(const fn_call *c)
{
    int pieces = ((const fn_maxout *)c->attr)->pieces;
    const float *x = fn_f32(c->x[0]), *dy = fn_f32(c->dy[0]);
    float *dx = fn_f32(c->dx[0]);
    int64_t count = fn_numel(c->y[0].shape);
    if (!dx)
        return FN_OK;
#pragma omp parallel for
    for (int64_t i = 0; i < count; i++) {
        int best = greatest(x + i * pieces, pieces);
        for (int k = 0; k < pieces; k++)
            dx[i * pieces + k] = k == best ? dy[i] : 0;
    }
    return FN_OK;
}

const fn_kernel fn_maxout_cpu = {.forward = maxout_forward, .backward = maxout_backward};
