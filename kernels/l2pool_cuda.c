#include "core/device.h"
#include "kernels/launch.h"
#include "kernels/pool_walk.h"

/* What a sum of squares is multiplied by. */
static float scale_of(const fn_call *c)
{
    const fn_pool *a = c->attr;
    return a->norm == FN_POOL_SUM ? 1 : 1 / (float)fn_pool_taps(c);
}

static fn_status l2pool_forward(const fn_call *c)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
    return fn_device_check(fn_launch_l2pool(c->y[0].data, c->x[0].data, &w, scale_of(c),
                                            (int)c->x[0].type, c->stream),
                           "l2pool");
}

static fn_status l2pool_backward(const fn_call *c)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
    if (!c->dx[0].data)
        return FN_OK;
    return fn_device_check(fn_launch_l2pool_back(c->dx[0].data, c->dy[0].data, c->y[0].data,
                                                 c->x[0].data, &w, scale_of(c),
                                                 (int)c->x[0].type, c->stream),
                           "l2pool backward");
}

const fn_kernel fn_l2pool_cuda = {.forward = l2pool_forward, .backward = l2pool_backward};
