#include "kernels/format.h"
#include "kernels/pool_walk.h"

#include <string.h>

/* to += scale * from, `count` pixels; `to_step` and `from_step` floats from one to the next.
 * One tap of a row of windows, forward or backward. */
static void add(float *restrict to, int64_t to_step, const float *restrict from,
                int64_t from_step, int64_t count, int64_t lanes, float scale)
{
    for (int64_t j = 0; j < count; j++)
        for (int64_t k = 0; k < lanes; k++)
            to[j * to_step + k] += scale * from[j * from_step + k];
}

/* Row i of windows of one plane: into y when forward, out of it when not. */
static void pool_row(const fn_pool_walk *w, float *x, float *y, int64_t i, bool forward)
{
    float scale = 1 / (float)(w->high * w->wide);
    int64_t step = w->stride * w->lanes;
    for (int64_t u = 0; u < w->high; u++)
        for (int64_t v = 0; v < w->wide; v++) {
            fn_pool_tap_run t = fn_pool_walk_tap(w, i, u, v);
            if (forward)
                add(y + t.y, w->lanes, x + t.x, step, t.count, w->lanes, scale);
            else
                add(x + t.x, step, y + t.y, w->lanes, t.count, w->lanes, scale);
        }
}

/* Writes all of y from x, or all of dx from dy. */
static void pool(const fn_call *c, float *x, float *y, bool forward)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
    int64_t x_plane = w.x_high * w.x_wide * w.lanes,
            y_plane = w.y_high * w.y_wide * w.lanes;
#pragma omp parallel for
    for (int64_t p = 0; p < w.planes; p++) {
        float *to = forward ? y + p * y_plane : x + p * x_plane;
        memset(to, 0, (size_t)(forward ? y_plane : x_plane) * sizeof *to);
        for (int64_t i = 0; i < w.y_high; i++)
            pool_row(&w, x + p * x_plane, y + p * y_plane, i, forward);
    }
}

static fn_status avgpool_forward(const fn_call *c)
{
    pool(c, fn_f32(c->x[0]), fn_f32(c->y[0]), true);
    return FN_OK;
}

static fn_status avgpool_backward(const fn_call *c)
{
    if (c->dx[0].data)
        pool(c, fn_f32(c->dx[0]), fn_f32(c->dy[0]), false);
    return FN_OK;
}

const fn_kernel fn_avgpool_cpu = {
    .choose = fn_format_keep,
    .forward = avgpool_forward,
    .backward = avgpool_backward,
};
