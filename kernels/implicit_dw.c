/* implicit_dw -- the gradient of the kernel of kernels/implicit.c's convolutions,
 *
 *   dw[u][t] = sum over pixels (i, j) of x[i s + u][j s C + t] dy[i][j]
 *
 * summed band after band, whatever the threads, which share its tiles. */
#include "kernels/implicit_band.h"

#include <string.h>

enum { LINE = FN_TILE_LINE };

/* --- what a thread reads next --- */

static void expect(fn_coming *c, const float *at, int64_t floats)
{
    c->at[c->n] = at;
    c->left[c->n++] = floats;
}

/* At least: of all panels and lines of the kernel. */
static int64_t tiles_of(const fn_implicit *g)
{
    return fn_implicit_panels(g) * g->kernel *
           fn_implicit_up(g->kernel * g->in, g->tiles->rows);
}

fn_coming fn_band_coming(const fn_bands *w, int64_t k)
{
    const fn_implicit *g = w->g;
    fn_coming c = {.n = 0};
    if (k >= g->images * w->bands)
        return c;
    fn_band b = fn_band_at(w, k, 0);
    int64_t lines = b.last - b.first, all = 0;
    expect(&c, w->d->x + (b.image * g->x_high + b.first * g->stride) * g->x_wide * g->in,
           lines * g->stride * g->x_wide * g->in);
    for (int i = 0; i < g->parts; i++) {
        int64_t n = g->y_wide * g->part[i], at = (b.image * g->y_high + b.first) * n;
        expect(&c, w->d->dy[i] + at, lines * n);
        if (w->d->y[i])
            expect(&c, w->d->y[i] + at, lines * n);
    }
    for (int i = 0; i < c.n; i++)
        all += c.left[i];
    c.each = fn_implicit_up(all, LINE * tiles_of(g));
    return c;
}

static void ask(fn_coming *c)
{
    for (int64_t i = 0; i < c->each && c->now < c->n; i++) {
        __builtin_prefetch(c->at[c->now], 0, 2);
        c->at[c->now] += LINE;
        c->left[c->now] -= LINE;
        c->now += c->left[c->now] <= 0;
    }
}

/* --- sums --- */

/* The pixels of x that line u of the kernel sees, from float k of them on: where the first is. */
static const float *seen(const fn_bands *w, const fn_band *b, int64_t u, int64_t k)
{
    return b->x + u * fn_implicit_span(w->g, w->g->y_wide) * w->g->in + k;
}

static const float *first_dy(const fn_bands *w, const fn_band *b)
{
    int64_t margin = fn_band_margin(w->g);
    return b->dy + (margin * fn_band_wide(w->g) + margin) * w->g->out;
}

/* Rows [tiles][pixels][rows], for each line of the kernel, and columns [panels][pixels][places]: as
 * the tiles read them, one after the other. Where they lie scattered, few of a cache's sets would
 * have to hold them all. */
void fn_band_line_up(const fn_bands *w, const fn_band *b)
{
    const fn_implicit *g = w->g;
    int64_t pitch = fn_implicit_span(g, g->y_wide) * g->in, lines = b->last - b->first;
    int64_t pixel = g->stride * g->in, depth = g->kernel * g->in;
    float *to = b->rows;
    for (int64_t u = 0; u < (fn_band_scattered(g) ? g->kernel : 0); u++)
        for (int64_t k = 0, rows; k < depth; k += rows) {
            rows = fn_implicit_rows(g, depth - k);
            for (int64_t i = 0; i < lines; i++, to += g->y_wide * rows)
                g->tiles->gather(to, seen(w, b, u, k) + i * g->stride * pitch, pixel,
                                 g->y_wide, (int)rows);
        }
    const float *dy = first_dy(w, b);
    to = b->columns;
    for (int64_t k = 0; k < fn_implicit_panels(g); k++) {
        fn_implicit_panel p = fn_implicit_panel_at(g, k);
        for (int64_t i = 0; i < lines; i++)
            for (int64_t j = 0; j < g->y_wide; j++, to += p.places)
                memcpy(to, dy + (i * fn_band_wide(g) + j) * g->out + p.first,
                       (size_t)p.places * sizeof *to);
    }
}

void fn_band_add(const fn_bands *w, const fn_band *b, fn_implicit_panel p, int64_t u,
                 bool first, fn_coming *next)
{
    const fn_implicit *g = w->g;
    int64_t depth = g->kernel * g->in, pixels = (b->last - b->first) * g->y_wide;
    fn_tile_back t = {.a_pixel = g->stride * g->in,
                      .a_line = g->stride * fn_implicit_span(g, g->y_wide) * g->in,
                      .b = b->columns + p.first * pixels,
                      .lines = b->last - b->first,
                      .pixels = g->y_wide,
                      .d_row = g->out,
                      .columns = p.places,
                      .add = !first};
    for (int64_t k = 0, rows; k < depth; k += rows) {
        rows = fn_implicit_rows(g, depth - k);
        t.a = seen(w, b, u, k);
        if (fn_band_scattered(g)) {
            t.a = b->rows + (u * depth + k) * pixels;
            t.a_pixel = rows;
            t.a_line = g->y_wide * rows;
        }
        t.d = w->sums + (u * depth + k) * g->out + p.first;
        ask(next);
        g->tiles->multiply_back(&t, (int)rows);
    }
    if (u == 0)
        g->tiles->add_up(w->sums + fn_band_sums(g) + p.first, &t);
}

void fn_band_deliver(const fn_bands *w, fn_implicit_panel p)
{
    const fn_implicit *g = w->g;
    int64_t all = g->kernel * g->kernel;
    const float *from = w->sums + p.first, *bias = from + fn_band_sums(g);
    float *dw = w->d->dw[p.part], *db = w->d->db[p.part];
    for (int64_t c = 0; dw && c < g->in; c += LINE)
        for (int64_t o = 0; o < p.columns; o++)
            for (int64_t k = c; k < fn_implicit_least(c + LINE, g->in); k++)
                for (int64_t tap = 0; tap < all; tap++)
                    dw[((p.at + o) * g->in + k) * all + tap] =
                        from[(tap * g->in + k) * g->out + o];
    if (db)
        memcpy(db + p.at, bias, (size_t)p.columns * sizeof *db);
}
