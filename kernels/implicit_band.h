/* implicit_band.h -- how kernels/implicit_back.c cuts what gradients are made of; private to it,
 * kernels/implicit_dx.c and kernels/implicit_dw.c. */
#ifndef FN_KERNELS_IMPLICIT_BAND_H
#define FN_KERNELS_IMPLICIT_BAND_H

#include "kernels/implicit_parts.h"

/* A band of one image: lines of dy from `first` to `last`, and those of dx for q from `first` to
 * `end`, which in the last band are all that remain. */
typedef struct fn_band {
    int64_t image, first, last, end;
    float *dy, *laid;      /* [lines][wide][O], with its padding; x, if that has any */
    float *rows, *columns; /* x and dy as the tiles of dw read them */
    const float *x;        /* what the outputs of line `first` see */
} fn_band;

typedef struct fn_bands {
    const fn_implicit *g;
    const fn_implicit_gradients *d;
    float *sums, *slots;  /* dw [k][k C][O] and db [O]; bands */
    int64_t lines, bands; /* of a band, but for the last; of an image */
    int64_t dy_floats, x_floats, rows_floats, columns_floats;
} fn_bands;

/* The padding of dy, on each side, and its width with it; dx of a line has q from 0 to `reach`. */
static inline int64_t fn_band_margin(const fn_implicit *g)
{
    return fn_implicit_taps(g, 0) - 1;
}

static inline int64_t fn_band_reach(const fn_implicit *g, int64_t size)
{
    return (size - 1 + g->pad) / g->stride + 1;
}

static inline int64_t fn_band_wide(const fn_implicit *g)
{
    return fn_band_margin(g) + fn_implicit_most(fn_band_reach(g, g->x_wide), g->y_wide);
}

/* Whether a pixel of x is more than a line of the cache away from the next. */
static inline bool fn_band_scattered(const fn_implicit *g)
{
    return g->stride * g->in > FN_TILE_LINE;
}

static inline int64_t fn_band_sums(const fn_implicit *g)
{
    return g->kernel * g->kernel * g->in * g->out;
}

/* Band k of all; `slot` is where it is laid. */
fn_band fn_band_at(const fn_bands *w, int64_t k, int64_t slot);

void fn_band_give_dx(const fn_bands *w, const fn_band *b);

/* For dw, once dy and x are laid. */
void fn_band_line_up(const fn_bands *w, const fn_band *b);

/* Where a band's x, dy and y lie, asked for line by line while the one before is worked on. */
typedef struct fn_coming {
    const float *at[1 + 2 * FN_IMPLICIT_PARTS];
    int64_t left[1 + 2 * FN_IMPLICIT_PARTS], each; /* floats; lines for every tile */
    int n, now;
} fn_coming;

/* Of band k, if there is one. */
fn_coming fn_band_coming(const fn_bands *w, int64_t k);

/* What a band adds for panel p of outputs, line u of the kernel; `first`: what was there before
 * is forgotten. */
void fn_band_add(const fn_bands *w, const fn_band *b, fn_implicit_panel p, int64_t u,
                 bool first, fn_coming *next);

/* Panel p of the sums -> dw [O, C, k, k] and db [O]. */
void fn_band_deliver(const fn_bands *w, fn_implicit_panel p);

#endif
