/* lrn -- local response normalisation across channels.
 *
 *   y[c] = x[c] / (k + alpha/size * sum over |i-c| <= size/2 of x[i]^2)^beta
 *
 * The "norm" rows of FaceNet's tables, whose constants are not printed: ours are those of
 * Krizhevsky et al. 2012, section 3.3, in Caffe's scaling, with k = 1.
 * x, y [N, C, H, W] */
#include "kernels/lrn.h"

#include "kernels/ref.h"

#include <math.h>

static fn_status lrn_infer(fn_call *c)
{
    const fn_lrn *a = c->attr;
    if (c->x[0].shape.rank != 4)
        return fn_fail(FN_ESHAPE,
                       "lrn wants N,C,H,W, got rank %d: normalise before the first "
                       "fully connected layer",
                       c->x[0].shape.rank);
    if (a->size % 2 == 0)
        return fn_fail(FN_EINVAL,
                       "lrn size %d is even: a window of channels has a middle, use %d",
                       a->size, a->size + 1);
    c->n_y = 1;
    c->n_w = 0;
    c->y[0].shape = c->x[0].shape;
    c->keep = FN_KEEP_X;
    return FN_OK;
}

/* The channels [first, last] around element `at`, as indices of elements. */
typedef struct neighbours {
    int64_t first, last;
} neighbours;

static neighbours neighbours_of(const fn_call *c, int64_t at)
{
    const fn_lrn *a = c->attr;
    int64_t count = c->x[0].shape.dim[1], half = a->size / 2, ch = at % count;
    int64_t first = ch < half ? 0 : ch - half;
    int64_t last = ch + half >= count ? count - 1 : ch + half;
    return (neighbours){at - ch + first, at - ch + last};
}

/* What is raised to the power beta. */
static double base(const fn_call *c, int64_t at)
{
    const fn_lrn *a = c->attr;
    const double *x = fn_f64(c->x[0]);
    neighbours near = neighbours_of(c, at);
    double sum = 0;
    for (int64_t i = near.first; i <= near.last; i++)
        sum += x[i] * x[i];
    return (double)a->k + (double)a->alpha / a->size * sum;
}

static fn_status lrn_forward(const fn_call *c)
{
    const fn_lrn *a = c->attr;
    for (int64_t at = 0; at < fn_numel(c->x[0].shape); at++)
        fn_f64(c->y[0])[at] = fn_f64(c->x[0])[at] * pow(base(c, at), -(double)a->beta);
    return FN_OK;
}

/* dx[c] = dy[c] base[c]^-beta
 *         - 2 alpha beta/size x[c] sum over i of dy[i] x[i] base[i]^-(beta+1) */
static fn_status lrn_backward(const fn_call *c)
{
    const fn_lrn *a = c->attr;
    const double *x = fn_f64(c->x[0]), *dy = fn_f64(c->dy[0]);
    double factor = 2 * (double)a->alpha * (double)a->beta / a->size;
    for (int64_t at = 0; c->dx[0].data && at < fn_numel(c->x[0].shape); at++) {
        neighbours near = neighbours_of(c, at);
        double sum = 0;
        for (int64_t i = near.first; i <= near.last; i++)
            sum += dy[i] * x[i] * pow(base(c, i), -(double)a->beta - 1);
        fn_f64(c->dx[0])[at] = dy[at] * pow(base(c, at), -(double)a->beta) -
                               factor * x[at] * sum;
    }
    return FN_OK;
}

static const fn_kernel lrn_ref = {.forward = lrn_forward, .backward = lrn_backward};

static const fn_field fields[] = {
    {"size", FN_INT, offsetof(fn_lrn, size), 5, 1, 31, NULL, NULL, NULL},
    {"alpha", FN_REAL, offsetof(fn_lrn, alpha), 1e-4, 0, 10, NULL, NULL, NULL},
    {"beta", FN_REAL, offsetof(fn_lrn, beta), 0.75, 0, 4, NULL, NULL, NULL},
    {"k", FN_REAL, offsetof(fn_lrn, k), 1, 1e-3, 100, NULL, NULL, NULL},
    {0},
};

static const fn_lrn usual = {.size = 5, .alpha = 1e-4f, .beta = 0.75f, .k = 1};
static const fn_lrn strong = {.size = 5, .alpha = 2, .beta = 0.75f, .k = 1};
static const fn_lrn narrow = {.size = 3, .alpha = 0.5f, .beta = 0.5f, .k = 2};
static const fn_sample samples[] = {
    {&strong, 1, {FN_NCHW(2, 3, 2, 3)}, FN_FILL_UNIFORM}, /* wider than the channels */
    {&strong, 1, {FN_NCHW(2, 16, 3, 2)}, FN_FILL_UNIFORM},
    {&strong, 1, {FN_NCHW(1, 32, 4, 3)}, FN_FILL_UNIFORM},
    {&narrow, 1, {FN_NCHW(2, 24, 3, 3)}, FN_FILL_UNIFORM},
    {&usual, 1, {FN_NCHW(1, 64, 2, 2)}, FN_FILL_UNIFORM},
    {0},
};

const fn_op fn_op_lrn = {
    .name = "lrn",
    .field = fields,
    .attr_size = sizeof(fn_lrn),
    .infer = lrn_infer,
    .kernel = {&lrn_ref, &fn_lrn_cpu, FN_CUDA_KERNEL(fn_lrn_cuda)},
    .sample = samples,
};
