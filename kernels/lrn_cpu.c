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
#include <string.h>

#include <omp.h>

enum { TILE = 8, STRIPS = 3 };

typedef struct geometry {
    int64_t images, blocks, pixels, lanes;
    int64_t channels; /* blocks * lanes */
    int64_t width;    /* floats of a pixel in a strip */
    int64_t half;     /* zeros at either end of it */
    fn_lrn attr;      /* as bytes see it, which are in steps */
    float step;       /* of x, in steps of y */
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
                  .attr = *a,
                  .step = fn_bytes_step(c->x[0]) / fn_bytes_step(c->y[0])};
    g.attr.alpha *= fn_bytes_step(c->x[0]) * fn_bytes_step(c->x[0]);
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

/* Some pixels of one image, and this thread's strips. The terms have zeros around a pixel's
 * channels. */
typedef struct tile {
    geometry g;
    int64_t first, count; /* number of its first pixel; pixels */
    float *squares, *terms;
    float *own; /* dy base^-beta */
} tile;

static tile tile_of(const fn_call *c, const geometry *g, int64_t n, int64_t pixel)
{
    size_t slot = (size_t)omp_get_thread_num() * slot_bytes(*g);
    float *strip = (float *)((char *)c->workspace + slot);
    int64_t left = g->pixels - pixel;
    return (tile){.g = *g,
                  .first = n * g->channels * g->pixels + pixel * g->lanes,
                  .count = left < TILE ? left : TILE,
                  .squares = strip,
                  .terms = strip + TILE * g->width,
                  .own = strip + 2 * (int64_t)TILE * g->width};
}

static void zero_ends(float *strip, tile t)
{
    for (int64_t p = 0; p < t.count; p++)
        for (int64_t i = 0; i < t.g.half; i++) {
            strip[p * t.g.width + i] = 0;
            strip[p * t.g.width + t.g.half + t.g.channels + i] = 0;
        }
}

/* The sum of `size` floats. A loop within a loop would keep bf16 from being vectors. */
static inline float sum_of(const float *at, int64_t size)
{
    if (size == 5)
        return at[0] + at[1] + at[2] + at[3] + at[4];
    float sum = 0;
    for (int64_t i = 0; i < size; i++)
        sum += at[i];
    return sum;
}

/* base^-1/4 to 1e-7, without a division or a root. The bits of a float are about its logarithm,
 * which gives the first guess (base root^4 is 1 but for 0.13); two steps make that 2e-4, which is
 * enough for a byte, and 1e-7. */
static inline float fourth_root(float base, bool rough)
{
    uint32_t bits;
    float root;
    memcpy(&bits, &base, sizeof bits);
    bits = 0x4f581000 - bits / 4;
    memcpy(&root, &bits, sizeof root);
    float lacks = 1 - base * (root * root) * (root * root);
    root += root * lacks * (0.25f + lacks * (0.15625f + lacks * 0.1171875f));
    if (rough)
        return root;
    lacks = 1 - base * (root * root) * (root * root);
    return root + root * lacks * 0.25f;
}

/* base^-beta and 1 / base. */
typedef struct powers {
    float factor, inverse;
} powers;

/* What is a constant where it matters: the types, the lanes, and the usual size and beta. */
typedef struct kind {
    fn_type type, to; /* of x; of y */
    int64_t lanes, size;
    bool usual, rough;
} kind;

static inline powers powers_of(const float *squares, fn_lrn a, kind k)
{
    float base = a.k + a.alpha / (float)k.size * sum_of(squares, k.size);
    if (!k.usual)
        return (powers){powf(base, -a.beta), 1 / base};
    float root = fourth_root(base, k.rough), square = root * root;
    return (powers){square * root, square * square};
}

/* --- the lanes of one pixel; a strip's neighbours begin at its first float --- */

static inline __attribute__((always_inline)) void square(float *restrict squares,
                                                         const void *restrict x, kind k)
{
#pragma omp simd
    for (int64_t i = 0; i < k.lanes; i++)
        squares[i] = fn_load_any(x, k.type, i) * fn_load_any(x, k.type, i);
}

static inline __attribute__((always_inline)) void give_y(void *restrict y,
                                                         const void *restrict x,
                                                         const float *restrict squares,
                                                         const geometry *g, kind k)
{
    fn_lrn a = g->attr;
#pragma omp simd
    for (int64_t i = 0; i < k.lanes; i++)
        fn_store_any(y, k.to, i,
                     g->step * fn_load_any(x, k.type, i) *
                         powers_of(squares + i, a, k).factor);
}

static inline __attribute__((always_inline)) void
lay_terms(float *restrict terms, float *restrict own, const void *restrict x,
          const void *restrict dy, const float *restrict squares, fn_lrn a, kind k)
{
#pragma omp simd
    for (int64_t i = 0; i < k.lanes; i++) {
        powers w = powers_of(squares + i, a, k);
        own[i] = fn_load(dy, k.type, i) * w.factor;
        terms[i] = own[i] * fn_load(x, k.type, i) * w.inverse;
    }
}

static inline __attribute__((always_inline)) void
give_dx(void *restrict dx, const void *restrict x, const float *restrict terms,
        const float *restrict own, float scale, kind k)
{
#pragma omp simd
    for (int64_t i = 0; i < k.lanes; i++)
        fn_store(dx, k.type, i,
                 own[i] - scale * fn_load(x, k.type, i) * sum_of(terms + i, k.size));
}

/* --- walks over a tile as it lies in the tensor --- */

/* One block of one pixel: where it lies in a tensor, and in a strip. */
typedef struct spot {
    int64_t in_tensor, in_strip;
} spot;

static inline spot spot_of(tile t, int64_t block, int64_t pixel, int64_t lanes)
{
    return (spot){t.first + (block * t.g.pixels + pixel) * lanes,
                  pixel * t.g.width + block * lanes};
}

static inline __attribute__((always_inline)) void square_all(const fn_call *c, tile t,
                                                             kind k)
{
    zero_ends(t.squares, t);
    for (int64_t b = 0; b < t.g.blocks; b++)
        for (int64_t p = 0; p < t.count; p++) {
            spot at = spot_of(t, b, p, k.lanes);
            square(t.squares + t.g.half + at.in_strip, fn_from(c->x[0], at.in_tensor), k);
        }
}

static inline __attribute__((always_inline)) void forward_tile(const fn_call *c, tile t,
                                                               kind k)
{
    square_all(c, t, k);
    for (int64_t b = 0; b < t.g.blocks; b++)
        for (int64_t p = 0; p < t.count; p++) {
            spot at = spot_of(t, b, p, k.lanes);
            give_y(fn_from(c->y[0], at.in_tensor), fn_from(c->x[0], at.in_tensor),
                   t.squares + at.in_strip, &t.g, k);
        }
}

/* In floats on the strips, which then are bytes; `k` is of floats. Pixel by pixel, it would wait
 * for what it has just stored: neighbours straddle that. */
static inline __attribute__((always_inline)) void byte_tile(const fn_call *c, tile t,
                                                            kind k)
{
    zero_ends(t.squares, t);
    for (int64_t p = 0; p < t.count; p++) {
        spot at = spot_of(t, 0, p, k.lanes);
        float *x = t.own + at.in_strip;
        fn_bytes_widen(x, fn_from(c->x[0], at.in_tensor), k.lanes);
        square(t.squares + t.g.half + at.in_strip, x, k);
    }
    kind all = k; /* what lies between the pixels is nobody's */
    all.lanes = t.count * t.g.width - 2 * t.g.half;
    give_y(t.terms, t.own, t.squares, &t.g, all);
    for (int64_t p = 0; p < t.count; p++) {
        spot at = spot_of(t, 0, p, k.lanes);
        fn_bytes_narrow(fn_from(c->y[0], at.in_tensor), t.terms + at.in_strip, k.lanes);
    }
}

static inline __attribute__((always_inline)) void backward_tile(const fn_call *c, tile t,
                                                                kind k)
{
    float scale = 2 * t.g.attr.alpha * t.g.attr.beta / (float)k.size;
    square_all(c, t, k);
    zero_ends(t.terms, t);
    for (int64_t b = 0; b < t.g.blocks; b++)
        for (int64_t p = 0; p < t.count; p++) {
            spot at = spot_of(t, b, p, k.lanes);
            lay_terms(t.terms + t.g.half + at.in_strip, t.own + at.in_strip,
                      fn_from(c->x[0], at.in_tensor), fn_from(c->dy[0], at.in_tensor),
                      t.squares + at.in_strip, t.g.attr, k);
        }
    for (int64_t b = 0; b < t.g.blocks; b++)
        for (int64_t p = 0; p < t.count; p++) {
            spot at = spot_of(t, b, p, k.lanes);
            give_dx(fn_from(c->dx[0], at.in_tensor), fn_from(c->x[0], at.in_tensor),
                    t.terms + at.in_strip, t.own + at.in_strip, scale, k);
        }
}

static kind kind_of(const fn_call *c, geometry g)
{
    bool usual = g.attr.size == 5 && g.attr.beta == 0.75f;
    return (kind){c->x[0].type, c->y[0].type, g.lanes, g.attr.size, usual, false};
}

static void forward_any(const fn_call *c, tile t)
{
    kind k = kind_of(c, t.g);
    if (!k.usual || k.type != k.to)
        forward_tile(c, t, k);
    else if (k.type == FN_U8)
        byte_tile(c, t, (kind){FN_F32, FN_F32, k.lanes, 5, true, true});
    else if (k.type == FN_BF16)
        forward_tile(c, t, (kind){FN_BF16, FN_BF16, k.lanes, 5, true, false});
    else if (k.lanes == 8)
        forward_tile(c, t, (kind){FN_F32, FN_F32, 8, 5, true, false});
    else if (k.lanes == 16)
        forward_tile(c, t, (kind){FN_F32, FN_F32, 16, 5, true, false});
    else
        forward_tile(c, t, (kind){FN_F32, FN_F32, k.lanes, 5, true, false});
}

static void backward_any(const fn_call *c, tile t)
{
    kind k = kind_of(c, t.g);
    if (!k.usual)
        backward_tile(c, t, k);
    else if (k.type == FN_BF16)
        backward_tile(c, t, (kind){FN_BF16, FN_BF16, k.lanes, 5, true, false});
    else if (k.lanes == 8)
        backward_tile(c, t, (kind){FN_F32, FN_F32, 8, 5, true, false});
    else if (k.lanes == 16)
        backward_tile(c, t, (kind){FN_F32, FN_F32, 16, 5, true, false});
    else
        backward_tile(c, t, (kind){FN_F32, FN_F32, k.lanes, 5, true, false});
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
    .bytes = true,
    .choose = fn_format_give,
    .prepare = lrn_prepare,
    .forward = lrn_forward,
    .backward = lrn_backward,
};
