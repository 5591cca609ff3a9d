/* l2norm on the CPU. Lengths are summed in double: float would flush the squares of small
 * numbers to zero, and take a short row for an empty one. */
#include "kernels/l2norm.h"

#include <math.h>

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static fn_status l2norm_forward(const fn_call *c)
{
    const float *x = fn_f32(c->x[0]);
    float *y = fn_f32(c->y[0]);
    int64_t rows = c->x[0].shape.dim[0], width = c->x[0].shape.dim[1];
#pragma omp parallel for
    for (int64_t n = 0; n < rows; n++) {
        double length = sqrt(dot(x + n * width, x + n * width, width));
        double scale = length > 0 ? 1 / length : 0;
        for (int64_t k = n * width; k < (n + 1) * width; k++)
            y[k] = (float)((double)x[k] * scale);
    }
    return FN_OK;
}

static fn_status l2norm_backward(const fn_call *c)
{
    const float *x = fn_f32(c->x[0]), *dy = fn_f32(c->dy[0]);
    float *dx = fn_f32(c->dx[0]);
    int64_t rows = c->x[0].shape.dim[0], width = c->x[0].shape.dim[1];
    if (!dx)
        return FN_OK;
#pragma omp parallel for
    for (int64_t n = 0; n < rows; n++) {
        double squares = dot(x + n * width, x + n * width, width);
        double scale = squares > 0 ? 1 / sqrt(squares) : 0;
        double along = squares > 0 ? dot(x + n * width, dy + n * width, width) / squares
                                   : 0;
        for (int64_t k = n * width; k < (n + 1) * width; k++)
            dx[k] = (float)(((double)dy[k] - (double)x[k] * along) * scale);
    }
    return FN_OK;
}

const fn_kernel fn_l2norm_cpu = {.forward = l2norm_forward, .backward = l2norm_backward};
