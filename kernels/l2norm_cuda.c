#include "core/device.h"
#include "kernels/l2norm.h"
#include "kernels/launch.h"

static fn_status l2norm_forward(const fn_call *c)
{
    const int64_t *dim = c->x[0].shape.dim;
    return fn_device_check(
        fn_launch_l2norm(c->y[0].data, c->x[0].data, dim[0], dim[1], c->stream), "l2norm");
}

static fn_status l2norm_backward(const fn_call *c)
{
    const int64_t *dim = c->x[0].shape.dim;
    if (!c->dx[0].data)
        return FN_OK;
    return fn_device_check(fn_launch_l2norm_back(c->dx[0].data, c->dy[0].data, c->x[0].data,
                                                 dim[0], dim[1], c->stream),
                           "l2norm backward");
}

const fn_kernel fn_l2norm_cuda = {.forward = l2norm_forward, .backward = l2norm_backward};
