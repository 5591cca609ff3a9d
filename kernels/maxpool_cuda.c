/* maxpool on the GPU. saved: the tap that won, for each element of y. */
#include "core/device.h"
#include "kernels/launch.h"
#include "kernels/pool_walk.h"

static fn_status maxpool_prepare(fn_call *c)
{
    size_t note = fn_launch_maxpool_note(fn_pool_taps(c));
    c->keep = FN_KEEP_NONE;
    c->saved_bytes = c->training ? (size_t)fn_numel(c->y[0].shape) * note : 0;
    return FN_OK;
}

static fn_status maxpool_forward(const fn_call *c)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
    return fn_device_check(fn_launch_maxpool(c->y[0].data, c->training ? c->saved : NULL,
                                             c->x[0].data, &w, (int)c->x[0].type,
                                             c->stream),
                           "maxpool");
}

static fn_status maxpool_backward(const fn_call *c)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
    if (!c->dx[0].data)
        return FN_OK;
    return fn_device_check(fn_launch_maxpool_back(c->dx[0].data, c->dy[0].data, c->saved,
                                                  &w, (int)c->x[0].type, c->stream),
                           "maxpool backward");
}

const fn_kernel fn_maxpool_cuda = {
    .prepare = maxpool_prepare, .forward = maxpool_forward, .backward = maxpool_backward};
