/* prelu on the GPU. workspace: the sums of each block for the slopes. */
#include "core/device.h"
#include "kernels/launch.h"
#include "kernels/prelu.h"

static int64_t rows_of(const fn_call *c)
{
    return fn_numel(c->x[0].shape) / c->x[0].shape.dim[1];
}

static fn_status prelu_prepare(fn_call *c)
{
    size_t parts = rows_of(c) < FN_SUM_PARTS ? (size_t)rows_of(c) : FN_SUM_PARTS;
    c->workspace_bytes = c->training ? parts * (size_t)c->x[0].shape.dim[1] * sizeof(float)
                                     : 0;
    return FN_OK;
}

static fn_status prelu_forward(const fn_call *c)
{
    return fn_device_check(fn_launch_prelu(c->y[0].data, c->x[0].data, c->w[0].data,
                                           rows_of(c), c->x[0].shape.dim[1],
                                           (int)c->x[0].type, c->stream),
                           "prelu");
}

static fn_status prelu_backward(const fn_call *c)
{
    if (!c->dx[0].data && !c->dw[0].data)
        return FN_OK;
    return fn_device_check(fn_launch_prelu_back(c->dx[0].data, c->dw[0].data, c->workspace,
                                                c->dy[0].data, c->x[0].data, c->w[0].data,
                                                rows_of(c), c->x[0].shape.dim[1],
                                                (int)c->x[0].type, c->stream),
                           "prelu backward");
}

const fn_kernel fn_prelu_cuda = {
    .prepare = prelu_prepare, .forward = prelu_forward, .backward = prelu_backward};
