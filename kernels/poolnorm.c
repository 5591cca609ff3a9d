/* poolnorm -- a bias, a ReLU, a max pool and an lrn in one: what stands between a convolution and
 * the next in the stem of our networks. nn/lower.c makes it for FN_CUDA alone.
 *
 *   v = x + b (bias), v = max(0, v) (relu);   y = lrn(maxpool(v)), or maxpool(lrn(v)) (norm_first)
 *
 * Backward of the convolution before it then has no mask and no sum of its own to make.
 * x [N, C, H, W]   y [N, C, H', W']   w[0] bias [C], with bias: true only */
#include "kernels/poolnorm.h"

#include "kernels/ref.h"

#include <math.h>

bool fn_poolnorm_fits(const fn_pool *pool, const fn_lrn *norm, int64_t channels)
{
    return pool->kernel == 3 && pool->stride == 2 && pool->pad == FN_SAME &&
           norm->size == 5 && channels % 8 == 0;
}

static fn_status poolnorm_infer(fn_call *c)
{
    const fn_poolnorm *a = c->attr;
    fn_call pool = {.attr = &a->pool, .n_x = 1, .x = {c->x[0]}};
    if (!fn_poolnorm_fits(&a->pool, &a->norm, c->x[0].shape.dim[1]))
        return fn_fail(
            FN_EUNSUPPORTED,
            "poolnorm wants windows of 3 with stride 2, lrn of 5 and channels in "
            "multiples of 8: keep the two apart");
    FN_TRY(fn_pool_infer(&pool));
    c->n_y = 1;
    c->n_w = a->bias ? 1 : 0;
    c->y[0].shape = pool.y[0].shape;
    c->w[0].shape = (fn_shape)FN_C(c->x[0].shape.dim[1]);
    c->keep = a->norm_first ? FN_KEEP_X : FN_KEEP_NONE;
    return FN_OK;
}

/* --- the reference: the two ops' own, one after the other --- */

extern const fn_op fn_op_maxpool, fn_op_lrn;

/* v, and what the first of the two makes of it; then their gradients. */
typedef struct inside {
    fn_tensor v, middle;
} inside;

static inside inside_at(const fn_call *c, void *at)
{
    const fn_poolnorm *a = c->attr;
    inside in = {.v.shape = c->x[0].shape,
                 .middle.shape = a->norm_first ? c->x[0].shape : c->y[0].shape};
    in.v.data = at;
    in.middle.data = at ? (double *)at + fn_numel(in.v.shape) : NULL;
    return in;
}

static fn_status poolnorm_prepare(fn_call *c)
{
    inside in = inside_at(c, NULL);
    size_t bytes = (size_t)(fn_numel(in.v.shape) + fn_numel(in.middle.shape)) *
                   sizeof(double);
    c->saved_bytes = c->workspace_bytes = bytes;
    return FN_OK;
}

/* The first or the second of the two. */
static const fn_kernel *part_of(fn_call *part, const fn_call *c, int number)
{
    const fn_poolnorm *a = c->attr;
    inside value = inside_at(c, c->saved), gradient = inside_at(c, c->workspace);
    bool norm = a->norm_first == (number == 0);
    *part = (fn_call){.attr = norm ? (const void *)&a->norm : &a->pool, .n_x = 1, .n_y = 1};
    part->x[0] = number == 0 ? value.v : value.middle;
    part->y[0] = number == 0 ? value.middle : c->y[0];
    part->dx[0] = number == 0 ? gradient.v : gradient.middle;
    part->dy[0] = number == 0 ? gradient.middle : c->dy[0];
    return (norm ? fn_op_lrn : fn_op_maxpool).kernel[FN_REF];
}

static fn_status poolnorm_forward(const fn_call *c)
{
    const fn_poolnorm *a = c->attr;
    double *v = fn_f64(inside_at(c, c->saved).v);
    fn_call part;
    for (int64_t i = 0; i < fn_numel(c->x[0].shape); i++) {
        v[i] = fn_f64(c->x[0])[i];
        if (a->bias)
            v[i] += fn_f64(c->w[0])[i % c->x[0].shape.dim[1]];
        v[i] = a->relu && v[i] < 0 ? 0 : v[i];
    }
    FN_TRY(part_of(&part, c, 0)->forward(&part));
    return part_of(&part, c, 1)->forward(&part);
}

static fn_status poolnorm_backward(const fn_call *c)
{
    const fn_poolnorm *a = c->attr;
    const double *v = fn_f64(inside_at(c, c->saved).v);
    const double *dv = fn_f64(inside_at(c, c->workspace).v);
    fn_call part;
    FN_TRY(part_of(&part, c, 1)->backward(&part));
    FN_TRY(part_of(&part, c, 0)->backward(&part));
    if (a->bias)
        fn_ref_zero(c->dw[0]);
    for (int64_t i = 0; i < fn_numel(c->x[0].shape); i++) {
        double g = a->relu && !(v[i] > 0) ? 0 : dv[i];
        if (c->dx[0].data)
            fn_f64(c->dx[0])[i] = g;
        if (a->bias && c->dw[0].data)
            fn_f64(c->dw[0])[i % c->x[0].shape.dim[1]] += g;
    }
    return FN_OK;
}

static const fn_kernel poolnorm_ref = {.prepare = poolnorm_prepare,
                                       .forward = poolnorm_forward,
                                       .backward = poolnorm_backward};

static const fn_weight weights[] = {{"bias", FN_INIT_ZERO, true}, {0}};

/* clang-format off */
#define POOL {.kernel = 3, .stride = 2}
#define NORM {.size = 5, .alpha = 2, .beta = 0.75f, .k = 1}
/* clang-format on */
static const fn_poolnorm pool_norm = {.pool = POOL, .norm = NORM, .bias = 1, .relu = 1};
static const fn_poolnorm norm_pool = {
    .pool = POOL, .norm = NORM, .norm_first = 1, .bias = 1, .relu = 1};
static const fn_poolnorm pool_norm_bare = {.pool = POOL, .norm = NORM};
static const fn_poolnorm norm_pool_bare = {.pool = POOL, .norm = NORM, .norm_first = 1};
static const fn_sample samples[] = {
    {&pool_norm, 1, {FN_NCHW(2, 8, 7, 6)}, FN_FILL_UNIFORM},
    {&pool_norm, 1, {FN_NCHW(1, 24, 4, 5)}, FN_FILL_UNIFORM},
    {&pool_norm, 1, {FN_NCHW(2, 16, 1, 2)}, FN_FILL_UNIFORM},
    {&pool_norm, 1, {FN_NCHW(2, 16, 8, 7)}, FN_FILL_TIES},
    {&pool_norm_bare, 1, {FN_NCHW(2, 16, 5, 4)}, FN_FILL_UNIFORM},
    {&pool_norm_bare, 1, {FN_NCHW(2, 16, 6, 7)}, FN_FILL_TIES},
    {&norm_pool, 1, {FN_NCHW(2, 8, 7, 6)}, FN_FILL_UNIFORM},
    {&norm_pool, 1, {FN_NCHW(1, 24, 4, 5)}, FN_FILL_UNIFORM},
    {&norm_pool, 1, {FN_NCHW(2, 16, 1, 2)}, FN_FILL_UNIFORM},
    {&norm_pool_bare, 1, {FN_NCHW(2, 16, 5, 4)}, FN_FILL_UNIFORM},
    {0},
};

const fn_op fn_op_poolnorm = {
    .name = "poolnorm",
    .weight = weights,
    .attr_size = sizeof(fn_poolnorm),
    .internal = true,
    .infer = poolnorm_infer,
    .kernel = {&poolnorm_ref, NULL, FN_CUDA_KERNEL(fn_poolnorm_cuda)},
    .sample = samples,
};
