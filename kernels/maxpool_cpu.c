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

static int64_t x_row(const fn_pool_walk *w)
{
    return w->x_wide * w->lanes;
}

/* Gradients grow in floats: those of bf16 in a slot, in as many rows as a window has. */
static size_t slot_bytes(const fn_call *c, const fn_pool_walk *w)
{
    bool grows = c->training && c->x[0].type == FN_BF16;
    return grows ? (size_t)((w->high * x_row(w) + 15) / 16 * 16) * sizeof(float) : 0;
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

static inline __attribute__((always_inline)) void take_bytes(uint8_t *restrict y,
                                                             const uint8_t *restrict x,
                                                             int64_t count, taps t,
                                                             int64_t high, int64_t wide)
{
#pragma omp simd
    for (int64_t k = 0; k < count; k++) {
        uint8_t most = 0;
        for (int64_t u = 0; u < high; u++)
            for (int64_t v = 0; v < wide; v++) {
                uint8_t tap = x[u * t.row + v * t.lanes + k];
                most = tap > most ? tap : most;
            }
        y[k] = most;
    }
}

/* Also `count / lanes` windows of stride 1, side by side. */
static inline __attribute__((always_inline)) void take(void *restrict y,
                                                       const void *restrict x,
                                                       int64_t count, taps t, int64_t high,
                                                       int64_t wide)
{
    if (t.type == FN_U8) {
        take_bytes(y, x, count, t, high, wide);
        return;
    }
#pragma omp simd
    for (int64_t k = 0; k < count; k++) {
        float most = -INFINITY;
        for (int64_t u = 0; u < high; u++)
            for (int64_t v = 0; v < wide; v++) {
                float tap = fn_load_any(x, t.type, u * t.row + v * t.lanes + k);
                most = tap > most ? tap : most;
            }
        fn_store_any(y, t.type, k, most);
    }
}

/* v or 0. Of branches gcc makes no vectors, and of ?: it makes branches. */
static inline float only_if(bool yes, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits &= 0u - (uint32_t)yes;
    memcpy(&v, &bits, sizeof v);
    return v;
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
                dx[at] += only_if(won, left);
                left = only_if(!won, left);
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
    fn_tensor x, y, dy, dx; /* their data begin at the plane */
} plane;

static fn_tensor plane_of(fn_tensor t, int64_t at)
{
    t.data = t.data ? fn_from(t, at) : NULL;
    return t;
}

/* Of windows that lie side by side: those from j on that are whole, if stride is 1. */
static int64_t run_of(const fn_pool_walk *w, fn_pool_area a, int64_t j)
{
    int64_t last = w->x_wide + w->pad - w->wide; /* the last window that is whole */
    bool whole = a.right - a.left == w->wide && w->stride == 1;
    return whole ? last - j + 1 : 1;
}

static inline void forward_row(const fn_pool_walk *w, plane p, fn_type t, int64_t lanes,
                               int64_t i)
{
    taps at = {t, lanes, w->x_wide * lanes};
    for (int64_t j = 0, run; j < w->y_wide; j += run) {
        fn_pool_area a = fn_pool_walk_area(w, i, j);
        void *y = fn_from(p.y, (i * w->y_wide + j) * lanes),
             *x = fn_from(p.x, a.top * at.row + a.left * lanes);
        run = run_of(w, a, j);
        if (run == 1)
            take_sized(y, x, lanes, at, a.bottom - a.top, a.right - a.left);
        else
            take_sized(y, x, run * lanes, at, a.bottom - a.top, a.right - a.left);
    }
}

static void forward_any(const fn_pool_walk *w, plane p, int64_t i)
{
    if (p.x.type == FN_U8)
        forward_row(w, p, FN_U8, w->lanes, i);
    else if (p.x.type == FN_BF16)
        forward_row(w, p, FN_BF16, w->lanes, i);
    else if (w->lanes == 16)
        forward_row(w, p, FN_F32, 16, i);
    else if (w->lanes == 8)
        forward_row(w, p, FN_F32, 8, i);
    else
        forward_row(w, p, FN_F32, w->lanes, i);
}

static fn_status maxpool_forward(const fn_call *c)
{
    const fn_pool_walk w = fn_pool_walk_of(c);
#pragma omp parallel for collapse(2)
    for (int64_t k = 0; k < w.planes; k++)
        for (int64_t i = 0; i < w.y_high; i++) {
            plane p = {.x = plane_of(c->x[0], k * fn_pool_walk_x(&w)),
                       .y = plane_of(c->y[0], k * fn_pool_walk_y(&w))};
            forward_any(&w, p, i);
        }
    return FN_OK;
}

/* The windows of row i, whose first row in the image is grown[0]. */
static inline void backward_row(const fn_pool_walk *w, plane p, float *grown, fn_type t,
                                int64_t lanes, int64_t i)
{
    taps at = {t, lanes, w->x_wide * lanes};
    for (int64_t j = 0; j < w->y_wide; j++) {
        fn_pool_area a = fn_pool_walk_area(w, i, j);
        int64_t x = a.top * at.row + a.left * lanes, y = (i * w->y_wide + j) * lanes;
        give_sized(grown + a.left * lanes, fn_from(p.x, x), fn_from(p.y, y),
                   fn_from(p.dy, y), at, a.bottom - a.top, a.right - a.left);
    }
}

static void backward_any(const fn_pool_walk *w, plane p, float *grown, int64_t i)
{
    if (p.x.type == FN_BF16)
        backward_row(w, p, grown, FN_BF16, w->lanes, i);
    else if (w->lanes == 16)
        backward_row(w, p, grown, FN_F32, 16, i);
    else if (w->lanes == 8)
        backward_row(w, p, grown, FN_F32, 8, i);
    else
        backward_row(w, p, grown, FN_F32, w->lanes, i);
}

/* Rows are 0 from just before their first window on. */
static void grow_floats(const fn_pool_walk *w, plane p)
{
    int64_t size = x_row(w), ready = 0;
    float *dx = p.dx.data;
    for (int64_t i = 0; i < w->y_high; i++) {
        fn_pool_area a = fn_pool_walk_area(w, i, 0);
        if (a.bottom > ready)
            memset(dx + ready * size, 0, (size_t)((a.bottom - ready) * size) * sizeof *dx);
        ready = a.bottom;
        backward_any(w, p, dx + a.top * size, i);
    }
    memset(dx + ready * size, 0, (size_t)((w->x_high - ready) * size) * sizeof *dx);
}

/* No window will add to the first `n` rows of `grown`, which are the plane's from `row` on: they go
 * to dx, and what follows moves up. Rows that no window has are 0. */
static void deliver(const fn_pool_walk *w, plane p, float *grown, int64_t row, int64_t n)
{
    int64_t size = x_row(w), held = n < w->high ? n : w->high, left = w->high - held;
    uint16_t *dx = fn_from(p.dx, row * size);
    for (int64_t k = 0; k < held * size; k++)
        dx[k] = fn_bf16_of(grown[k]);
    memset(dx + held * size, 0, (size_t)((n - held) * size) * sizeof *dx);
    memmove(grown, grown + held * size, (size_t)(left * size) * sizeof *grown);
    memset(grown + left * size, 0, (size_t)(held * size) * sizeof *grown);
}

static void grow_rows(const fn_pool_walk *w, plane p, float *grown)
{
    int64_t row = 0;
    memset(grown, 0, (size_t)(w->high * x_row(w)) * sizeof *grown);
    for (int64_t i = 0; i < w->y_high; i++) {
        int64_t top = fn_pool_walk_area(w, i, 0).top;
        deliver(w, p, grown, row, top - row);
        row = top;
        backward_any(w, p, grown, i);
    }
    deliver(w, p, grown, row, w->x_high - row);
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
        plane p = {plane_of(c->x[0], k * fn_pool_walk_x(&w)),
                   plane_of(c->y[0], k * fn_pool_walk_y(&w)),
                   plane_of(c->dy[0], k * fn_pool_walk_y(&w)),
                   plane_of(c->dx[0], k * fn_pool_walk_x(&w))};
        if (p.dx.type == FN_BF16)
            grow_rows(&w, p, slot_of(c, &w));
        else
            grow_floats(&w, p);
    }
    return FN_OK;
}

const fn_kernel fn_maxpool_cpu = {
    .bytes = true,
    .choose = fn_format_keep,
    .prepare = maxpool_prepare,
    .forward = maxpool_forward,
    .backward = maxpool_backward,
};
