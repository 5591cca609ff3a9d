/* join on the GPU. workspace: partial sums of the biases' gradients. */
#include "core/device.h"
#include "kernels/join.h"
#include "kernels/launch.h"

static int64_t rows_of(const fn_call *c)
{
    return fn_numel(c->y[0].shape) / c->y[0].shape.dim[1];
}

static fn_status join_prepare(fn_call *c)
{
    const fn_join *a = c->attr;
    if (c->training && a->bias)
        c->workspace_bytes = FN_SUM_PARTS * (size_t)c->y[0].shape.dim[1] * sizeof(float);
    return FN_OK;
}

static fn_status join_forward(const fn_call *c)
{
    return fn_device_check(
        fn_launch_join(c->y, c->x, c->w, c->attr, c->n_x, rows_of(c), c->stream), "join");
}

static fn_status join_backward(const fn_call *c)
{
    return fn_device_check(fn_launch_join_back(c->dx, c->dw, c->workspace, c->dy,
                                               c->y[0].data, c->attr, c->n_x, rows_of(c),
                                               c->stream),
                           "join backward");
}

const fn_kernel fn_join_cuda = {
    .prepare = join_prepare, .forward = join_forward, .backward = join_backward};
