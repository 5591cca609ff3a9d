/* implicit_back -- gradients of kernels/implicit.c's convolutions. dy, through the ReLU and with
 * zeros around it, is copied once for all of them, a band of lines at a time.
 *
 * A pixel of dx at place r + pad = s q + phase of its line is seen through the taps phase,
 * phase + s, ... of the kernel from the dy at q, q - 1, ...: those of one phase are a
 * convolution of stride 1. The gradient of the kernel is
 *
 *   dw[u][t] = sum over pixels (i, j) of x[i s + u][j s C + t] dy[i][j]
 *
 * summed band after band, whatever the threads, which share its tiles. */
#include "kernels/implicit_parts.h"
#include "kernels/threads.h"

#include <string.h>

#include <omp.h>

enum {
    CACHED = 128 * 1024, /* floats of x and dy, half of a second cache of 1 MB */
    LINE = 16            /* floats of a line of the cache */
};

/* The padding of dy, on each side, and its width with it; dx of a line has q from 0 to `reach`. */
static int64_t margin_of(const fn_implicit *g)
{
    return fn_implicit_taps(g, 0) - 1;
}

static int64_t reach_of(const fn_implicit *g, int64_t size)
{
    return (size - 1 + g->pad) / g->stride + 1;
}

static int64_t wide_of(const fn_implicit *g)
{
    return margin_of(g) + fn_implicit_most(reach_of(g, g->x_wide), g->y_wide);
}

static int64_t band_of(const fn_implicit *g)
{
    int64_t line = fn_implicit_span(g, g->y_wide) * g->in * g->stride + wide_of(g) * g->out;
    return fn_implicit_most(1, fn_implicit_least(CACHED / line, g->y_high));
}

/* A band of one image: lines of dy from `first` to `last`, and those of dx for q from `first` to
 * `end`, which in the last band are all that remain. */
typedef struct band {
    int64_t image, first, last, end;
    float *dy, *laid;
    const float *x; /* what the outputs of line `first` see */
} band;

typedef struct work {
    const fn_implicit *g;
    const fn_implicit_gradients *d;
    float *sums, *slots; /* dw [k][k C][O] */
    int64_t lines, bands, dy_floats, x_floats;
} work;

static int64_t rounded(int64_t floats)
{
    return fn_implicit_up(floats, 16) * 16;
}

static int64_t kernel_floats(const fn_implicit *g)
{
    return g->kernel * g->kernel * g->in * g->out;
}

static work work_of(const fn_implicit *g)
{
    work w = {.g = g, .lines = band_of(g)};
    int64_t beyond = fn_implicit_most(reach_of(g, g->x_high) - g->y_high, 0);
    w.bands = fn_implicit_up(g->y_high, w.lines);
    w.dy_floats = rounded((margin_of(g) + w.lines + beyond) * wide_of(g) * g->out);
    if (!g->flat)
        w.x_floats = rounded(fn_implicit_span(g, w.lines) * fn_implicit_span(g, g->y_wide) *
                             g->in);
    return w;
}

size_t fn_implicit_scratch_back(const fn_implicit *g)
{
    work w = work_of(g);
    int64_t floats = rounded(kernel_floats(g) + g->out);
    return (size_t)(floats + g->threads * (w.dy_floats + w.x_floats)) * sizeof(float);
}

/* --- a band --- */

/* Line i of dy, of all parts, into `to` [wide][O]; zeros where there is none. */
static void lay_dy(const work *w, const band *b, float *to, int64_t i)
{
    const fn_implicit *g = w->g;
    int64_t margin = margin_of(g), wide = wide_of(g);
    if (i < 0 || i >= g->y_high) {
        memset(to, 0, (size_t)(wide * g->out) * sizeof *to);
        return;
    }
    memset(to, 0, (size_t)(margin * g->out) * sizeof *to);
    to += margin * g->out;
    for (int64_t first = 0, part = 0; part < g->parts;
         first += fn_implicit_places(g->part[part++])) {
        int64_t n = g->part[part], at = (b->image * g->y_high + i) * g->y_wide * n;
        const float *dy = w->d->dy[part] + at, *y = w->d->y[part];
        if (n == g->out) {
            g->tiles->mask(to, dy, y ? y + at : NULL, g->y_wide * n);
            continue;
        }
        for (int64_t j = 0; j < g->y_wide; j++) {
            float *pixel = to + j * g->out + first;
            g->tiles->mask(pixel, dy + j * n, y ? y + at + j * n : NULL, n);
            for (int64_t k = n; k < fn_implicit_places(n); k++)
                pixel[k] = 0;
        }
    }
    memset(to + g->y_wide * g->out, 0,
           (size_t)((wide - margin - g->y_wide) * g->out) * sizeof *to);
}

static band band_at(const work *w, int64_t k, int64_t slot)
{
    const fn_implicit *g = w->g;
    int64_t first = k % w->bands * w->lines;
    band b = {.image = k / w->bands,
              .first = first,
              .last = fn_implicit_least(first + w->lines, g->y_high)};
    b.end = b.last < g->y_high ? b.last : fn_implicit_most(b.last, reach_of(g, g->x_high));
    b.dy = w->slots + slot * (w->dy_floats + w->x_floats);
    b.laid = b.dy + w->dy_floats;
    b.x = g->flat ? w->d->x + first * g->x_wide * g->in : b.laid;
    return b;
}

static void lay(const work *w, const band *b)
{
    const fn_implicit *g = w->g;
    int64_t margin = margin_of(g);
    for (int64_t i = b->first - margin; i < b->end; i++)
        lay_dy(w, b, b->dy + (i - b->first + margin) * wide_of(g) * g->out, i);
    if (!g->flat)
        fn_implicit_lay(b->laid, g, w->d->x + b->image * g->x_high * g->x_wide * g->in,
                        b->first, b->last);
}

/* --- the gradient of x --- */

/* Of the pixels of a line that have this phase: the q of the first, and behind the last. */
typedef struct stretch {
    int64_t first, end;
} stretch;

static stretch stretch_of(const fn_implicit *g, int64_t phase, int64_t size)
{
    int64_t first = phase < g->pad ? fn_implicit_up(g->pad - phase, g->stride) : 0;
    int64_t end = size + g->pad - phase;
    return (stretch){first, end > 0 ? fn_implicit_up(end, g->stride) : 0};
}

/* Line q of the pixels of dx of a phase, of channels from c on. */
static void give_line(const work *w, const band *b, fn_tile t, int64_t q, int64_t r,
                      int64_t column, int64_t c)
{
    const fn_implicit *g = w->g;
    stretch s = stretch_of(g, column, g->x_wide);
    if (s.first == s.end)
        return; /* the line is shorter than the stride */
    int64_t margin = margin_of(g), rows = fn_implicit_rows(s.end - s.first);
    const float *dy = b->dy + (q - b->first + margin - (t.pieces - 1)) * t.pitch;
    float *dx = w->d->dx + (b->image * g->x_high + r) * g->x_wide * g->in + c;
    t.soon = rows * g->out;
    for (int64_t j = s.first; j < s.end; j += rows) {
        t.a = dy + (j + margin - (fn_implicit_taps(g, column) - 1)) * g->out;
        t.y = dx + (j * g->stride + column - g->pad) * g->in;
        g->tiles->multiply(&t, (int)fn_implicit_least(rows, s.end - j));
    }
}

static void give_phase(const work *w, const band *b, const float *u, int64_t row,
                       int64_t column)
{
    const fn_implicit *g = w->g;
    int64_t taps = fn_implicit_taps(g, column);
    fn_tile t = {.row = g->out,
                 .pieces = fn_implicit_taps(g, row),
                 .length = taps * g->out,
                 .pitch = wide_of(g) * g->out,
                 .y_row = g->stride * g->in};
    for (int64_t c = 0; c < g->in; c += FN_TILE_WIDTH) {
        t.columns = fn_implicit_least(FN_TILE_WIDTH, g->in - c);
        t.b = u + c * t.pieces * t.length;
        for (int64_t q = b->first; q < b->end; q++) {
            int64_t r = q * g->stride + row - g->pad;
            if (r >= 0 && r < g->x_high)
                give_line(w, b, t, q, r, column, c);
        }
    }
}

static void give_dx(const work *w, const band *b)
{
    const fn_implicit *g = w->g;
    const float *u = w->d->u;
    for (int64_t row = 0; row < g->stride; row++)
        for (int64_t column = 0; column < g->stride; column++) {
            give_phase(w, b, u, row, column);
            u += fn_implicit_taps(g, row) * fn_implicit_taps(g, column) * g->out *
                 fn_implicit_places(g->in);
        }
}

/* --- what a thread reads next --- */

/* Where a band's x, dy and y lie, asked for line by line while the one before is worked on. */
typedef struct coming {
    const float *at[1 + 2 * FN_IMPLICIT_PARTS];
    int64_t left[1 + 2 * FN_IMPLICIT_PARTS], each; /* floats; lines for every tile */
    int n, now;
} coming;

static void expect(coming *c, const float *at, int64_t floats)
{
    c->at[c->n] = at;
    c->left[c->n++] = floats;
}

static coming coming_of(const work *w, int64_t k, int64_t tiles)
{
    const fn_implicit *g = w->g;
    coming c = {.n = 0};
    if (k >= g->images * w->bands)
        return c;
    band b = band_at(w, k, 0);
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
    c.each = fn_implicit_up(all, LINE * tiles);
    return c;
}

static void ask(coming *c)
{
    for (int64_t i = 0; i < c->each && c->now < c->n; i++) {
        __builtin_prefetch(c->at[c->now], 0, 2);
        c->at[c->now] += LINE;
        c->left[c->now] -= LINE;
        c->now += c->left[c->now] <= 0;
    }
}

/* --- the gradient of the kernel --- */

/* What a band adds for panel p of outputs, line u of the kernel. */
static void add(const work *w, const band *b, fn_implicit_panel p, int64_t u, bool first,
                coming *next)
{
    const fn_implicit *g = w->g;
    int64_t wide = wide_of(g), length = g->kernel * g->in, margin = margin_of(g);
    int64_t pitch = fn_implicit_span(g, g->y_wide) * g->in, rows = fn_implicit_rows(length);
    fn_tile_back t = {.a_pixel = g->stride * g->in,
                      .a_line = g->stride * pitch,
                      .b = b->dy + (margin * wide + margin) * g->out + p.first,
                      .b_pixel = g->out,
                      .b_line = wide * g->out,
                      .lines = b->last - b->first,
                      .pixels = g->y_wide,
                      .d_row = g->out,
                      .columns = p.places,
                      .add = !first};
    for (int64_t k = 0; k < length; k += rows) {
        t.a = b->x + u * pitch + k;
        t.d = w->sums + (u * length + k) * g->out + p.first;
        ask(next);
        g->tiles->multiply_back(&t, (int)fn_implicit_least(rows, length - k));
    }
    if (u == 0)
        g->tiles->add_up(w->sums + kernel_floats(g) + p.first, &t);
}

static bool wants_dw(const work *w)
{
    bool wanted = false;
    for (int i = 0; i < w->g->parts; i++)
        wanted = wanted || w->d->dw[i] || w->d->db[i];
    return wanted;
}

/* Panel p of the sums -> dw [O, C, k, k] and db [O]. */
static void deliver(const work *w, fn_implicit_panel p)
{
    const fn_implicit *g = w->g;
    int64_t all = g->kernel * g->kernel;
    const float *from = w->sums + p.first, *bias = from + kernel_floats(g);
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

void fn_implicit_back(const fn_implicit *g, const fn_implicit_gradients *d, void *scratch)
{
    work w = work_of(g);

    int64_t all = g->images * w.bands, panels = fn_implicit_panels(g);
    int threads = (int)fn_implicit_least(fn_threads(), g->threads);
    int64_t depth = g->kernel * g->in;
    int64_t tiles = panels * g->kernel * fn_implicit_up(depth, fn_implicit_rows(depth));
    w.d = d;
    w.sums = scratch;
    w.slots = w.sums + rounded(kernel_floats(g) + g->out);
    bool sums = wants_dw(&w);
#pragma omp parallel num_threads(threads)
    for (int64_t from = 0; from < all; from += threads) {
        int64_t slots = fn_implicit_least(threads, all - from);
#pragma omp for schedule(static)
        for (int64_t k = 0; k < slots; k++) {
            band b = band_at(&w, from + k, k);
            lay(&w, &b);
            if (d->dx)
                give_dx(&w, &b);
        }
        coming next = coming_of(&w, from + threads + omp_get_thread_num(), tiles);
#pragma omp for schedule(static)
        for (int64_t part = 0; part < (sums ? panels * g->kernel : 0); part++)
            for (int64_t k = 0; k < slots; k++) {
                band b = band_at(&w, from + k, k);
                add(&w, &b, fn_implicit_panel_at(g, part / g->kernel), part % g->kernel,
                    from + k == 0, &next);
            }
    }
#pragma omp parallel for
    for (int64_t k = 0; k < (sums ? panels : 0); k++)
        deliver(&w, fn_implicit_panel_at(g, k));
}
