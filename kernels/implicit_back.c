/* implicit_back -- gradients of kernels/implicit.c's convolutions. dy, through the ReLU and with
 * zeros around it, is copied once for all of them, a band of lines at a time: see
 * kernels/implicit_dx.c and kernels/implicit_dw.c. */
#include "kernels/implicit_band.h"
#include "kernels/threads.h"

#include <string.h>

#include <omp.h>

enum { CACHED = 128 * 1024 }; /* floats of a band, half of a second cache of 1 MB */

/* What a pixel of dy has to be multiplied with, if that is laid. */
static int64_t depth_of(const fn_implicit *g)
{
    return fn_band_scattered(g) ? g->kernel * g->kernel * g->in : 0;
}

static int64_t band_of(const fn_implicit *g)
{
    int64_t line = fn_implicit_span(g, g->y_wide) * g->in * g->stride +
                   fn_band_wide(g) * g->out + g->y_wide * (g->out + depth_of(g));
    return fn_implicit_most(1, fn_implicit_least(CACHED / line, g->y_high));
}

static fn_bands bands_of(const fn_implicit *g)
{
    fn_bands w = {.g = g, .lines = band_of(g)};
    int64_t beyond = fn_implicit_most(fn_band_reach(g, g->x_high) - g->y_high, 0);
    w.bands = fn_implicit_up(g->y_high, w.lines);
    w.dy_floats = fn_implicit_lined((fn_band_margin(g) + w.lines + beyond) *
                                    fn_band_wide(g) * g->out);
    if (!g->flat)
        w.x_floats = fn_implicit_lined(fn_implicit_span(g, w.lines) *
                                       fn_implicit_span(g, g->y_wide) * g->in);
    w.rows_floats = fn_implicit_lined(w.lines * g->y_wide * depth_of(g));
    w.columns_floats = fn_implicit_lined(w.lines * g->y_wide * g->out);
    return w;
}

static int64_t slot_floats(const fn_bands *w)
{
    return w->dy_floats + w->x_floats + w->rows_floats + w->columns_floats;
}

size_t fn_implicit_scratch_back(const fn_implicit *g)
{
    fn_bands w = bands_of(g);
    int64_t floats = fn_implicit_lined(fn_band_sums(g) + g->out);
    return (size_t)(floats + g->threads * slot_floats(&w)) * sizeof(float);
}

/* --- a band --- */

/* Line i of dy, of all parts, into `to` [wide][O]; zeros where there is none. */
static void lay_dy(const fn_bands *w, const fn_band *b, float *to, int64_t i)
{
    const fn_implicit *g = w->g;
    int64_t margin = fn_band_margin(g), wide = fn_band_wide(g);
    if (i < 0 || i >= g->y_high) {
        memset(to, 0, (size_t)(wide * g->out) * sizeof *to);
        return;
    }
    memset(to, 0, (size_t)(margin * g->out) * sizeof *to);
    to += margin * g->out;
    for (int64_t first = 0, part = 0; part < g->parts;
         first += fn_implicit_places(g, g->part[part++])) {
        int64_t n = g->part[part], at = (b->image * g->y_high + i) * g->y_wide * n;
        const float *dy = w->d->dy[part] + at, *y = w->d->y[part];
        if (n == g->out) {
            g->tiles->mask(to, dy, y ? y + at : NULL, g->y_wide * n);
            continue;
        }
        for (int64_t j = 0; j < g->y_wide; j++) {
            float *pixel = to + j * g->out + first;
            g->tiles->mask(pixel, dy + j * n, y ? y + at + j * n : NULL, n);
            for (int64_t k = n; k < fn_implicit_places(g, n); k++)
                pixel[k] = 0;
        }
    }
    memset(to + g->y_wide * g->out, 0,
           (size_t)((wide - margin - g->y_wide) * g->out) * sizeof *to);
}

fn_band fn_band_at(const fn_bands *w, int64_t k, int64_t slot)
{
    const fn_implicit *g = w->g;
    int64_t first = k % w->bands * w->lines;
    fn_band b = {.image = k / w->bands,
                 .first = first,
                 .last = fn_implicit_least(first + w->lines, g->y_high)};
    b.end = b.last < g->y_high ? b.last
                               : fn_implicit_most(b.last, fn_band_reach(g, g->x_high));
    b.dy = w->slots + slot * slot_floats(w);
    b.laid = b.dy + w->dy_floats;
    b.rows = b.laid + w->x_floats;
    b.columns = b.rows + w->rows_floats;
    b.x = g->flat ? w->d->x + first * g->x_wide * g->in : b.laid;
    return b;
}

static void lay(const fn_bands *w, const fn_band *b)
{
    const fn_implicit *g = w->g;
    int64_t margin = fn_band_margin(g);
    for (int64_t i = b->first - margin; i < b->end; i++)
        lay_dy(w, b, b->dy + (i - b->first + margin) * fn_band_wide(g) * g->out, i);
    if (!g->flat)
        fn_implicit_lay(b->laid, g, w->d->x + b->image * g->x_high * g->x_wide * g->in,
                        b->first, b->last);
}

static bool wants_dw(const fn_bands *w)
{
    bool wanted = false;
    for (int i = 0; i < w->g->parts; i++)
        wanted = wanted || w->d->dw[i] || w->d->db[i];
    return wanted;
}

void fn_implicit_back(const fn_implicit *g, const fn_implicit_gradients *d, void *scratch)
{
    fn_bands w = bands_of(g);
    int64_t all = g->images * w.bands, panels = fn_implicit_panels(g);
    int threads = (int)fn_implicit_least(fn_threads(), g->threads);
    w.d = d;
    w.sums = scratch;
    w.slots = w.sums + fn_implicit_lined(fn_band_sums(g) + g->out);
    bool sums = wants_dw(&w);
#pragma omp parallel num_threads(threads)
    for (int64_t from = 0; from < all; from += threads) {
        int64_t slots = fn_implicit_least(threads, all - from);
#pragma omp for schedule(static)
        for (int64_t k = 0; k < slots; k++) {
            fn_band b = fn_band_at(&w, from + k, k);
            lay(&w, &b);
            if (sums)
                fn_band_line_up(&w, &b);
            if (d->dx)
                fn_band_give_dx(&w, &b);
        }
        fn_coming next = fn_band_coming(&w, from + threads + omp_get_thread_num());
#pragma omp for schedule(static)
        for (int64_t part = 0; part < (sums ? panels * g->kernel : 0); part++)
            for (int64_t k = 0; k < slots; k++) {
                fn_band b = fn_band_at(&w, from + k, k);
                fn_band_add(&w, &b, fn_implicit_panel_at(g, part / g->kernel),
                            part % g->kernel, from + k == 0, &next);
            }
    }
#pragma omp parallel for
    for (int64_t k = 0; k < (sums ? panels : 0); k++)
        fn_band_deliver(&w, fn_implicit_panel_at(g, k));
}
