#include "core/device.h"
#include "kernels/launch.h"
#include "kernels/maxout.h"

static fn_status maxout_forward(const fn_call *c)
{
    const fn_maxout *a = c->attr;
    return fn_device_check(fn_launch_maxout(c->y[0].data, c->x[0].data,
                                            fn_numel(c->y[0].shape), a->pieces, c->stream),
                           "maxout");
}

static fn_status maxout_backward(const fn_call *c)
{
    const fn_maxout *a = c->attr;
    if (!c->dx[0].data)
        return FN_OK;
    return fn_device_check(fn_launch_maxout_back(c->dx[0].data, c->dy[0].data, c->x[0].data,
                                                 fn_numel(c->y[0].shape), a->pieces,
                                                 c->stream),
                           "maxout backward");
}

const fn_kernel fn_maxout_cuda = {.forward = maxout_forward, .backward = maxout_backward};
