#include "kernels/pool_walk.h"

#include "kernels/format.h"

fn_pool_walk fn_pool_walk_of(const fn_call *c)
{
    const fn_pool *a = c->attr;
    fn_shape x = c->x[0].shape, y = c->y[0].shape;
    fn_format f = c->x[0].format;
    fn_pool_walk w = {.lanes = f == FN_PLAIN ? x.dim[1] : fn_format_block(f),
                      .x_high = x.dim[2],
                      .x_wide = x.dim[3],
                      .y_high = y.dim[2],
                      .y_wide = y.dim[3],
                      .high = a->kernel ? a->kernel : x.dim[2],
                      .wide = a->kernel ? a->kernel : x.dim[3],
                      .stride = a->kernel ? a->stride : 1,
                      .pad = a->kernel ? fn_window_pad(a->kernel, a->pad) : 0};
    w.planes = fn_format_numel(x, f) / (x.dim[2] * x.dim[3] * w.lanes);
    return w;
}

fn_pool_tap_run fn_pool_walk_tap(const fn_pool_walk *w, int64_t i, int64_t u, int64_t v)
{
    int64_t row = i * w->stride + u - w->pad, shift = v - w->pad;
    int64_t first = shift < 0 ? (w->stride - 1 - shift) / w->stride : 0;
    int64_t room = w->x_wide - 1 - shift; /* of the last window: j * stride <= room */
    int64_t end = room < 0 ? 0 : room / w->stride + 1;
    if (row < 0 || row >= w->x_high)
        return (fn_pool_tap_run){0};
    return (fn_pool_tap_run){
        .x = (row * w->x_wide + first * w->stride + shift) * w->lanes,
        .y = (i * w->y_wide + first) * w->lanes,
        .count = (end < w->y_wide ? end : w->y_wide) - first,
    };
}
