/* batchnorm on the GPU: statistics and gradients of channels by two steps of sums.
 *
 * saved: mean [C], variance [C] of the batch.
 * workspace: the sums of each block, and behind them what backward's apply takes from them. */
#include "core/device.h"
#include "kernels/batchnorm.h"
#include "kernels/launch.h"

static int64_t rows_of(const fn_call *c)
{
    return fn_numel(c->x[0].shape) / c->x[0].shape.dim[1];
}

static size_t channels_bytes(const fn_call *c)
{
    return (size_t)c->x[0].shape.dim[1] * sizeof(float);
}

static size_t sums_bytes(const fn_call *c)
{
    size_t parts = rows_of(c) < FN_SUM_PARTS ? (size_t)rows_of(c) : FN_SUM_PARTS;
    return parts * 2 * channels_bytes(c);
}

static fn_status batchnorm_prepare(fn_call *c)
{
    c->keep = FN_KEEP_X; /* the relu's mask is found from x */
    c->saved_bytes = c->training ? 2 * channels_bytes(c) : 0;
    c->workspace_bytes = c->training ? sums_bytes(c) + 2 * channels_bytes(c) : 0;
    return FN_OK;
}

static fn_batchnorm_launch launch_of(const fn_call *c)
{
    const fn_batchnorm *a = c->attr;
    const float *saved = c->saved;
    return (fn_batchnorm_launch){
        .gain = c->w[FN_BN_GAIN].data,
        .shift = c->w[FN_BN_SHIFT].data,
        .mean = c->training ? saved : c->w[FN_BN_MEAN].data,
        .var = c->training ? saved + c->x[0].shape.dim[1] : c->w[FN_BN_VAR].data,
        .eps = a->eps,
        .relu = a->relu,
        .rows = rows_of(c),
        .pixels = rows_of(c),
        .channels = c->x[0].shape.dim[1],
        .type = (int)c->x[0].type,
    };
}

static fn_status batchnorm_forward(const fn_call *c)
{
    fn_batchnorm_launch a = launch_of(c);
    float *saved = c->saved;
    int error = 0;
    if (c->training)
        error = fn_launch_batchnorm_measure(saved, saved + a.channels, c->workspace,
                                            c->x[0].data, a, c->stream);
    if (!error)
        error = fn_launch_batchnorm(c->y[0].data, c->x[0].data, a, c->stream);
    return fn_device_check(error, "batchnorm");
}

static fn_status batchnorm_backward(const fn_call *c)
{
    fn_batchnorm_launch a = launch_of(c);
    fn_batchnorm_gradients to = {c->dw[FN_BN_GAIN].data, c->dw[FN_BN_SHIFT].data,
                                 c->dw[FN_BN_MEAN].data, c->dw[FN_BN_VAR].data};
    float *share = (float *)((char *)c->workspace + sums_bytes(c));
    int error = fn_launch_batchnorm_reduce(to, share, c->workspace, c->dy[0].data,
                                           c->x[0].data, a, c->stream);
    if (!error && c->dx[0].data)
        error = fn_launch_batchnorm_back(c->dx[0].data, c->dy[0].data, c->x[0].data, share,
                                         a, c->stream);
    return fn_device_check(error, "batchnorm backward");
}

const fn_kernel fn_batchnorm_cuda = {.prepare = batchnorm_prepare,
                                     .forward = batchnorm_forward,
                                     .backward = batchnorm_backward};
