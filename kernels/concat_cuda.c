#include "core/device.h"
#include "kernels/concat.h"
#include "kernels/launch.h"

static int64_t rows_of(const fn_call *c)
{
    return fn_numel(c->y[0].shape) / c->y[0].shape.dim[1];
}

static fn_status concat_forward(const fn_call *c)
{
    return fn_device_check(
        fn_launch_concat(c->y[0].data, c->x, c->n_x, rows_of(c), c->stream), "concat");
}

static fn_status concat_backward(const fn_call *c)
{
    return fn_device_check(
        fn_launch_concat_back(c->dx, c->dy[0].data, c->n_x, rows_of(c), c->stream),
        "concat backward");
}

const fn_kernel fn_concat_cuda = {.forward = concat_forward, .backward = concat_backward};
