/* pool_walk.h -- the windows of a pool as straight loops, in every format.
 *
 * A format is planes [H][W][lanes]: one block of channels of one image, or a whole image when
 * plain. Tap (u, v) of all windows of a row lies on one row of x, so a pool is one loop per
 * tap over the windows that have this tap inside the image, and over their lanes. */
#ifndef FN_KERNELS_POOL_WALK_H
#define FN_KERNELS_POOL_WALK_H

#include "kernels/pool.h"

typedef struct fn_pool_walk {
    int64_t planes, lanes;
    int64_t x_high, x_wide, y_high, y_wide; /* pixels */
    int64_t high, wide, stride, pad;        /* of the window */
} fn_pool_walk;

fn_pool_walk fn_pool_walk_of(const fn_call *c); /* c->x[0].format is final */

/* Numbers of a plane of x, and of y. */
static inline int64_t fn_pool_walk_x(const fn_pool_walk *w)
{
    return w->x_high * w->x_wide * w->lanes;
}

static inline int64_t fn_pool_walk_y(const fn_pool_walk *w)
{
    return w->y_high * w->y_wide * w->lanes;
}

/* fn_pool_window of window (i, j), where it is asked for each of them. */
static inline fn_pool_area fn_pool_walk_area(const fn_pool_walk *w, int64_t i, int64_t j)
{
    int64_t top = i * w->stride - w->pad, left = j * w->stride - w->pad;
    int64_t bottom = top + w->high, right = left + w->wide;
    return (fn_pool_area){.top = top < 0 ? 0 : top,
                          .bottom = bottom > w->x_high ? w->x_high : bottom,
                          .left = left < 0 ? 0 : left,
                          .right = right > w->x_wide ? w->x_wide : right};
}

/* Tap (u, v) of the windows of row i: `count` of them, from element y of the plane's y on and
 * element x of its x on; `stride` pixels of x apart. count <= 0: all in the padding. */
typedef struct fn_pool_tap_run {
    int64_t x, y, count;
} fn_pool_tap_run;
fn_pool_tap_run fn_pool_walk_tap(const fn_pool_walk *w, int64_t i, int64_t u, int64_t v);

#endif
