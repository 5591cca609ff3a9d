/* maxpool -- y[n,c,i,j] = the greatest x under window (i, j).
 *
 * Padding never wins. Of equal taps the first in row order takes the whole gradient: after
 * a ReLU, ties at 0 are the usual case.
 * x [N, C, H, W]   y [N, C, H', W'] */
#include "kernels/pool.h"
#include "kernels/ref.h"

static int64_t greatest(const fn_call *c, fn_pool_output o)
{
    const double *x = fn_f64(c->x[0]);
    int64_t best = fn_pool_tap(c, o, 0);
    for (int64_t t = 1; t < o.taps; t++) {
        int64_t i = fn_pool_tap(c, o, t);
        if (x[i] > x[best])
            best = i;
    }
    return best;
}

static void take(const fn_call *c, fn_pool_output o)
{
    fn_f64(c->y[0])[o.y] = fn_f64(c->x[0])[greatest(c, o)];
}

static void give(const fn_call *c, fn_pool_output o)
{
    fn_f64(c->dx[0])[greatest(c, o)] += fn_f64(c->dy[0])[o.y];
}

static fn_status maxpool_forward(const fn_call *c)
{
    fn_pool_each(c, take);
    return FN_OK;
}

static fn_status maxpool_backward(const fn_call *c)
{
    fn_ref_zero(c->dx[0]);
    if (c->dx[0].data)
        fn_pool_each(c, give);
    return FN_OK;
}

static const fn_kernel maxpool_ref = {.forward = maxpool_forward,
                                      .backward = maxpool_backward};

static const fn_pool k3s2 = {.kernel = 3, .stride = 2}, k3 = {.kernel = 3, .stride = 1};
static const fn_pool k2 = {.kernel = 2, .stride = 2, .pad = FN_VALID};
static const fn_pool k5 = {.kernel = 5, .stride = 2}, whole = {.kernel = 0, .stride = 1};
static const fn_sample samples[] = {
    {&k3s2, 1, {FN_NCHW(2, 3, 7, 6)}, FN_FILL_UNIFORM},
    {&k3s2, 1, {FN_NCHW(2, 24, 8, 9)}, FN_FILL_UNIFORM},
    {&k3, 1, {FN_NCHW(1, 32, 4, 3)}, FN_FILL_UNIFORM},
    {&k2, 1, {FN_NCHW(2, 16, 5, 4)}, FN_FILL_UNIFORM},
    {&k5, 1, {FN_NCHW(2, 16, 2, 3)}, FN_FILL_UNIFORM}, /* wider than the image */
    {&whole, 1, {FN_NCHW(2, 16, 3, 5)}, FN_FILL_UNIFORM},
    {&k3s2, 1, {FN_NCHW(2, 16, 7, 7)}, FN_FILL_TIES},
    {&k3, 1, {FN_NCHW(2, 24, 5, 6)}, FN_FILL_TIES},
    {&k2, 1, {FN_NCHW(2, 19, 6, 4)}, FN_FILL_TIES},
    {0},
};

const fn_op fn_op_maxpool = {
    .name = "maxpool",
    .field = fn_pool_fields,
    .attr_size = sizeof(fn_pool),
    .infer = fn_pool_infer,
    .kernel = {&maxpool_ref, &fn_maxpool_cpu, FN_CUDA_KERNEL(fn_maxpool_cuda)},
    .sample = samples,
};
