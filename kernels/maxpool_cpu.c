/* maxpool on the CPU. Backward finds the winners again by comparing x with y, tap after tap
 * in row order: the first that equals the maximum takes the gradient and leaves 0 for the
 * others. That is several times faster than to note the winners in forward, as oneDNN does. */
#include "kernels/format.h"
#include "kernels/pool_walk.h"
#include "kernels/threads.h"

#include <math.h>
#include <string.h>

#include <omp.h>

static size_t row_bytes(const fn_pool_walk *w)
{
    return (size_t)(w->y_wide * w->lanes + 15) / 16 * 16 * sizeof(float);
}

/* Backward's slots, one a thread: the gradients of a row of windows that are still to give. */
static fn_status maxpool_prepare(fn_call *c)
{
    fn_pool_walk w = fn_pool_walk_of(c);
    c->workspace_bytes = c->training ? (size_t)fn_threads() * row_bytes(&w) : 0;
    return FN_OK;
}

/* --- one tap of `count` windows, `step` floats of x apart; constants where it matters --- */

static inline void take(float *restrict y, const float *restrict x, int64_t count,
                        int64_t lanes, int64_t step)
{
    for (int64_t j = 0; j < count; j++)
        for (int64_t k = 0; k < lanes; k++) {
            float tap = x[j * step + k], most = y[j * lanes + k];
            y[j * lanes + k] = tap > most ? tap : most;
        }
}

static void take_tap(float *y, const float *x, int64_t count, const fn_pool_walk *w)
{
    if (w->stride == 1)
        take(y, x, 1, count * w->lanes, 0);
    else if (w->lanes == 8)
        take(y, x, count, 8, 8 * w->stride);
    else if (w->lanes == 16)
        take(y, x, count, 16, 16 * w->stride);
    else
        take(y, x, count, w->lanes, w->lanes * w->stride);
}

/* `left` is the part of dy that no tap has won yet. */
static inline void give(float *restrict dx, float *restrict left, const float *restrict x,
                        const float *restrict y, int64_t count, int64_t lanes, int64_t step)
{
    for (int64_t j = 0; j < count; j++)
        for (int64_t k = 0; k < lanes; k++) {
            int64_t at = j * step + k, of = j * lanes + k;
            float won = x[at] == y[of] ? 1 : 0; /* a factor: a branch would not vectorise */
            dx[at] += won * left[of];
            left[of] *= 1 - won;
        }
}

static void give_tap(float *dx, float *left, const float *x, const float *y, int64_t count,
                     const fn_pool_walk *w)
{
    if (w->stride == 1)
        give(dx, left, x, y, 1, count * w->lanes, 0);
    else if (w->lanes == 8)
        give(dx, left, x, y, count, 8, 8 * w->stride);
    else if (w->lanes == 16)
        give(dx, left, x, y, count, 16, 16 * w->stride);
    else
        give(dx, left, x, y, count, w->lanes, w->lanes * w->stride);
}

/* --- rows of windows, planes, tensors --- */

static void forward_row(const fn_pool_walk *w, float *y, const float *x, int64_t i)
{
    int64_t row = w->y_wide * w->lanes;
    for (int64_t m = 0; m < row; m++)
        y[i * row + m] = -INFINITY;
    for (int64_t u = 0; u < w->high; u++)
        for (int64_t v = 0; v < w->wide; v++) {
            fn_pool_tap_run t = fn_pool_walk_tap(w, i, u, v);
            if (t.count > 0)
                take_tap(y + t.y, x + t.x, t.count, w);
        }
}

static fn_status maxpool_forward(const fn_call *c)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
    const float *x = fn_f32(c->x[0]);
    float *y = fn_f32(c->y[0]);
    int64_t x_plane = w.x_high * w.x_wide * w.lanes,
            y_plane = w.y_high * w.y_wide * w.lanes;
#pragma omp parallel for collapse(2)
    for (int64_t p = 0; p < w.planes; p++)
        for (int64_t i = 0; i < w.y_high; i++)
            forward_row(&w, y + p * y_plane, x + p * x_plane, i);
    return FN_OK;
}

typedef struct plane {
    float *dx;
    const float *x, *y, *dy;
} plane;

static void backward_row(const fn_pool_walk *w, plane p, float *left, int64_t i)
{
    int64_t row = w->y_wide * w->lanes;
    memcpy(left, p.dy + i * row, (size_t)row * sizeof *left);
    for (int64_t u = 0; u < w->high; u++)
        for (int64_t v = 0; v < w->wide; v++) {
            fn_pool_tap_run t = fn_pool_walk_tap(w, i, u, v);
            if (t.count > 0)
                give_tap(p.dx + t.x, left + t.y - i * row, p.x + t.x, p.y + t.y, t.count,
                         w);
        }
}

static fn_status maxpool_backward(const fn_call *c)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
    int64_t x_plane = w.x_high * w.x_wide * w.lanes,
            y_plane = w.y_high * w.y_wide * w.lanes;
    if (!c->dx[0].data)
        return FN_OK;
#pragma omp parallel for num_threads( \
    fn_threads_with_slot(c->workspace_bytes, row_bytes(&w)))
    for (int64_t p = 0; p < w.planes; p++) {
        plane at = {fn_f32(c->dx[0]) + p * x_plane, fn_f32(c->x[0]) + p * x_plane,
                    fn_f32(c->y[0]) + p * y_plane, fn_f32(c->dy[0]) + p * y_plane};
        char *slot = (char *)c->workspace + (size_t)omp_get_thread_num() * row_bytes(&w);
        memset(at.dx, 0, (size_t)x_plane * sizeof(float));
        for (int64_t i = 0; i < w.y_high; i++)
            backward_row(&w, at, (float *)slot, i);
    }
    return FN_OK;
}

const fn_kernel fn_maxpool_cpu = {
    .choose = fn_format_keep,
    .prepare = maxpool_prepare,
    .forward = maxpool_forward,
    .backward = maxpool_backward,
};
