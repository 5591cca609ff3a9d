#include "core/device.h"
#include "kernels/launch.h"
#include "kernels/relu.h"

static fn_status relu_forward(const fn_call *c)
{
    return fn_device_check(fn_launch_relu(c->y[0].data, c->x[0].data,
                                          fn_numel(c->x[0].shape), (int)c->x[0].type,
                                          c->stream),
                           "relu");
}

static fn_status relu_backward(const fn_call *c)
{
    if (!c->dx[0].data)
        return FN_OK;
    return fn_device_check(fn_launch_relu_back(c->dx[0].data, c->dy[0].data, c->y[0].data,
                                               fn_numel(c->x[0].shape), (int)c->x[0].type,
                                               c->stream),
                           "relu");
}

const fn_kernel fn_relu_cuda = {.forward = relu_forward, .backward = relu_backward};
