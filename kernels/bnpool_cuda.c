/* bnpool on the GPU.
 *
 * saved: mean [C] and variance [C] of the batch; of y's size the x that won, and a byte for its
 * tap. workspace: batchnorm's. */
#include "kernels/bnpool.h"
#include "kernels/gpu.h"
#include "kernels/launch.h"
#include "kernels/pool_walk.h"

static size_t channels_bytes(const fn_call *c)
{
    return (size_t)c->x[0].shape.dim[1] * sizeof(float);
}

static int64_t rows_of(fn_shape s)
{
    return fn_numel(s) / s.dim[1];
}

/* The parts of `saved`. */
typedef struct notes {
    float *mean, *var;
    char *best, *tap;
    size_t bytes;
} notes;

static notes notes_of(const fn_call *c)
{
    size_t statistics = fn_gpu_padded(2 * channels_bytes(c));
    size_t count = (size_t)fn_numel(c->y[0].shape);
    size_t best = fn_gpu_padded(count * fn_type_bytes(c->y[0].type));
    char *at = c->saved;
    notes n = {.bytes = statistics + best + count};
    if (!at)
        return n;
    n.mean = c->saved;
    n.var = n.mean + c->x[0].shape.dim[1];
    n.best = at + statistics;
    n.tap = n.best + best;
    return n;
}

static size_t sums_bytes(const fn_call *c)
{
    return 2 * channels_bytes(c) * FN_SUM_PARTS;
}

static fn_status bnpool_prepare(fn_call *c)
{
    if (!c->training)
        return FN_OK;
    c->saved_bytes = notes_of(c).bytes;
    c->workspace_bytes = sums_bytes(c) + 2 * channels_bytes(c);
    return FN_OK;
}

static fn_pool_walk walk_of(const fn_call *c)
{
    fn_call pool = *c;
    pool.attr = &((const fn_bnpool *)c->attr)->pool;
    return fn_pool_walk_of(&pool);
}

static fn_batchnorm_launch launch_of(const fn_call *c, const notes *n)
{
    const fn_bnpool *a = c->attr;
    return (fn_batchnorm_launch){
        .gain = c->w[FN_BN_GAIN].data,
        .shift = c->w[FN_BN_SHIFT].data,
        .mean = c->training ? n->mean : c->w[FN_BN_MEAN].data,
        .var = c->training ? n->var : c->w[FN_BN_VAR].data,
        .eps = a->norm.eps,
        .relu = a->norm.relu,
        .rows = rows_of(c->x[0].shape),
        .pixels = rows_of(c->x[0].shape),
        .channels = c->x[0].shape.dim[1],
        .type = (int)c->x[0].type,
    };
}

static fn_status bnpool_forward(const fn_call *c)
{
    const notes n = c->training ? notes_of(c) : (notes){0};
    const fn_batchnorm_launch a = launch_of(c, &n);
    const fn_pool_walk w = walk_of(c);
    int error = 0;
    if (c->training)
        error = fn_launch_batchnorm_measure(n.mean, n.var, c->workspace, c->x[0].data, a,
                                            c->stream);
    if (!error)
        error = fn_launch_bnpool(c->y[0].data, n.best, n.tap, c->x[0].data, a, &w,
                                 c->stream);
    return fn_device_check(error, "bnpool");
}

/* Where x has not won it has no gradient: the sums are those over the winners. */
static fn_status bnpool_backward(const fn_call *c)
{
    const notes n = notes_of(c);
    const fn_batchnorm_launch a = launch_of(c, &n);
    const fn_pool_walk w = walk_of(c);
    const fn_batchnorm_gradients to = {c->dw[FN_BN_GAIN].data, c->dw[FN_BN_SHIFT].data,
                                       c->dw[FN_BN_MEAN].data, c->dw[FN_BN_VAR].data};
    float *share = (float *)((char *)c->workspace + sums_bytes(c));
    fn_batchnorm_launch winners = a;
    winners.rows = rows_of(c->y[0].shape);
    int error = fn_launch_batchnorm_reduce(to, share, c->workspace, c->dy[0].data, n.best,
                                           winners, c->stream);
    if (!error && c->dx[0].data)
        error = fn_launch_bnpool_back(c->dx[0].data, c->dy[0].data, n.tap, c->x[0].data,
                                      share, a, &w, c->stream);
    return fn_device_check(error, "bnpool backward");
}

const fn_kernel fn_bnpool_cuda = {
    .prepare = bnpool_prepare, .forward = bnpool_forward, .backward = bnpool_backward};
