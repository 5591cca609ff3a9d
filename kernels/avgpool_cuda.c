#include "core/device.h"
#include "kernels/launch.h"
#include "kernels/pool_walk.h"

static fn_status avgpool_forward(const fn_call *c)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
    return fn_device_check(
        fn_launch_avgpool(c->y[0].data, c->x[0].data, &w, (int)c->x[0].type, c->stream),
        "avgpool");
}

static fn_status avgpool_backward(const fn_call *c)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
    if (!c->dx[0].data)
        return FN_OK;
    return fn_device_check(fn_launch_avgpool_back(c->dx[0].data, c->dy[0].data, &w,
                                                  (int)c->x[0].type, c->stream),
                           "avgpool backward");
}

const fn_kernel fn_avgpool_cuda = {.forward = avgpool_forward,
                                   .backward = avgpool_backward};
