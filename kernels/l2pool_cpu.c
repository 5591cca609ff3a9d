/* l2pool on the CPU.
 *
 * Every format is planes [H][W][lanes]: a plane is a block of channels, or a whole image when
 * plain. Pixels lie side by side, so a sum over a window is two sweeps of long, straight
 * loops: over the window's rows into one strip, then over neighbours along the strip.
 *   forward    strip = sum over rows of x^2             y = sqrt(neighbours / k^2)
 *   backward   strip = sum over rows of dy / (k^2 y)    dx = x * neighbours
 * Strips are as wide as the padding makes them, zero where there is no pixel; in backward
 * the windows lie `stride` pixels apart on them. Strips live in the workspace, one slot a
 * thread. */
#include "kernels/format.h"
#include "kernels/pool.h"
#include "kernels/threads.h"

#include <math.h>
#include <string.h>

#include <omp.h>

/* x and y in pixels; `lanes` floats make one. */
typedef struct geometry {
    int64_t planes, lanes, x_high, x_wide, y_high, y_wide;
    int64_t high, wide, stride, pad; /* of the window */
    float scale;                     /* 1/k^2, or 1 for a sum */
} geometry;

static geometry geometry_of(const fn_call *c)
{
    const fn_pool *a = c->attr;
    fn_shape x = c->x[0].shape, y = c->y[0].shape;
    fn_format f = c->x[0].format;
    geometry g = {.lanes = f == FN_PLAIN ? x.dim[1] : fn_format_block(f),
                  .x_high = x.dim[2],
                  .x_wide = x.dim[3],
                  .y_high = y.dim[2],
                  .y_wide = y.dim[3],
                  .high = a->kernel ? a->kernel : x.dim[2],
                  .wide = a->kernel ? a->kernel : x.dim[3],
                  .stride = a->kernel ? a->stride : 1,
                  .pad = a->kernel ? fn_window_pad(a->kernel, a->pad) : 0};
    g.planes = fn_format_numel(x, f) / (x.dim[2] * x.dim[3] * g.lanes);
    g.scale = a->norm == FN_POOL_SUM ? 1 : 1 / (float)fn_pool_taps(c);
    return g;
}

static int64_t strip_size(geometry g)
{
    return (g.x_wide + 2 * g.wide) * g.lanes;
}

/* Floats of a thread's slot: a strip; in training also the quotients of a plane. */
static int64_t slot_size(const fn_call *c, geometry g)
{
    int64_t quotients = c->training ? g.y_high * g.y_wide * g.lanes : 0;
    return (strip_size(g) + quotients + 15) / 16 * 16;
}

static void l2pool_choose(fn_call *c)
{
    c->y[0].format = c->x[0].format;
}

static fn_status l2pool_prepare(fn_call *c)
{
    int64_t slot = slot_size(c, geometry_of(c));
    c->workspace_bytes = (size_t)(fn_threads() * slot) * sizeof(float);
    return FN_OK;
}

/* Never more threads than prepare() has made slots for. */
static int threads_of(const fn_call *c, geometry g)
{
    int slots = (int)((int64_t)c->workspace_bytes / (slot_size(c, g) * 4));
    return slots < fn_threads() ? slots : fn_threads();
}

static float *slot_of(const fn_call *c, geometry g)
{
    return (float *)c->workspace + omp_get_thread_num() * slot_size(c, g);
}

static void add_squares(float *strip, const float *x, int64_t count)
{
    for (int64_t m = 0; m < count; m++)
        strip[m] += x[m] * x[m];
}

/* The sum of `wide` neighbours from element m on; called with a constant where it matters. */
static inline float neighbours(const float *strip, int64_t m, int64_t lanes, int64_t wide)
{
    float sum = 0;
    for (int64_t v = 0; v < wide; v++)
        sum += strip[m + v * lanes];
    return sum;
}

static void take_roots(float *y, const float *strip, geometry g, int64_t count)
{
    if (g.wide == 3)
        for (int64_t m = 0; m < count; m++)
            y[m] = sqrtf(g.scale * neighbours(strip, m, g.lanes, 3));
    else
        for (int64_t m = 0; m < count; m++)
            y[m] = sqrtf(g.scale * neighbours(strip, m, g.lanes, g.wide));
}

static void forward_row(const fn_call *c, geometry g, int64_t p, int64_t i)
{
    int64_t row = g.x_wide * g.lanes, count = g.y_wide * g.lanes;
    const float *x = fn_f32(c->x[0]) + p * g.x_high * row;
    float *y = fn_f32(c->y[0]) + (p * g.y_high + i) * count, *strip = slot_of(c, g);
    fn_pool_area a = fn_pool_window(c, i, 0);
    memset(strip, 0, (size_t)strip_size(g) * sizeof *strip);
    for (int64_t r = a.top; r < a.bottom; r++)
        add_squares(strip + g.pad * g.lanes, x + r * row, row);
    int64_t run = g.stride == 1 ? count : g.lanes; /* outputs whose taps lie side by side */
    for (int64_t at = 0; at < count; at += run)
        take_roots(y + at, strip + at * g.stride, g, run);
}

static fn_status l2pool_forward(const fn_call *c)
{
    geometry g = geometry_of(c);
#pragma omp parallel for collapse(2) num_threads(threads_of(c, g))
    for (int64_t p = 0; p < g.planes; p++)
        for (int64_t i = 0; i < g.y_high; i++)
            forward_row(c, g, p, i);
    return FN_OK;
}

static void divide(float *q, const float *dy, const float *y, float scale, int64_t count)
{
    for (int64_t m = 0; m < count; m++)
        q[m] = y[m] > 0 ? scale * dy[m] / y[m] : 0;
}

static void add_row(float *strip, const float *q, geometry g)
{
    int64_t run = g.stride == 1 ? g.y_wide * g.lanes : g.lanes;
    for (int64_t at = 0; at < g.y_wide * g.lanes; at += run)
        for (int64_t m = 0; m < run; m++)
            strip[at * g.stride + m] += q[at + m];
}

static void give(float *dx, const float *x, const float *strip, geometry g)
{
    int64_t count = g.x_wide * g.lanes;
    if (g.wide == 3)
        for (int64_t m = 0; m < count; m++)
            dx[m] = x[m] * neighbours(strip, m, g.lanes, 3);
    else
        for (int64_t m = 0; m < count; m++)
            dx[m] = x[m] * neighbours(strip, m, g.lanes, g.wide);
}

static void backward_row(const fn_call *c, geometry g, const float *q, int64_t p, int64_t r)
{
    int64_t at = (p * g.x_high + r) * g.x_wide * g.lanes;
    int64_t last = (r + g.pad) / g.stride; /* the windows first..last see row r */
    int64_t beyond = r + g.pad - g.high, first = beyond < 0 ? 0 : beyond / g.stride + 1;
    float *strip = slot_of(c, g);
    memset(strip, 0, (size_t)strip_size(g) * sizeof *strip);
    for (int64_t i = first; i <= last && i < g.y_high; i++)
        add_row(strip + (g.wide - 1 - g.pad) * g.lanes, q + i * g.y_wide * g.lanes, g);
    give(fn_f32(c->dx[0]) + at, fn_f32(c->x[0]) + at, strip, g);
}

static fn_status l2pool_backward(const fn_call *c)
{
    geometry g = geometry_of(c);
    int64_t size = g.y_high * g.y_wide * g.lanes;
    if (!c->dx[0].data)
        return FN_OK;
#pragma omp parallel for num_threads(threads_of(c, g))
    for (int64_t p = 0; p < g.planes; p++) {
        float *q = slot_of(c, g) + strip_size(g);
        divide(q, fn_f32(c->dy[0]) + p * size, fn_f32(c->y[0]) + p * size, g.scale, size);
        for (int64_t r = 0; r < g.x_high; r++)
            backward_row(c, g, q, p, r);
    }
    return FN_OK;
}

const fn_kernel fn_l2pool_cpu = {
    .choose = l2pool_choose,
    .prepare = l2pool_prepare,
    .forward = l2pool_forward,
    .backward = l2pool_backward,
};
