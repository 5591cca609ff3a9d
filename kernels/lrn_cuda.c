#include "core/device.h"
#include "kernels/launch.h"
#include "kernels/lrn.h"

static int64_t rows_of(const fn_call *c)
{
    return fn_numel(c->x[0].shape) / c->x[0].shape.dim[1];
}

static fn_status lrn_forward(const fn_call *c)
{
    return fn_device_check(fn_launch_lrn(c->y[0].data, c->x[0].data, c->attr, rows_of(c),
                                         c->x[0].shape.dim[1], (int)c->x[0].type,
                                         c->stream),
                           "lrn");
}

static fn_status lrn_backward(const fn_call *c)
{
    if (!c->dx[0].data)
        return FN_OK;
    return fn_device_check(fn_launch_lrn_back(c->dx[0].data, c->dy[0].data, c->x[0].data,
                                              c->attr, rows_of(c), c->x[0].shape.dim[1],
                                              (int)c->x[0].type, c->stream),
                           "lrn backward");
}

const fn_kernel fn_lrn_cuda = {.forward = lrn_forward, .backward = lrn_backward};
