/* maxpool on the CPU. A window is one straight loop over channels, all its taps unrolled. Backward
 * finds the winners again by comparing x with y, tap after tap in row order: the first that
 * equals the maximum takes the gradient and leaves 0 for the others. That is several times
 * faster than to note the winners in forward, as oneDNN does. */
#include "kernels/bf16.h"
#include "kernels/format.h"
#include "kernels/pool_walk.h"
#include "kernels/threads.h"

#include <math.h>
#include <string.h>

#include <omp.h>

static int64_t x_plane(const fn_pool_walk *w)
{
    return w->x_high * w->x_wide * w->lanes;
}

static int64_t y_plane(const fn_pool_walk *w)
{
    return w->y_high * w->y_wide * w->lanes;
}

/* Gradients grow in floats: of dx in bf16, in a plane of the thread's. */
static size_t slot_bytes(const fn_call *c, const fn_pool_walk *w)
{
    bool grows = c->training && c->x[0].type == FN_BF16;
    return grows ? (size_t)((x_plane(w) + 15) / 16 * 16) * sizeof(float) : 0;
}

static fn_status maxpool_prepare(fn_call *c)
{
    fn_pool_walk w = fn_pool_walk_of(c);
    c->workspace_bytes = (size_t)fn_threads() * slot_bytes(c, &w);
    return FN_OK;
}

static float *slot_of(const fn_call *c, const fn_pool_walk *w)
{
    size_t at = (size_t)omp_get_thread_num() * slot_bytes(c, w);
    return (float *)((char *)c->workspace + at);
}

/* --- one window: its `high` x `wide` taps inside the image begin at x[0], a pixel is `lanes` and
 * a row `row` numbers from the next. All but the pointers are constants where it matters --- */

typedef struct taps {
    fn_type type;
    int64_t lanes, row;
} taps;

/* Also `count / lanes` windows of stride 1, side by side. */
static inline __attribute__((always_inline)) void take(void *restrict y,
                                                       const void *restrict x,
                                                       int64_t count, taps t, int64_t high,
                                                       int64_t wide)
{
#pragma omp simd
    for (int64_t k = 0; k < count; k++) {
        float most = -INFINITY;
        for (int64_t u = 0; u < high; u++)
            for (int64_t v = 0; v < wide; v++) {
                float tap = fn_load(x, t.type, u * t.row + v * t.lanes + k);
                most = tap > most ? tap : most;
            }
        fn_store(y, t.type, k, most);
    }
}

/* `left` is the part of dy that no tap has won yet. */
static inline __attribute__((always_inline)) void
give(float *restrict dx, const void *restrict x, const void *restrict y,
     const void *restrict dy, taps t, int64_t high, int64_t wide)
{
#pragma omp simd
    for (int64_t k = 0; k < t.lanes; k++) {
        float left = fn_load(dy, t.type, k), most = fn_load(y, t.type, k);
        for (int64_t u = 0; u < high; u++)
            for (int64_t v = 0; v < wide; v++) {
                int64_t at = u * t.row + v * t.lanes + k;
                bool won = fn_load(x, t.type, at) == most;
                dx[at] += won ? left : 0;
                left = won ? 0 : left;
            }
    }
}

static inline __attribute__((always_inline)) void
take_sized(void *y, const void *x, int64_t count, taps t, int64_t high, int64_t wide)
{
    if (high == 3 && wide == 3)
        take(y, x, count, t, 3, 3);
    else if (high == 3 && wide == 2)
        take(y, x, count, t, 3, 2);
    else if (high == 2 && wide == 3)
        take(y, x, count, t, 2, 3);
    else if (high == 2 && wide == 2)
        take(y, x, count, t, 2, 2);
    else
        take(y, x, count, t, high, wide);
}

static inline __attribute__((always_inline)) void give_sized(float *dx, const void *x,
                                                             const void *y, const void *dy,
                                                             taps t, int64_t high,
                                                             int64_t wide)
{
    if (high == 3 && wide == 3)
        give(dx, x, y, dy, t, 3, 3);
    else if (high == 3 && wide == 2)
        give(dx, x, y, dy, t, 3, 2);
    else if (high == 2 && wide == 3)
        give(dx, x, y, dy, t, 2, 3);
    else if (high == 2 && wide == 2)
        give(dx, x, y, dy, t, 2, 2);
    else
        give(dx, x, y, dy, t, high, wide);
}

/* --- rows of windows, planes, tensors --- */

typedef struct plane {
    fn_tensor x, y, dy; /* their data begin at the plane */
    float *dx;
} plane;

static fn_tensor plane_of(fn_tensor t, int64_t at)
{
    t.data = t.data ? fn_from(t, at) : NULL;
    return t;
}

/* Of windows that lie side by side: those from j on that are whole, if stride is 1. */
static int64_t run_of(const fn_call *c, const fn_pool_walk *w, int64_t i, int64_t j)
{
    fn_pool_area a = fn_pool_window(c, i, j);
    int64_t last = w->x_wide + w->pad - w->wide; /* the last window that is whole */
    bool whole = a.right - a.left == w->wide && w->stride == 1;
    return whole ? last - j + 1 : 1;
}

static inline void forward_row(const fn_call *c, const fn_pool_walk *w, plane p, fn_type t,
                               int64_t lanes, int64_t i)
{
    taps at = {t, lanes, w->x_wide * lanes};
    for (int64_t j = 0, run; j < w->y_wide; j += run) {
        fn_pool_area a = fn_pool_window(c, i, j);
        void *y = fn_from(p.y, (i * w->y_wide + j) * lanes),
             *x = fn_from(p.x, a.top * at.row + a.left * lanes);
        run = run_of(c, w, i, j);
        if (run == 1)
            take_sized(y, x, lanes, at, a.bottom - a.top, a.right - a.left);
        else
            take_sized(y, x, run * lanes, at, a.bottom - a.top, a.right - a.left);
    }
}

static void forward_any(const fn_call *c, const fn_pool_walk *w, plane p, int64_t i)
{
    if (p.x.type == FN_BF16)
        forward_row(c, w, p, FN_BF16, w->lanes, i);
    else if (w->lanes == 16)
        forward_row(c, w, p, FN_F32, 16, i);
    else if (w->lanes == 8)
        forward_row(c, w, p, FN_F32, 8, i);
    else
        forward_row(c, w, p, FN_F32, w->lanes, i);
}

static fn_status maxpool_forward(const fn_call *c)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
#pragma omp parallel for collapse(2)
    for (int64_t k = 0; k < w.planes; k++)
        for (int64_t i = 0; i < w.y_high; i++) {
            plane p = {.x = plane_of(c->x[0], k * x_plane(&w)),
                       .y = plane_of(c->y[0], k * y_plane(&w))};
            forward_any(c, &w, p, i);
        }
    return FN_OK;
}

static inline void backward_row(const fn_call *c, const fn_pool_walk *w, plane p, fn_type t,
                                int64_t lanes, int64_t i)
{
    taps at = {t, lanes, w->x_wide * lanes};
    for (int64_t j = 0; j < w->y_wide; j++) {
        fn_pool_area a = fn_pool_window(c, i, j);
        int64_t x = a.top * at.row + a.left * lanes, y = (i * w->y_wide + j) * lanes;
        give_sized(p.dx + x, fn_from(p.x, x), fn_from(p.y, y), fn_from(p.dy, y), at,
                   a.bottom - a.top, a.right - a.left);
    }
}

static void backward_plane(const fn_call *c, const fn_pool_walk *w, plane p)
{
    memset(p.dx, 0, (size_t)x_plane(w) * sizeof *p.dx);
    for (int64_t i = 0; i < w->y_high; i++)
        if (p.x.type == FN_BF16)
            backward_row(c, w, p, FN_BF16, w->lanes, i);
        else if (w->lanes == 16)
            backward_row(c, w, p, FN_F32, 16, i);
        else if (w->lanes == 8)
            backward_row(c, w, p, FN_F32, 8, i);
        else
            backward_row(c, w, p, FN_F32, w->lanes, i);
}

static void round_plane(fn_tensor dx, const float *from, int64_t count)
{
    for (int64_t k = 0; k < count; k++)
        fn_store(dx.data, FN_BF16, k, from[k]);
}

static int threads_of(const fn_call *c, const fn_pool_walk *w)
{
    size_t slot = slot_bytes(c, w);
    return slot ? fn_threads_with_slot(c->workspace_bytes, slot) : fn_threads();
}

static fn_status maxpool_backward(const fn_call *c)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
    if (!c->dx[0].data)
        return FN_OK;
#pragma omp parallel for num_threads(threads_of(c, &w))
    for (int64_t k = 0; k < w.planes; k++) {
        fn_tensor dx = plane_of(c->dx[0], k * x_plane(&w));
        bool low = dx.type == FN_BF16;
        plane p = {plane_of(c->x[0], k * x_plane(&w)), plane_of(c->y[0], k * y_plane(&w)),
                   plane_of(c->dy[0], k * y_plane(&w)), low ? slot_of(c, &w) : dx.data};
        backward_plane(c, &w, p);
        if (low)
            round_plane(dx, p.dx, x_plane(&w));
    }
    return FN_OK;
}

const fn_kernel fn_maxpool_cpu = {
    .choose = fn_format_keep,
    .prepare = maxpool_prepare,
    .forward = maxpool_forward,
    .backward = maxpool_backward,
};
