/* avgpool -- y[n,c,i,j] = the mean of x under window (i, j).
 *
 * Padding counts as zeros: the sum is always divided by k*k. Kernel 0 takes the mean of the
 * whole plane, as at the end of NN2.
 * x [N, C, H, W]   y [N, C, H', W'] */
#include "kernels/pool.h"
#include "kernels/ref.h"

static fn_status avgpool_infer(fn_call *c)
{
    FN_TRY(fn_pool_infer(c));
    c->keep = FN_KEEP_NONE;
    return FN_OK;
}

static void take(const fn_call *c, fn_pool_output o)
{
    double sum = 0;
    for (int64_t t = 0; t < o.taps; t++)
        sum += fn_f64(c->x[0])[fn_pool_tap(c, o, t)];
    fn_f64(c->y[0])[o.y] = sum / (double)fn_pool_taps(c);
}

static void give(const fn_call *c, fn_pool_output o)
{
    double share = fn_f64(c->dy[0])[o.y] / (double)fn_pool_taps(c);
    for (int64_t t = 0; t < o.taps; t++)
        fn_f64(c->dx[0])[fn_pool_tap(c, o, t)] += share;
}

static fn_status avgpool_forward(const fn_call *c)
{
    fn_pool_each(c, take);
    return FN_OK;
}

static fn_status avgpool_backward(const fn_call *c)
{
    fn_ref_zero(c->dx[0]);
    if (c->dx[0].data)
        fn_pool_each(c, give);
    return FN_OK;
}

static const fn_kernel avgpool_ref = {.forward = avgpool_forward,
                                      .backward = avgpool_backward};

static const fn_pool whole = {.kernel = 0, .stride = 1}, k3 = {.kernel = 3, .stride = 1};
static const fn_pool k3s2 = {.kernel = 3, .stride = 2};
static const fn_pool k7 = {.kernel = 7, .stride = 1, .pad = FN_VALID};
static const fn_sample samples[] = {
    {&whole, 1, {FN_NCHW(2, 3, 3, 4)}, FN_FILL_UNIFORM},
    {&whole, 1, {FN_NCHW(2, 32, 3, 3)}, FN_FILL_UNIFORM},
    {&k3, 1, {FN_NCHW(1, 24, 4, 3)}, FN_FILL_UNIFORM},
    {&k3s2, 1, {FN_NCHW(2, 16, 6, 7)}, FN_FILL_UNIFORM},
    {&k7, 1, {FN_NCHW(2, 16, 7, 8)}, FN_FILL_UNIFORM},
    {0},
};

const fn_op fn_op_avgpool = {
    .name = "avgpool",
    .field = fn_pool_fields,
    .attr_size = sizeof(fn_pool),
    .infer = avgpool_infer,
    .kernel = {&avgpool_ref, &fn_avgpool_cpu, FN_CUDA_KERNEL(fn_avgpool_cuda)},
    .sample = samples,
};
