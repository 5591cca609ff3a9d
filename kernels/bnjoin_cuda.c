/* bnjoin on the GPU.
 *
 * saved: mean [C] and variance [C] of the batch, for the channels of y.
 * workspace: the sums of each block, and behind them what backward's apply takes from them. */
#include "core/device.h"
#include "kernels/bnjoin.h"
#include "kernels/launch.h"

static int64_t channels_of(const fn_call *c)
{
    return c->y[0].shape.dim[1];
}

static size_t sums_bytes(const fn_call *c)
{
    return 2 * FN_SUM_PARTS * (size_t)channels_of(c) * sizeof(float);
}

static fn_status bnjoin_prepare(fn_call *c)
{
    size_t statistics = 2 * (size_t)channels_of(c) * sizeof(float);
    if (!c->training)
        return FN_OK;
    c->saved_bytes = statistics;
    c->workspace_bytes = sums_bytes(c) + statistics;
    return FN_OK;
}

static fn_bnjoin_launch launch_of(const fn_call *c)
{
    fn_bnjoin_launch l = {.x = c->x,
                          .w = c->w,
                          .attr = c->attr,
                          .n = c->n_x,
                          .rows = fn_numel(c->y[0].shape) / channels_of(c)};
    if (c->training) {
        l.mean = c->saved;
        l.var = l.mean + channels_of(c);
    }
    return l;
}

static int measure(const fn_call *c, const fn_bnjoin_launch *l)
{
    int64_t first = 0;
    int error = 0;
    for (int i = 0; i < c->n_x && !error; first += c->x[i++].shape.dim[1])
        if (l->attr->norm >> i & 1)
            error = fn_launch_batchnorm_measure(
                l->mean + first, l->var + first, c->workspace, c->x[i].data,
                (fn_batchnorm_launch){.rows = l->rows,
                                      .channels = c->x[i].shape.dim[1],
                                      .type = (int)c->x[i].type},
                c->stream);
    return error;
}

static fn_status bnjoin_forward(const fn_call *c)
{
    fn_bnjoin_launch l = launch_of(c);
    int error = c->training ? measure(c, &l) : 0;
    if (!error)
        error = fn_launch_bnjoin(c->y, &l, c->stream);
    return fn_device_check(error, "bnjoin");
}

static fn_status bnjoin_backward(const fn_call *c)
{
    fn_bnjoin_launch l = launch_of(c);
    float *share = (float *)((char *)c->workspace + sums_bytes(c));
    int error = fn_launch_bnjoin_reduce(c->dw, share, c->workspace, c->dy, &l, c->stream);
    if (!error)
        error = fn_launch_bnjoin_back(c->dx, share, c->dy, &l, c->stream);
    return fn_device_check(error, "bnjoin backward");
}

const fn_kernel fn_bnjoin_cuda = {
    .prepare = bnjoin_prepare, .forward = bnjoin_forward, .backward = bnjoin_backward};
