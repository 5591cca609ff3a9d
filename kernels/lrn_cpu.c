/* lrn on the CPU, in every format.
 *
 * A format is planes [pixels][lanes], `blocks` of them an image; plain is one block of all
 * channels. A few pixels at a time, the channels are laid side by side in strips with zeros
 * at both ends. There a sum over neighbours is one straight loop, whatever the format.
 *   forward    base = k + alpha/size * neighbours(x^2)    y = x base^-beta
 *   backward   t = dy x base^-(beta+1)
 *              dx = dy base^-beta - 2 alpha beta/size * x neighbours(t)
 * Strips live in the workspace, one slot a thread. */
#include "kernels/bf16.h"
#include "kernels/format.h"
#include "kernels/lrn.h"
#include "kernels/threads.h"

#include <math.h>

#include <omp.h>

enum { TILE = 8, STRIPS = 3 };

typedef struct geometry {
    int64_t images, blocks, pixels, lanes;
    int64_t channels; /* blocks * lanes */
    int64_t width;    /* floats of a pixel in a strip */
    int64_t half;     /* zeros at either end of it */
    const fn_lrn *attr;
} geometry;

static geometry geometry_of(const fn_call *c)
{
    const fn_lrn *a = c->attr;
    fn_shape s = c->x[0].shape;
    fn_format f = c->x[0].format;
    geometry g = {.images = s.dim[0],
                  .pixels = s.dim[2] * s.dim[3],
                  .lanes = f == FN_PLAIN ? s.dim[1] : fn_format_block(f),
                  .half = a->size / 2,
                  .attr = a};
    g.blocks = fn_format_numel(s, f) / (g.images * g.pixels * g.lanes);
    g.channels = g.blocks * g.lanes;
    g.width = (g.channels + 2 * g.half + 15) / 16 * 16;
    return g;
}

static size_t slot_bytes(geometry g)
{
    return (size_t)STRIPS * TILE * (size_t)g.width * sizeof(float);
}

static fn_status lrn_prepare(fn_call *c)
{
    c->workspace_bytes = (size_t)fn_threads() * slot_bytes(geometry_of(c));
    return FN_OK;
}

static int threads_of(const fn_call *c, geometry g)
{
    return fn_threads_with_slot(c->workspace_bytes, slot_bytes(g));
}

/* Some pixels of one image, and this thread's strips. */
typedef struct tile {
    const geometry *g;
    int64_t first, count;       /* number of its first pixel; pixels */
    float *sum, *factor, *ends; /* only `ends` has the zeros, and channel 0 behind them */
} tile;

static tile tile_of(const fn_call *c, const geometry *g, int64_t n, int64_t pixel)
{
    size_t slot = (size_t)omp_get_thread_num() * slot_bytes(*g);
    float *strip = (float *)((char *)c->workspace + slot);
    int64_t left = g->pixels - pixel;
    return (tile){.g = g,
                  .first = n * g->channels * g->pixels + pixel * g->lanes,
                  .count = left < TILE ? left : TILE,
                  .sum = strip,
                  .factor = strip + TILE * g->width,
                  .ends = strip + 2 * (int64_t)TILE * g->width};
}

static void zero_ends(tile t)
{
    for (int64_t p = 0; p < t.count; p++)
        for (int64_t i = 0; i < t.g->half; i++) {
            t.ends[p * t.g->width + i] = 0;
            t.ends[p * t.g->width + t.g->half + t.g->channels + i] = 0;
        }
}

/* to[c] = sum of the `size` floats of `ends` around channel c. */
static void add_neighbours(float *to, tile t)
{
    int64_t size = t.g->attr->size;
    for (int64_t p = 0; p < t.count; p++) {
        const float *from = t.ends + p * t.g->width;
        float *sum = to + p * t.g->width;
        if (size == 5)
            for (int64_t c = 0; c < t.g->channels; c++)
                sum[c] = from[c] + from[c + 1] + from[c + 2] + from[c + 3] + from[c + 4];
        else
            for (int64_t c = 0; c < t.g->channels; c++) {
                sum[c] = 0;
                for (int64_t i = 0; i < size; i++)
                    sum[c] += from[c + i];
            }
    }
}

/* From sums of squares: inverse = 1 / base, factor = base^-beta. */
static void raise_pixel(float *inverse, float *factor, const fn_lrn *a, int64_t count)
{
    float scale = a->alpha / (float)a->size;
    for (int64_t c = 0; c < count; c++)
        inverse[c] = 1 / (a->k + scale * inverse[c]);
    if (a->beta == 0.75f)
        for (int64_t c = 0; c < count; c++) {
            float root = sqrtf(inverse[c]);
            factor[c] = root * sqrtf(root);
        }
    else
        for (int64_t c = 0; c < count; c++)
            factor[c] = powf(inverse[c], a->beta);
}

static void raise_tile(tile t)
{
    add_neighbours(t.sum, t);
    for (int64_t p = 0; p < t.count; p++)
        raise_pixel(t.sum + p * t.g->width, t.factor + p * t.g->width, t.g->attr,
                    t.g->channels);
}

/* --- walks over a tile as it lies in the tensor; `lanes` and the type are constants where it
 * matters --- */

static inline int64_t in_tensor(tile t, int64_t block, int64_t pixel, int64_t lanes)
{
    return t.first + (block * t.g->pixels + pixel) * lanes;
}

static inline void lay_squares(tile t, const void *x, fn_type type, int64_t lanes)
{
    for (int64_t b = 0; b < t.g->blocks; b++)
        for (int64_t p = 0; p < t.count; p++) {
            int64_t at = in_tensor(t, b, p, lanes);
            float *to = t.ends + p * t.g->width + t.g->half + b * lanes;
            for (int64_t i = 0; i < lanes; i++) {
                float v = fn_load(x, type, at + i);
                to[i] = v * v;
            }
        }
}

static inline void give_y(tile t, void *y, const void *x, fn_type type, int64_t lanes)
{
    for (int64_t b = 0; b < t.g->blocks; b++)
        for (int64_t p = 0; p < t.count; p++) {
            int64_t at = in_tensor(t, b, p, lanes);
            const float *factor = t.factor + p * t.g->width + b * lanes;
            for (int64_t i = 0; i < lanes; i++)
                fn_store(y, type, at + i, fn_load(x, type, at + i) * factor[i]);
        }
}

/* ends = dy x factor / base; `sum` holds 1 / base. */
static inline void lay_terms(tile t, const void *x, const void *dy, fn_type type,
                             int64_t lanes)
{
    for (int64_t b = 0; b < t.g->blocks; b++)
        for (int64_t p = 0; p < t.count; p++) {
            int64_t at = in_tensor(t, b, p, lanes), on = p * t.g->width + b * lanes;
            for (int64_t i = 0; i < lanes; i++)
                t.ends[on + t.g->half + i] = fn_load(dy, type, at + i) *
                                             fn_load(x, type, at + i) * t.factor[on + i] *
                                             t.sum[on + i];
        }
}

static inline void give_dx(tile t, void *dx, const void *x, const void *dy, fn_type type,
                           int64_t lanes)
{
    const fn_lrn *a = t.g->attr;
    float scale = 2 * a->alpha * a->beta / (float)a->size;
    for (int64_t b = 0; b < t.g->blocks; b++)
        for (int64_t p = 0; p < t.count; p++) {
            int64_t at = in_tensor(t, b, p, lanes), on = p * t.g->width + b * lanes;
            for (int64_t i = 0; i < lanes; i++)
                fn_store(dx, type, at + i,
                         fn_load(dy, type, at + i) * t.factor[on + i] -
                             scale * fn_load(x, type, at + i) * t.sum[on + i]);
        }
}

static inline void forward_tile(const fn_call *c, tile t, fn_type type, int64_t lanes)
{
    zero_ends(t);
    lay_squares(t, c->x[0].data, type, lanes);
    raise_tile(t);
    give_y(t, c->y[0].data, c->x[0].data, type, lanes);
}

static inline void backward_tile(const fn_call *c, tile t, fn_type type, int64_t lanes)
{
    const void *x = c->x[0].data, *dy = c->dy[0].data;
    zero_ends(t);
    lay_squares(t, x, type, lanes);
    raise_tile(t);
    lay_terms(t, x, dy, type, lanes);
    add_neighbours(t.sum, t);
    give_dx(t, c->dx[0].data, x, dy, type, lanes);
}

static void forward_any(const fn_call *c, tile t)
{
    bool low = c->x[0].type == FN_BF16;
    if (t.g->lanes == 8 && !low)
        forward_tile(c, t, FN_F32, 8);
    else if (t.g->lanes == 16 && !low)
        forward_tile(c, t, FN_F32, 16);
    else if (t.g->lanes == 16)
        forward_tile(c, t, FN_BF16, 16);
    else
        forward_tile(c, t, c->x[0].type, t.g->lanes);
}

static void backward_any(const fn_call *c, tile t)
{
    bool low = c->x[0].type == FN_BF16;
    if (t.g->lanes == 8 && !low)
        backward_tile(c, t, FN_F32, 8);
    else if (t.g->lanes == 16 && !low)
        backward_tile(c, t, FN_F32, 16);
    else if (t.g->lanes == 16)
        backward_tile(c, t, FN_BF16, 16);
    else
        backward_tile(c, t, c->x[0].type, t.g->lanes);
}

static fn_status lrn_forward(const fn_call *c)
{
    const geometry g = geometry_of(c);
#pragma omp parallel for collapse(2) num_threads(threads_of(c, g))
    for (int64_t n = 0; n < g.images; n++)
        for (int64_t p = 0; p < g.pixels; p += TILE)
            forward_any(c, tile_of(c, &g, n, p));
    return FN_OK;
}

static fn_status lrn_backward(const fn_call *c)
{
    const geometry g = geometry_of(c);
    if (!c->dx[0].data)
        return FN_OK;
#pragma omp parallel for collapse(2) num_threads(threads_of(c, g))
    for (int64_t n = 0; n < g.images; n++)
        for (int64_t p = 0; p < g.pixels; p += TILE)
            backward_any(c, tile_of(c, &g, n, p));
    return FN_OK;
}

const fn_kernel fn_lrn_cpu = {
    .choose = fn_format_keep,
    .prepare = lrn_prepare,
    .forward = lrn_forward,
    .backward = lrn_backward,
};
