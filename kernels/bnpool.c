/* bnpool -- a batchnorm, with its ReLU, and a max pool in one: the stem of our networks with batch
 * norm. nn/lower.c makes it for FN_CUDA alone, in training.
 *
 *   y = maxpool(batchnorm(x))
 *
 * In backward only what has won has a gradient: sums over x are sums over y's size.
 * x [N, C, H, W]   y [N, C, H', W']   w: those of batchnorm, [C] each */
#include "kernels/bnpool.h"

#include "kernels/ref.h"

bool fn_bnpool_fits(const fn_pool *pool, fn_shape x)
{
    return pool->kernel == 3 && pool->stride == 2 && pool->pad == FN_SAME && x.rank == 4 &&
           x.dim[1] % 8 == 0;
}

static fn_status bnpool_infer(fn_call *c)
{
    const fn_bnpool *a = c->attr;
    fn_call pool = {.attr = &a->pool, .n_x = 1, .x = {c->x[0]}};
    if (!fn_bnpool_fits(&a->pool, c->x[0].shape))
        return fn_fail(
            FN_EUNSUPPORTED,
            "bnpool wants windows of 3 with stride 2 and channels in multiples of "
            "8: keep the two apart");
    FN_TRY(fn_pool_infer(&pool));
    c->n_y = 1;
    c->n_w = 4;
    c->y[0].shape = pool.y[0].shape;
    for (int k = 0; k < 4; k++)
        c->w[k].shape = (fn_shape)FN_C(c->x[0].shape.dim[1]);
    c->keep = FN_KEEP_X;
    return FN_OK;
}

/* --- the reference: the two ops' own, one after the other --- */

extern const fn_op fn_op_batchnorm, fn_op_maxpool;

static size_t statistics_bytes(const fn_call *c)
{
    return 2 * (size_t)c->x[0].shape.dim[1] * sizeof(double);
}

/* saved: the statistics, and what the pool reads. workspace: its gradient. */
static fn_status bnpool_prepare(fn_call *c)
{
    c->workspace_bytes = (size_t)fn_numel(c->x[0].shape) * sizeof(double);
    c->saved_bytes = statistics_bytes(c) + c->workspace_bytes;
    return FN_OK;
}

static fn_tensor middle_of(const fn_call *c)
{
    return (fn_tensor){.shape = c->x[0].shape,
                       .data = (char *)c->saved + statistics_bytes(c)};
}

static fn_call norm_of(const fn_call *c)
{
    fn_call norm = *c;
    norm.attr = &((const fn_bnpool *)c->attr)->norm;
    norm.y[0] = middle_of(c);
    norm.dy[0] = (fn_tensor){.shape = c->x[0].shape, .data = c->workspace};
    return norm;
}

static fn_call pool_of(const fn_call *c)
{
    fn_call pool = *c;
    pool.attr = &((const fn_bnpool *)c->attr)->pool;
    pool.x[0] = middle_of(c);
    pool.dx[0] = (fn_tensor){.shape = c->x[0].shape, .data = c->workspace};
    return pool;
}

static fn_status bnpool_forward(const fn_call *c)
{
    fn_call norm = norm_of(c), pool = pool_of(c);
    FN_TRY(fn_op_batchnorm.kernel[FN_REF]->forward(&norm));
    return fn_op_maxpool.kernel[FN_REF]->forward(&pool);
}

static fn_status bnpool_backward(const fn_call *c)
{
    fn_call norm = norm_of(c), pool = pool_of(c);
    FN_TRY(fn_op_maxpool.kernel[FN_REF]->backward(&pool));
    return fn_op_batchnorm.kernel[FN_REF]->backward(&norm);
}

static const fn_kernel bnpool_ref = {
    .prepare = bnpool_prepare, .forward = bnpool_forward, .backward = bnpool_backward};

static const fn_weight weights[] = {
    [FN_BN_GAIN] = {"gain", FN_INIT_ONE, true},
    [FN_BN_SHIFT] = {"shift", FN_INIT_ZERO, true},
    [FN_BN_MEAN] = {"mean", FN_INIT_ZERO, false},
    [FN_BN_VAR] = {"var", FN_INIT_ONE, false},
    {0},
};

static const fn_bnpool relu = {.norm = {.eps = 1e-3f, .relu = 1},
                               .pool = {.kernel = 3, .stride = 2}};
static const fn_bnpool bare = {.norm = {.eps = 1e-3f}, .pool = {.kernel = 3, .stride = 2}};
static const fn_sample samples[] = {
    {&relu, 1, {FN_NCHW(2, 8, 7, 6)}, FN_FILL_UNIFORM},
    {&relu, 1, {FN_NCHW(1, 24, 4, 5)}, FN_FILL_UNIFORM},
    {&relu, 1, {FN_NCHW(2, 16, 8, 7)}, FN_FILL_TIES},
    {&bare, 1, {FN_NCHW(2, 16, 5, 4)}, FN_FILL_UNIFORM},
    {&bare, 1, {FN_NCHW(2, 16, 6, 7)}, FN_FILL_TIES},
    {0},
};

const fn_op fn_op_bnpool = {
    .name = "bnpool",
    .weight = weights,
    .attr_size = sizeof(fn_bnpool),
    .internal = true,
    .infer = bnpool_infer,
    .kernel = {&bnpool_ref, NULL, FN_CUDA_KERNEL(fn_bnpool_cuda)},
    .sample = samples,
};
