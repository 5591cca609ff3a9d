/* avgpool on the CPU. Of bf16 and bytes a plane is pooled in floats, in a thread's slot of the
 * workspace. */
#include "kernels/bf16.h"
#include "kernels/format.h"
#include "kernels/pool_walk.h"
#include "kernels/threads.h"

#include <string.h>

#include <omp.h>

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

static size_t slot_bytes(const fn_pool_walk *w)
{
    return (size_t)((fn_pool_walk_x(w) + fn_pool_walk_y(w) + 15) / 16 * 16) * sizeof(float);
}

static bool is_low(const fn_call *c)
{
    return c->x[0].type != FN_F32 || c->y[0].type != FN_F32;
}

static fn_status avgpool_prepare(fn_call *c)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
    c->workspace_bytes = is_low(c) ? (size_t)fn_threads() * slot_bytes(&w) : 0;
    return FN_OK;
}

static void pool_plane(const fn_pool_walk *w, float *x, float *y, bool forward)
{
    memset(forward ? y : x, 0,
           (size_t)(forward ? fn_pool_walk_y(w) : fn_pool_walk_x(w)) * sizeof *y);
    for (int64_t i = 0; i < w->y_high; i++)
        pool_row(w, x, y, i, forward);
}

/* In the slot: x, then y; what is read is widened, what was written is rounded. `x` and `y` begin
 * at the plane. */
static void pool_low(const fn_pool_walk *w, float *slot, fn_tensor x, fn_tensor y,
                     bool forward)
{
    fn_tensor in_as = forward ? x : y, out_as = forward ? y : x;
    float step = fn_bytes_step(in_as) / fn_bytes_step(out_as);
    float *wide_y = slot + fn_pool_walk_x(w), *from = forward ? slot : wide_y,
          *to = forward ? wide_y : slot;
    int64_t in = forward ? fn_pool_walk_x(w) : fn_pool_walk_y(w),
            out = forward ? fn_pool_walk_y(w) : fn_pool_walk_x(w);
    for (int64_t k = 0; k < in; k++)
        from[k] = step * fn_load_any(in_as.data, in_as.type, k);
    pool_plane(w, slot, wide_y, forward);
    for (int64_t k = 0; k < out; k++)
        fn_store_any(out_as.data, out_as.type, k, to[k]);
}

static fn_tensor plane_of(fn_tensor t, int64_t at)
{
    t.data = fn_from(t, at);
    return t;
}

static int threads_of(const fn_call *c, const fn_pool_walk *w, bool low)
{
    return low ? fn_threads_with_slot(c->workspace_bytes, slot_bytes(w)) : fn_threads();
}

/* Writes all of y from x, or all of dx from dy. */
static fn_status pool(const fn_call *c, fn_tensor x, fn_tensor y, bool forward)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
    bool low = is_low(c);
#pragma omp parallel for num_threads(threads_of(c, &w, low))
    for (int64_t p = 0; p < w.planes; p++) {
        fn_tensor x_at = plane_of(x, p * fn_pool_walk_x(&w)),
                  y_at = plane_of(y, p * fn_pool_walk_y(&w));
        size_t slot = (size_t)omp_get_thread_num() * slot_bytes(&w);
        if (low)
            pool_low(&w, (float *)((char *)c->workspace + slot), x_at, y_at, forward);
        else
            pool_plane(&w, x_at.data, y_at.data, forward);
    }
    return FN_OK;
}

static fn_status avgpool_forward(const fn_call *c)
{
    return pool(c, c->x[0], c->y[0], true);
}

static fn_status avgpool_backward(const fn_call *c)
{
    return c->dx[0].data ? pool(c, c->dx[0], c->dy[0], false) : FN_OK;
}

const fn_kernel fn_avgpool_cpu = {
    .bytes = true,
    .choose = fn_format_give,
    .prepare = avgpool_prepare,
    .forward = avgpool_forward,
    .backward = avgpool_backward,
};
