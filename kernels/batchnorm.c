/* batchnorm -- per channel, over N,H,W (Ioffe & Szegedy 2015, algorithms 1 and 2).
 *
 *   y = gain (x - mean) / sqrt(var + eps) + shift
 *
 * Training takes mean and (biased) variance from the batch and reports them in dw[FN_BN_MEAN]
 * and dw[FN_BN_VAR]; inference takes the running ones, w[FN_BN_MEAN] and w[FN_BN_VAR].
 * With `relu`, which nn/lower.c sets, y = max(0, that).
 * x, y [N, C, H, W] or [N, C]; each weight [C] */
#include "kernels/batchnorm.h"

#include "kernels/ref.h"

#include <math.h>

static fn_status batchnorm_infer(fn_call *c)
{
    const fn_batchnorm *a = c->attr;
    fn_shape x = c->x[0].shape;
    if (x.rank != 2 && x.rank != 4)
        return fn_fail(FN_ESHAPE, "batchnorm wants N,C or N,C,H,W, got rank %d", x.rank);
    c->n_y = 1;
    c->n_w = 4;
    c->y[0].shape = x;
    for (int k = 0; k < 4; k++)
        c->w[k].shape = (fn_shape)FN_C(x.dim[1]);
    c->keep = FN_KEEP_X | (a->relu ? FN_KEEP_Y : 0);
    return FN_OK;
}

static fn_status batchnorm_prepare(fn_call *c)
{
    c->saved_bytes = 2 * (size_t)c->x[0].shape.dim[1] * sizeof(double);
    return FN_OK;
}

/* Mean and variance of channel ch of the batch. */
static void measure(const fn_call *c, int64_t ch, double *mean, double *var)
{
    const double *x = fn_f64(c->x[0]);
    int64_t channels = c->x[0].shape.dim[1], all = fn_numel(c->x[0].shape);
    double count = (double)all / (double)channels, sum = 0, squares = 0;
    for (int64_t i = ch; i < all; i += channels)
        sum += x[i];
    *mean = sum / count;
    for (int64_t i = ch; i < all; i += channels)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *var = squares / count;
}

static fn_status batchnorm_forward(const fn_call *c)
{
    const fn_batchnorm *a = c->attr;
    int64_t channels = c->x[0].shape.dim[1], all = fn_numel(c->x[0].shape);
    double *mean = c->saved, *var = mean + channels;
    for (int64_t ch = 0; ch < channels; ch++) {
        if (c->training) {
            measure(c, ch, &mean[ch], &var[ch]);
        } else {
            mean[ch] = fn_f64(c->w[FN_BN_MEAN])[ch];
            var[ch] = fn_f64(c->w[FN_BN_VAR])[ch];
        }
        double factor = fn_f64(c->w[FN_BN_GAIN])[ch] / sqrt(var[ch] + (double)a->eps);
        for (int64_t i = ch; i < all; i += channels) {
            double y = (fn_f64(c->x[0])[i] - mean[ch]) * factor +
                       fn_f64(c->w[FN_BN_SHIFT])[ch];
            fn_f64(c->y[0])[i] = a->relu && y < 0 ? 0 : y;
        }
    }
    return FN_OK;
}

static void put(fn_tensor t, int64_t i, double value)
{
    if (t.data)
        fn_f64(t)[i] = value;
}

/* With xhat = (x - mean) / sqrt(var + eps), over the M elements of a channel:
 *   dshift = sum dy    dgain = sum dy xhat
 *   dx = gain / sqrt(var + eps) (dy - dshift/M - xhat dgain/M) */
static fn_status batchnorm_backward(const fn_call *c)
{
    const fn_batchnorm *a = c->attr;
    int64_t channels = c->x[0].shape.dim[1], all = fn_numel(c->x[0].shape);
    const double *x = fn_f64(c->x[0]), *mean = c->saved, *var = mean + channels;
    double count = (double)all / (double)channels;
    for (int64_t ch = 0; ch < channels; ch++) {
        double inv = 1 / sqrt(var[ch] + (double)a->eps), dgain = 0, dshift = 0;
        for (int64_t i = ch; i < all; i += channels) {
            double g = fn_ref_relu_gradient(c, a->relu, i);
            dshift += g;
            dgain += g * (x[i] - mean[ch]) * inv;
        }
        for (int64_t i = ch; i < all; i += channels) {
            double g = fn_ref_relu_gradient(c, a->relu, i), xhat = (x[i] - mean[ch]) * inv;
            put(c->dx[0], i,
                fn_f64(c->w[FN_BN_GAIN])[ch] * inv * (g - (dshift + xhat * dgain) / count));
        }
        put(c->dw[FN_BN_GAIN], ch, dgain);
        put(c->dw[FN_BN_SHIFT], ch, dshift);
        put(c->dw[FN_BN_MEAN], ch, mean[ch]);
        put(c->dw[FN_BN_VAR], ch, var[ch]);
    }
    return FN_OK;
}

static const fn_kernel batchnorm_ref = {.prepare = batchnorm_prepare,
                                        .forward = batchnorm_forward,
                                        .backward = batchnorm_backward};

static const fn_field fields[] = {
    {"eps", FN_REAL, offsetof(fn_batchnorm, eps), 1e-3, 1e-12, 1, NULL, NULL, NULL},
    {0},
};
static const fn_weight weights[] = {
    [FN_BN_GAIN] = {"gain", FN_INIT_ONE, true},
    [FN_BN_SHIFT] = {"shift", FN_INIT_ZERO, true},
    [FN_BN_MEAN] = {"mean", FN_INIT_ZERO, false},
    [FN_BN_VAR] = {"var", FN_INIT_ONE, false},
    {0},
};

static const fn_batchnorm usual = {.eps = 1e-3f}, wide = {.eps = 0.5f};
static const fn_batchnorm relu = {.eps = 1e-3f, .relu = 1};
static const fn_sample samples[] = {
    {&usual, 1, {FN_NCHW(3, 3, 2, 3)}, FN_FILL_UNIFORM},
    {&wide, 1, {FN_NCHW(2, 16, 3, 4)}, FN_FILL_UNIFORM},
    {&relu, 1, {FN_NCHW(2, 24, 3, 3)}, FN_FILL_UNIFORM},
    {&relu, 1, {FN_NCHW(4, 32, 2, 5)}, FN_FILL_UNIFORM},
    {&usual, 1, {FN_NC(5, 3)}, FN_FILL_UNIFORM},
    {&relu, 1, {FN_NC(9, 32)}, FN_FILL_UNIFORM},
    {0},
};

const fn_op fn_op_batchnorm = {
    .name = "batchnorm",
    .field = fields,
    .weight = weights,
    .attr_size = sizeof(fn_batchnorm),
    .infer = batchnorm_infer,
    .kernel = {&batchnorm_ref, &fn_batchnorm_cpu, FN_CUDA_KERNEL(fn_batchnorm_cuda)},
    .sample = samples,
};
