#include "core/device.h"
#include "kernels/fork.h"
#include "kernels/launch.h"

static fn_status fork_forward(const fn_call *c)
{
    return fn_device_check(
        fn_launch_fork(c->y, c->n_y, c->x[0].data, fn_numel(c->x[0].shape), c->stream),
        "fork");
}

static fn_status fork_backward(const fn_call *c)
{
    if (!c->dx[0].data)
        return FN_OK;
    return fn_device_check(fn_launch_fork_back(c->dx[0].data, c->dy, c->n_y,
                                               fn_numel(c->x[0].shape), c->stream),
                           "fork backward");
}

const fn_kernel fn_fork_cuda = {.forward = fork_forward, .backward = fork_backward};
