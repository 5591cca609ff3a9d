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
#include "kernels/bf16.h"
#include "kernels/format.h"
#include "kernels/pool_walk.h"
#include "kernels/threads.h"

#include <math.h>
#include <string.h>

#include <omp.h>

/* What a sum of squares is multiplied by; bytes are in steps. */
static float scale_of(const fn_call *c)
{
    const fn_pool *a = c->attr;
    float step = fn_bytes_step(c->x[0]) / fn_bytes_step(c->y[0]);
    return step * step / (a->norm == FN_POOL_SUM ? 1 : (float)fn_pool_taps(c));
}

static int64_t strip_size(fn_pool_walk g)
{
    return (g.x_wide + 2 * g.wide) * g.lanes;
}

/* A thread's slot: a strip; in training also the quotients of a plane. */
static size_t slot_bytes(const fn_call *c, fn_pool_walk g)
{
    int64_t quotients = c->training ? fn_pool_walk_y(&g) : 0;
    return (size_t)((strip_size(g) + quotients + 15) / 16 * 16) * sizeof(float);
}

static fn_status l2pool_prepare(fn_call *c)
{
    c->workspace_bytes = (size_t)fn_threads() * slot_bytes(c, fn_pool_walk_of(c));
    return FN_OK;
}

static int threads_of(const fn_call *c, fn_pool_walk g)
{
    return fn_threads_with_slot(c->workspace_bytes, slot_bytes(c, g));
}

static float *slot_of(const fn_call *c, fn_pool_walk g)
{
    size_t at = (size_t)omp_get_thread_num() * slot_bytes(c, g);
    return (float *)((char *)c->workspace + at);
}

static inline void add_squares(float *strip, const void *x, fn_type t, int64_t count)
{
    for (int64_t m = 0; m < count; m++) {
        float v = fn_load_any(x, t, m);
        strip[m] += v * v;
    }
}

/* The sum of `wide` neighbours from element m on; called with a constant where it matters. */
static inline float neighbours(const float *strip, int64_t m, int64_t lanes, int64_t wide)
{
    float sum = 0;
    for (int64_t v = 0; v < wide; v++)
        sum += strip[m + v * lanes];
    return sum;
}

static inline void take_roots(void *y, fn_type t, const float *strip, float scale,
                              fn_pool_walk g, int64_t count)
{
    if (g.wide == 3)
        for (int64_t m = 0; m < count; m++)
            fn_store_any(y, t, m, sqrtf(scale * neighbours(strip, m, g.lanes, 3)));
    else
        for (int64_t m = 0; m < count; m++)
            fn_store_any(y, t, m, sqrtf(scale * neighbours(strip, m, g.lanes, g.wide)));
}

/* Roots of windows of stride 1 take the place of the sums that nobody needs any more. */
static void take_byte_roots(uint8_t *y, float *strip, float scale, fn_pool_walk g,
                            int64_t count)
{
    if (g.wide == 3)
#pragma omp simd
        for (int64_t m = 0; m < count; m++)
            strip[m] = sqrtf(scale * neighbours(strip, m, g.lanes, 3));
    else
        for (int64_t m = 0; m < count; m++)
            strip[m] = sqrtf(scale * neighbours(strip, m, g.lanes, g.wide));
    fn_bytes_narrow(y, strip, count);
}

static inline void forward_row(const fn_call *c, fn_type from, fn_type to, fn_pool_walk g,
                               int64_t p, int64_t i)
{
    int64_t row = g.x_wide * g.lanes, count = g.y_wide * g.lanes;
    float *strip = slot_of(c, g);
    fn_pool_area a = fn_pool_window(c, i, 0);
    memset(strip, 0, (size_t)strip_size(g) * sizeof *strip);
    for (int64_t r = a.top; r < a.bottom; r++)
        add_squares(strip + g.pad * g.lanes, fn_from(c->x[0], (p * g.x_high + r) * row),
                    from, row);
    int64_t run = g.stride == 1 ? count : g.lanes; /* outputs whose taps lie side by side */
    for (int64_t at = 0; at < count; at += run) {
        void *y = fn_from(c->y[0], (p * g.y_high + i) * count + at);
        if (to == FN_U8 && g.stride == 1)
            take_byte_roots(y, strip, scale_of(c), g, run);
        else
            take_roots(y, to, strip + at * g.stride, scale_of(c), g, run);
    }
}

static void forward_any(const fn_call *c, fn_pool_walk g, int64_t p, int64_t i)
{
    fn_type from = c->x[0].type, to = c->y[0].type;
    if (from == FN_F32 && to == FN_F32)
        forward_row(c, FN_F32, FN_F32, g, p, i);
    else if (from == FN_BF16)
        forward_row(c, FN_BF16, FN_BF16, g, p, i);
    else if (from == FN_U8 && to == FN_U8)
        forward_row(c, FN_U8, FN_U8, g, p, i);
    else
        forward_row(c, from, to, g, p, i);
}

static fn_status l2pool_forward(const fn_call *c)
{
    fn_pool_walk g = fn_pool_walk_of(c);
#pragma omp parallel for collapse(2) num_threads(threads_of(c, g))
    for (int64_t p = 0; p < g.planes; p++)
        for (int64_t i = 0; i < g.y_high; i++)
            forward_any(c, g, p, i);
    return FN_OK;
}

static inline void divide(float *q, const void *dy, const void *y, fn_type t, float scale,
                          int64_t count)
{
    for (int64_t m = 0; m < count; m++) {
        float length = fn_load(y, t, m), divisor = length > 0 ? length : INFINITY;
        q[m] = scale * fn_load(dy, t, m) / divisor; /* 0, and no branch around a division */
    }
}

static void add_row(float *strip, const float *q, fn_pool_walk g)
{
    int64_t run = g.stride == 1 ? g.y_wide * g.lanes : g.lanes;
    for (int64_t at = 0; at < g.y_wide * g.lanes; at += run)
        for (int64_t m = 0; m < run; m++)
            strip[at * g.stride + m] += q[at + m];
}

static inline void give(void *dx, const void *x, fn_type t, const float *strip,
                        fn_pool_walk g)
{
    int64_t count = g.x_wide * g.lanes;
    if (g.wide == 3)
        for (int64_t m = 0; m < count; m++)
            fn_store(dx, t, m, fn_load(x, t, m) * neighbours(strip, m, g.lanes, 3));
    else
        for (int64_t m = 0; m < count; m++)
            fn_store(dx, t, m, fn_load(x, t, m) * neighbours(strip, m, g.lanes, g.wide));
}

static inline void backward_row(const fn_call *c, fn_type t, fn_pool_walk g, const float *q,
                                int64_t p, int64_t r)
{
    int64_t at = (p * g.x_high + r) * g.x_wide * g.lanes;
    int64_t last = (r + g.pad) / g.stride; /* the windows first..last see row r */
    int64_t beyond = r + g.pad - g.high, first = beyond < 0 ? 0 : beyond / g.stride + 1;
    float *strip = slot_of(c, g);
    memset(strip, 0, (size_t)strip_size(g) * sizeof *strip);
    for (int64_t i = first; i <= last && i < g.y_high; i++)
        add_row(strip + (g.wide - 1 - g.pad) * g.lanes, q + i * g.y_wide * g.lanes, g);
    give(fn_from(c->dx[0], at), fn_from(c->x[0], at), t, strip, g);
}

static inline void backward_plane(const fn_call *c, fn_type t, fn_pool_walk g, int64_t p)
{
    int64_t size = fn_pool_walk_y(&g);
    float *q = slot_of(c, g) + strip_size(g);
    divide(q, fn_from(c->dy[0], p * size), fn_from(c->y[0], p * size), t, scale_of(c),
           size);
    for (int64_t r = 0; r < g.x_high; r++)
        backward_row(c, t, g, q, p, r);
}

static fn_status l2pool_backward(const fn_call *c)
{
    fn_pool_walk g = fn_pool_walk_of(c);
    if (!c->dx[0].data)
        return FN_OK;
#pragma omp parallel for num_threads(threads_of(c, g))
    for (int64_t p = 0; p < g.planes; p++)
        if (c->x[0].type == FN_BF16)
            backward_plane(c, FN_BF16, g, p);
        else
            backward_plane(c, FN_F32, g, p);
    return FN_OK;
}

const fn_kernel fn_l2pool_cpu = {
    .bytes = true,
    .choose = fn_format_give,
    .prepare = l2pool_prepare,
    .forward = l2pool_forward,
    .backward = l2pool_backward,
};
