/* poolnorm on the GPU. saved: the tap that won, a byte for each element of y; behind that, where
 * the pool is first, what it gave. workspace: partial sums of the bias's gradient. */
#include "kernels/gpu.h"
#include "kernels/launch.h"
#include "kernels/pool_walk.h"
#include "kernels/poolnorm.h"

static size_t note_bytes(const fn_call *c)
{
    return fn_gpu_padded((size_t)fn_numel(c->y[0].shape));
}

static fn_pool_walk walk_of(const fn_call *c)
{
    fn_call pool = *c;
    pool.attr = &((const fn_poolnorm *)c->attr)->pool;
    return fn_pool_walk_of(&pool);
}

static fn_status poolnorm_prepare(fn_call *c)
{
    const fn_poolnorm *a = c->attr;
    if (!c->training)
        return FN_OK;
    c->saved_bytes = note_bytes(c);
    if (!a->norm_first)
        c->saved_bytes += (size_t)fn_numel(c->y[0].shape) * fn_type_bytes(c->y[0].type);
    if (a->bias)
        c->workspace_bytes = FN_SUM_PARTS * (size_t)c->x[0].shape.dim[1] * sizeof(float);
    return FN_OK;
}

static fn_poolnorm_launch launch_of(const fn_call *c, const fn_pool_walk *walk)
{
    const fn_poolnorm *a = c->attr;
    return (fn_poolnorm_launch){.walk = walk,
                                .attr = a,
                                .bias = a->bias ? fn_f32(c->w[0]) : NULL,
                                .type = (int)c->x[0].type};
}

static void *pooled_of(const fn_call *c)
{
    bool is_kept = c->training && !((const fn_poolnorm *)c->attr)->norm_first;
    return is_kept ? (char *)c->saved + note_bytes(c) : NULL;
}

static fn_status poolnorm_forward(const fn_call *c)
{
    const fn_pool_walk walk = walk_of(c);
    const fn_poolnorm_launch l = launch_of(c, &walk);
    return fn_device_check(fn_launch_poolnorm(c->y[0].data, pooled_of(c),
                                              c->training ? c->saved : NULL, c->x[0].data,
                                              &l, c->stream),
                           "poolnorm");
}

static fn_status poolnorm_backward(const fn_call *c)
{
    const fn_poolnorm *a = c->attr;
    const fn_pool_walk walk = walk_of(c);
    const fn_poolnorm_launch l = launch_of(c, &walk);
    float *dbias = a->bias ? fn_f32(c->dw[0]) : NULL;
    if (!c->dx[0].data && !dbias)
        return FN_OK;
    return fn_device_check(
        fn_launch_poolnorm_back(c->dx[0].data, dbias, c->workspace, c->dy[0].data, c->saved,
                                a->norm_first ? c->x[0].data : pooled_of(c), &l, c->stream),
        "poolnorm backward");
}

const fn_kernel fn_poolnorm_cuda = {.prepare = poolnorm_prepare,
                                    .forward = poolnorm_forward,
                                    .backward = poolnorm_backward};
