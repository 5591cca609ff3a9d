/* l2pool -- y[n,c,i,j] = sqrt(mean of x^2 under window (i, j))
 *
 * "L2 pooling instead of max pooling" (Schroff et al. 2015, section 3.3) without a formula.
 * The mean keeps the scale of the signal; `norm: sum` leaves out the division and, with 3x3
 * windows, multiplies the signal by 3. Padding counts as zeros: the mean divides by k*k.
 *   dx = sum over the windows of dy x / (k^2 y), and 0 where y = 0
 * x [N, C, H, W]   y [N, C, H', W'] */
#include "kernels/pool.h"
#include "kernels/ref.h"

#include <math.h>

static double divisor(const fn_call *c)
{
    const fn_pool *a = c->attr;
    return a->norm == FN_POOL_SUM ? 1 : (double)fn_pool_taps(c);
}

static void take(const fn_call *c, fn_pool_output o)
{
    double sum = 0;
    for (int64_t t = 0; t < o.taps; t++) {
        double x = fn_f64(c->x[0])[fn_pool_tap(c, o, t)];
        sum += x * x;
    }
    fn_f64(c->y[0])[o.y] = sqrt(sum / divisor(c));
}

static void give(const fn_call *c, fn_pool_output o)
{
    double y = fn_f64(c->y[0])[o.y], dy = fn_f64(c->dy[0])[o.y];
    for (int64_t t = 0; y > 0 && t < o.taps; t++) {
        int64_t i = fn_pool_tap(c, o, t);
        fn_f64(c->dx[0])[i] += dy * fn_f64(c->x[0])[i] / (divisor(c) * y);
    }
}

static fn_status l2pool_forward(const fn_call *c)
{
    fn_pool_each(c, take);
    return FN_OK;
}

static fn_status l2pool_backward(const fn_call *c)
{
    fn_ref_zero(c->dx[0]);
    if (c->dx[0].data)
        fn_pool_each(c, give);
    return FN_OK;
}

static const fn_kernel l2pool_ref = {.forward = l2pool_forward,
                                     .backward = l2pool_backward};

static const fn_pool k3 = {.kernel = 3, .stride = 1}, k3s2 = {.kernel = 3, .stride = 2};
static const fn_pool sum3 = {.kernel = 3, .stride = 1, .norm = FN_POOL_SUM};
static const fn_pool k2 = {.kernel = 2, .stride = 3, .pad = FN_VALID};
static const fn_pool k5 = {.kernel = 5, .stride = 1}, whole = {.kernel = 0, .stride = 1};
static const fn_sample samples[] = {
    {&k3, 1, {FN_NCHW(2, 16, 4, 5)}, FN_FILL_UNIFORM},
    {&k3s2, 1, {FN_NCHW(2, 24, 7, 6)}, FN_FILL_UNIFORM},
    {&sum3, 1, {FN_NCHW(1, 32, 5, 3)}, FN_FILL_UNIFORM},
    {&k2, 1, {FN_NCHW(3, 3, 5, 8)}, FN_FILL_UNIFORM},  /* x that no window sees */
    {&k5, 1, {FN_NCHW(2, 19, 2, 3)}, FN_FILL_UNIFORM}, /* wider than the image */
    {&whole, 1, {FN_NCHW(2, 3, 3, 4)}, FN_FILL_UNIFORM},
    {&k3, 1, {FN_NCHW(2, 17, 6, 6)}, FN_FILL_TIES}, /* some windows are all 0 */
    {&k2, 1, {FN_NCHW(2, 40, 7, 7)}, FN_FILL_TIES},
    {0},
};

const fn_op fn_op_l2pool = {
    .name = "l2pool",
    .field = fn_pool_l2_fields,
    .attr_size = sizeof(fn_pool),
    .infer = fn_pool_infer,
    .kernel = {&l2pool_ref, &fn_l2pool_cpu, FN_CUDA_KERNEL(fn_l2pool_cuda)},
    .sample = samples,
};
