/* softmax on the CPU, in plain format, where the channels of a pixel lie side by side. */
#include "kernels/softmax.h"

#include <math.h>

static void soften(float *y, const float *x, int64_t width)
{
    float m = x[0];
    double sum = 0;
    for (int64_t k = 1; k < width; k++)
        m = x[k] > m ? x[k] : m;
    for (int64_t k = 0; k < width; k++) {
        y[k] = expf(x[k] - m);
        sum += (double)y[k];
    }
    for (int64_t k = 0; k < width; k++)
        y[k] = (float)((double)y[k] / sum);
}

static fn_status softmax_forward(const fn_call *c)
{
    const float *x = fn_f32(c->x[0]);
    float *y = fn_f32(c->y[0]);
    int64_t width = c->x[0].shape.dim[1], rows = fn_numel(c->x[0].shape) / width;
#pragma omp parallel for
    for (int64_t n = 0; n < rows; n++)
        soften(y + n * width, x + n * width, width);
    return FN_OK;
}

static void give(float *dx, const float *y, const float *dy, int64_t width)
{
    double sum = 0;
    for (int64_t k = 0; k < width; k++)
        sum += (double)y[k] * (double)dy[k];
    for (int64_t k = 0; k < width; k++)
        dx[k] = y[k] * (float)((double)dy[k] - sum);
}

static fn_status softmax_backward(const fn_call *c)
{
    const float *y = fn_f32(c->y[0]), *dy = fn_f32(c->dy[0]);
    float *dx = fn_f32(c->dx[0]);
    int64_t width = c->x[0].shape.dim[1], rows = fn_numel(c->x[0].shape) / width;
    if (!dx)
        return FN_OK;
#pragma omp parallel for
    for (int64_t n = 0; n < rows; n++)
        give(dx + n * width, y + n * width, dy + n * width, width);
    return FN_OK;
}

const fn_kernel fn_softmax_cpu = {.forward = softmax_forward, .backward = softmax_backward};
