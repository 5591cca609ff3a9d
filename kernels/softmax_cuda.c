#include "core/device.h"
#include "kernels/launch.h"
#include "kernels/softmax.h"

static int64_t rows_of(const fn_call *c)
{
    return fn_numel(c->x[0].shape) / c->x[0].shape.dim[1];
}

static fn_status softmax_forward(const fn_call *c)
{
    return fn_device_check(fn_launch_softmax(c->y[0].data, c->x[0].data, rows_of(c),
                                             c->x[0].shape.dim[1], (int)c->x[0].type,
                                             c->stream),
                           "softmax");
}

static fn_status softmax_backward(const fn_call *c)
{
    if (!c->dx[0].data)
        return FN_OK;
    return fn_device_check(
        fn_launch_softmax_back(c->dx[0].data, c->dy[0].data, c->y[0].data, rows_of(c),
                               c->x[0].shape.dim[1], (int)c->x[0].type, c->stream),
        "softmax backward");
}

const fn_kernel fn_softmax_cuda = {.forward = softmax_forward,
                                   .backward = softmax_backward};
