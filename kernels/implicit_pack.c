/* implicit_pack -- kernels [O, C, k, k] as the tiles of kernels/implicit.c read them. */
#include "kernels/implicit_parts.h"

enum { LINE = FN_TILE_LINE };

int64_t fn_implicit_floats(const fn_implicit *g)
{
    return g->out * (1 + g->in * g->kernel * g->kernel);
}

int64_t fn_implicit_floats_back(const fn_implicit *g)
{
    return g->out * fn_implicit_places(g, g->in) * g->kernel * g->kernel;
}

/* A panel: [k][k C][places] */
static void pack_panel(float *to, const fn_implicit *g, const float *from,
                       fn_implicit_panel p)
{
    int64_t all = g->kernel * g->kernel, depth = all * g->in;
    for (int64_t tap = 0; tap < all; tap++, to += g->in * p.places)
        for (int64_t c = 0; c < g->in; c += LINE)
            for (int64_t o = 0; o < p.places; o++)
                for (int64_t k = c; k < fn_implicit_least(c + LINE, g->in); k++)
                    to[k * p.places + o] = o < p.columns ? from[o * depth + k * all + tap]
                                                         : 0;
}

/* u [O], [panels] of the above */
void fn_implicit_pack(float *u, const fn_implicit *g, const float *const *w,
                      const float *const *bias)
{
    int64_t depth = g->kernel * g->kernel * g->in;
    float *b = u;
    u += g->out;
#pragma omp parallel for
    for (int64_t k = 0; k < fn_implicit_panels(g); k++) {
        fn_implicit_panel p = fn_implicit_panel_at(g, k);
        pack_panel(u + p.first * depth, g, w[p.part] + p.at * depth, p);
        for (int64_t o = 0; o < p.places; o++)
            b[p.first + o] = bias[p.part] && o < p.columns ? bias[p.part][p.at + o] : 0;
    }
}

/* One tap, for inputs from c on: [O][places] */
static void pack_tap(float *to, const fn_implicit *g, const float *const *w, int64_t c,
                     int64_t tap)
{
    int64_t all = g->kernel * g->kernel,
            n = fn_implicit_least(fn_implicit_width(g), g->in - c);
    int64_t places = fn_implicit_places(g, n);
    for (int part = 0; part < g->parts; part++)
        for (int64_t o = 0; o < fn_implicit_places(g, g->part[part]); o++, to += places) {
            const float *from = w[part] + (o * g->in + c) * all + tap;
            for (int64_t k = 0; k < places; k++)
                to[k] = k < n && o < g->part[part] ? from[k * all] : 0;
        }
}

/* One panel of inputs from c on, of one phase: [taps][taps] of the above, taps backwards. */
static void pack_phase(float *to, const fn_implicit *g, const float *const *w, int64_t c,
                       int64_t row, int64_t column)
{
    int64_t places = fn_implicit_least(fn_implicit_width(g),
                                       fn_implicit_places(g, g->in) - c);
    for (int64_t i = fn_implicit_taps(g, row) - 1; i >= 0; i--)
        for (int64_t j = fn_implicit_taps(g, column) - 1; j >= 0;
             j--, to += g->out * places)
            pack_tap(to, g, w, c,
                     (row + i * g->stride) * g->kernel + column + j * g->stride);
}

/* u [phases][panels of inputs] of the above */
void fn_implicit_pack_back(float *u, const fn_implicit *g, const float *const *w)
{
    for (int64_t row = 0; row < g->stride; row++)
        for (int64_t column = 0; column < g->stride; column++) {
            int64_t taps = fn_implicit_taps(g, row) * fn_implicit_taps(g, column);
#pragma omp parallel for
            for (int64_t c = 0; c < g->in; c += fn_implicit_width(g))
                pack_phase(u + c * taps * g->out, g, w, c, row, column);
            u += taps * g->out * fn_implicit_places(g, g->in);
        }
}
