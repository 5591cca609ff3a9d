/* l2norm -- y = x / |x|, row by row: embeddings on the unit hypersphere.
 * (Schroff et al. 2015, section 3: ||f(x)|| = 1.)
 *
 *   dx = (dy - y <y, dy>) / |x|
 *
 * There is no epsilon: the length of y is 1, whatever that of x. A row of zeros, which has
 * no direction, gives zeros and a gradient of zeros.
 * x, y [N, C] */
#include "kernels/l2norm.h"

#include <math.h>

static fn_status l2norm_infer(fn_call *c)
{
    if (c->x[0].shape.rank != 2)
        return fn_fail(FN_ESHAPE,
                       "l2norm wants N,C, got rank %d: put a fully connected layer "
                       "in front",
                       c->x[0].shape.rank);
    c->n_y = 1;
    c->n_w = 0;
    c->y[0].shape = c->x[0].shape;
    c->keep = FN_KEEP_X;
    return FN_OK;
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static fn_status l2norm_forward(const fn_call *c)
{
    int64_t width = c->x[0].shape.dim[1];
    for (int64_t n = 0; n < c->x[0].shape.dim[0]; n++) {
        const double *x = fn_f64(c->x[0]) + n * width;
        double length = sqrt(dot(x, x, width));
        for (int64_t k = 0; k < width; k++)
            fn_f64(c->y[0])[n * width + k] = length > 0 ? x[k] / length : 0;
    }
    return FN_OK;
}

static fn_status l2norm_backward(const fn_call *c)
{
    int64_t width = c->x[0].shape.dim[1];
    for (int64_t n = 0; c->dx[0].data && n < c->x[0].shape.dim[0]; n++) {
        const double *x = fn_f64(c->x[0]) + n * width, *dy = fn_f64(c->dy[0]) + n * width;
        double *dx = fn_f64(c->dx[0]) + n * width;
        double length = sqrt(dot(x, x, width)), along = dot(x, dy, width);
        for (int64_t k = 0; k < width; k++)
            dx[k] = length > 0 ? (dy[k] - x[k] * along / (length * length)) / length : 0;
    }
    return FN_OK;
}

static const fn_kernel l2norm_ref = {.forward = l2norm_forward,
                                     .backward = l2norm_backward};

static const fn_sample samples[] = {
    {"", 1, {FN_NC(3, 7)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NC(2, 128)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NC(16, 2)}, FN_FILL_TIES}, /* some rows are all 0 */
    {0},
};

const fn_op fn_op_l2norm = {
    .name = "l2norm",
    .infer = l2norm_infer,
    .kernel = {&l2norm_ref, &fn_l2norm_cpu, FN_CUDA_KERNEL(fn_l2norm_cuda)},
    .sample = samples,
};
