/* implicit_parts.h -- how kernels/implicit*.c cut their work; private to them. */
#ifndef FN_KERNELS_IMPLICIT_PARTS_H
#define FN_KERNELS_IMPLICIT_PARTS_H

#include "kernels/implicit.h"
#include "kernels/implicit_tiles.h"

static inline int64_t fn_implicit_up(int64_t a, int64_t b) /* a / b, rounded up */
{
    return (a + b - 1) / b;
}

static inline int64_t fn_implicit_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t fn_implicit_most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Floats, filled up to a line of the cache. */
static inline int64_t fn_implicit_lined(int64_t floats)
{
    return fn_implicit_up(floats, FN_TILE_LINE) * FN_TILE_LINE;
}

/* Of as many channels: places, which are whole vectors. */
static inline int64_t fn_implicit_places(const fn_implicit *g, int64_t channels)
{
    return fn_implicit_up(channels, g->tiles->lanes) * g->tiles->lanes;
}

static inline int64_t
fn_implicit_width(const fn_implicit *g) /* columns of a tile at most */
{
    return 2 * (int64_t)g->tiles->lanes;
}

/* Output channels that one tile has: all of one part. */
typedef struct fn_implicit_panel {
    int part;
    int64_t at, first;       /* in the part; among the places of all */
    int64_t columns, places; /* of it */
} fn_implicit_panel;

static inline int64_t fn_implicit_panels(const fn_implicit *g)
{
    int64_t n = 0;
    for (int i = 0; i < g->parts; i++)
        n += fn_implicit_up(g->part[i], fn_implicit_width(g));
    return n;
}

static inline fn_implicit_panel fn_implicit_panel_at(const fn_implicit *g, int64_t k)
{
    int64_t width = fn_implicit_width(g);
    fn_implicit_panel p = {.at = k * width};
    while (p.at >= g->part[p.part]) {
        p.first += fn_implicit_places(g, g->part[p.part]);
        p.at -= fn_implicit_up(g->part[p.part++], width) * width;
    }
    p.first += p.at;
    p.columns = fn_implicit_least(width, g->part[p.part] - p.at);
    p.places = fn_implicit_places(g, p.columns);
    return p;
}

/* The last n pixels of a line are cut into tiles that are as even as can be: those of the first. */
static inline int64_t fn_implicit_rows(const fn_implicit *g, int64_t n)
{
    return fn_implicit_up(n, fn_implicit_up(n, g->tiles->rows));
}

/* Pixels of a line of x that the kernel sees, padding included. */
static inline int64_t fn_implicit_span(const fn_implicit *g, int64_t outputs)
{
    return (outputs - 1) * g->stride + g->kernel;
}

/* Taps of the kernel that are `stride` apart, from `phase` on: of these a pixel of dx whose
 * place is `phase` modulo the stride sees the dy. */
static inline int64_t fn_implicit_taps(const fn_implicit *g, int64_t phase)
{
    return phase < g->kernel ? fn_implicit_up(g->kernel - phase, g->stride) : 0;
}

/* Lays the lines of x that outputs from line `first` to `last` of an image see, with zeros
 * around them: [lines][span][C]. */
void fn_implicit_lay(float *to, const fn_implicit *g, const float *image, int64_t first,
                     int64_t last);

#endif
