/* implicit -- a line of the image, its padding copied around it, holds for every output pixel
 * the k pixels of C channels that a line of the kernel sees, side by side. So a line of outputs
 * is a product of matrices whose rows begin `stride` pixels apart,
 *
 *   y[j] = sum over lines u of the kernel, and t < k C, of  x[u][j s C + t] w[u][t]
 *
 * and nothing is laid out (im2col) but that padding. A band of lines stays in the second cache
 * while all output channels are made of it. Every output is summed in the same order, whatever
 * the batch and the threads. */
#include "kernels/implicit.h"

#include "kernels/implicit_parts.h"
#include "kernels/threads.h"

#include <string.h>

#include <omp.h>

enum {
    CACHED = 64 * 1024, /* floats of x, a quarter of a second cache of 1 MB */
    LONGEST = 112       /* pixels of a line where there are no images */
};

/* --- the rule --- */

static bool plain(fn_tensor t)
{
    return t.type == FN_F32 && t.format == FN_PLAIN;
}

bool fn_implicit_fits(const fn_call *c)
{
    bool fits = plain(c->x[0]) && c->precision == FN_PRECISION_FP32;
    for (int i = 0; i < c->n_y; i++)
        fits = fits && plain(c->y[i]);
    return fits;
}

const fn_tiles *fn_tiles_best(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f"))
        return &fn_tiles_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &fn_tiles_avx2;
#endif
    return &fn_tiles_any;
}

bool fn_implicit_gains(void)
{
    return fn_tiles_best() != &fn_tiles_any;
}

/* The longest line that pixels can be cut into without a rest. */
static int64_t line_of(int64_t pixels)
{
    int64_t n = fn_implicit_least(pixels, LONGEST);
    while (pixels % n)
        n--;
    return n;
}

fn_implicit fn_implicit_of(const fn_call *c, const fn_conv *a, const fn_tiles *tiles)
{
    const int64_t *x = c->x[0].shape.dim, *y = c->y[0].shape.dim;
    fn_implicit g = {.images = x[0],
                     .in = x[1],
                     .x_high = x[2],
                     .x_wide = x[3],
                     .y_high = y[2],
                     .y_wide = y[3],
                     .kernel = a->kernel,
                     .stride = a->stride,
                     .pad = fn_window_pad(a->kernel, a->pad),
                     .parts = c->n_y,
                     .threads = fn_threads(),
                     .relu = a->relu,
                     .flat = a->kernel == 1 && a->stride == 1,
                     .tiles = tiles};
    for (int i = 0; i < g.parts; i++) {
        g.part[i] = c->y[i].shape.dim[1];
        g.out += fn_implicit_places(&g, g.part[i]);
    }
    if (g.flat) {
        int64_t pixels = x[0] * x[2] * x[3];
        g.images = 1;
        g.x_wide = g.y_wide = line_of(pixels);
        g.x_high = g.y_high = pixels / g.x_wide;
    }
    return g;
}

/* --- forward --- */

void fn_implicit_lay(float *to, const fn_implicit *g, const float *image, int64_t first,
                     int64_t last)
{
    int64_t span = fn_implicit_span(g, g->y_wide), in = g->in,
            from = first * g->stride - g->pad;
    int64_t wide = fn_implicit_least(g->x_wide, span - g->pad);
    for (int64_t i = 0; i < fn_implicit_span(g, last - first); i++, to += span * in) {
        const float *line = image + (from + i) * g->x_wide * in;
        if (from + i < 0 || from + i >= g->x_high) {
            memset(to, 0, (size_t)(span * in) * sizeof *to);
            continue;
        }
        memset(to, 0, (size_t)(g->pad * in) * sizeof *to);
        memcpy(to + g->pad * in, line, (size_t)(wide * in) * sizeof *to);
        memset(to + (g->pad + wide) * in, 0,
               (size_t)((span - g->pad - wide) * in) * sizeof *to);
    }
}

/* Lines of outputs at a time: what they see stays cached, and every thread has some. */
static int64_t band_of(const fn_implicit *g)
{
    int64_t line = fn_implicit_span(g, g->y_wide) * g->in;
    int64_t cached = (CACHED / line - g->kernel) / g->stride + 1;
    int64_t share = fn_implicit_up(g->images * g->y_high, g->threads);
    return fn_implicit_most(1,
                            fn_implicit_least(cached, fn_implicit_least(share, g->y_high)));
}

/* Whether rows of a tile would evict one another from the first cache. */
static bool crowded(const fn_implicit *g)
{
    return g->flat && g->in % FN_TILE_ALIAS == 0 && g->tiles->rows > FN_TILE_WAYS;
}

static bool in_place(const fn_implicit *g)
{
    return g->flat && !crowded(g);
}

/* Floats from pixel to pixel of x where the tiles read it. */
static int64_t pixel_of(const fn_implicit *g)
{
    return crowded(g) ? g->in + FN_TILE_LINE : g->in;
}

static int64_t slot_floats(const fn_implicit *g)
{
    int64_t line = fn_implicit_span(g, g->y_wide) * pixel_of(g);
    return in_place(g) ? 0 : fn_implicit_lined(fn_implicit_span(g, band_of(g)) * line);
}

size_t fn_implicit_scratch(const fn_implicit *g)
{
    return (size_t)(g->threads * slot_floats(g)) * sizeof(float);
}

/* Images, x and y of which begin here. */
typedef struct values {
    float *y[FN_IMPLICIT_PARTS];
    const float *x, *u;
} values;

/* All outputs of lines `first` to `last` of an image, for which x begins at `a`. */
static void make_band(const fn_implicit *g, const values *v, const float *a, int64_t first,
                      int64_t last)
{
    int64_t pitch = fn_implicit_span(g, g->y_wide) * pixel_of(g);
    fn_tile t = {.row = g->stride * pixel_of(g),
                 .pieces = g->kernel,
                 .length = g->kernel * g->in,
                 .pitch = pitch,
                 .relu = g->relu};
    for (int64_t k = 0; k < fn_implicit_panels(g); k++) {
        fn_implicit_panel p = fn_implicit_panel_at(g, k);
        t.b = v->u + g->out + p.first * t.pieces * t.length;
        t.bias = v->u + p.first;
        t.columns = p.columns;
        t.y_row = g->part[p.part];
        for (int64_t i = first; i < last; i++)
            for (int64_t j = 0, rows; j < g->y_wide; j += rows) {
                rows = fn_implicit_rows(g, g->y_wide - j);
                t.a = a + (i - first) * g->stride * pitch + j * t.row;
                t.y = v->y[p.part] + (i * g->y_wide + j) * t.y_row + p.at;
                g->tiles->multiply(&t, (int)rows);
            }
    }
}

/* Pixels of x, apart from one another. */
static void spread(float *to, const fn_implicit *g, const float *x, int64_t pixels)
{
    for (int64_t i = 0; i < pixels; i++, to += pixel_of(g), x += g->in)
        memcpy(to, x, (size_t)g->in * sizeof *to);
}

static void make(const fn_implicit *g, const values *all, float *slot, int64_t image,
                 int64_t first)
{
    int64_t last = fn_implicit_least(first + band_of(g), g->y_high);
    values v = *all;
    v.x += image * g->x_high * g->x_wide * g->in;
    for (int i = 0; i < g->parts; i++)
        v.y[i] += image * g->y_high * g->y_wide * g->part[i];
    const float *seen = v.x + first * g->x_wide * g->in; /* if flat */
    if (!g->flat)
        fn_implicit_lay(slot, g, v.x, first, last);
    else if (crowded(g))
        spread(slot, g, seen, (last - first) * g->x_wide);
    make_band(g, &v, in_place(g) ? seen : slot, first, last);
}

static int threads_of(const fn_implicit *g)
{
    return (int)fn_implicit_least(fn_threads(), g->threads);
}

void fn_implicit_forward(const fn_implicit *g, float *const *y, const float *x,
                         const float *u, void *scratch)
{
    int64_t band = band_of(g), bands = fn_implicit_up(g->y_high, band);
    values v = {.x = x, .u = u};
    for (int i = 0; i < g->parts; i++)
        v.y[i] = y[i];
#pragma omp parallel for schedule(static) num_threads(threads_of(g))
    for (int64_t k = 0; k < g->images * bands; k++)
        make(g, &v, (float *)scratch + omp_get_thread_num() * slot_floats(g), k / bands,
             k % bands * band);
}
