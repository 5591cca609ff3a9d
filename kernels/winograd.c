/* winograd -- F(4x4, 3x3): a tile of 4x4 outputs costs 36 multiplications for every pair of
 * channels, where the direct way takes 144 (Lavin & Gray 2016).
 *
 *   V[i][t, c] = B' d B   of tile t of x        U[i][c, o] = G g G'
 *   M[i]       = V[i] U[i]                      36 products of matrices
 *   y          = A' M A   + bias, ReLU
 *
 * The gradient of x is the same with the kernel turned round; that of the kernel is
 *   dU[i] = V[i]' dM[i],  dM = A dy A',  dg = G' dU G.
 * SOME tiles go through all stages at a time, so that V and M stay in the cache. The result
 * has about one digit less than the direct way's: 1e-5 of the largest value. */
#include "kernels/winograd.h"

#include "kernels/conv.h"
#include "kernels/format.h"
#include "kernels/gemm.h"
#include "kernels/threads.h"
#include "kernels/winograd_tile.h"

#include <string.h>

#include <omp.h>

enum { SOME = 64, LEAST = 64 }; /* tiles at a time; channels from which it pays */

/* A block that the channels do not fill has padding, which nothing here writes. */
static bool fills(fn_shape s, fn_format f)
{
    int64_t block = f == FN_PLAIN ? FN_TILE_LANES : fn_format_block(f);
    return s.dim[1] >= LEAST && s.dim[1] % block == 0;
}

bool fn_winograd_fits(const fn_call *c)
{
    const fn_conv *a = c->attr;
    fn_winograd g = fn_winograd_of(c);
    return !c->exact && a->kernel == 3 && a->stride == 1 && a->pad == FN_SAME &&
           fills(g.x, g.x_format) && fills(g.y, g.y_format) &&
           g.x.dim[0] * g.high * g.wide >= SOME;
}

fn_winograd fn_winograd_of(const fn_call *c)
{
    fn_shape y = c->y[0].shape;
    return (fn_winograd){.x = c->x[0].shape,
                         .y = y,
                         .x_format = c->x[0].format,
                         .y_format = c->y[0].format,
                         .high = (y.dim[2] + FN_TILE_OUT - 1) / FN_TILE_OUT,
                         .wide = (y.dim[3] + FN_TILE_OUT - 1) / FN_TILE_OUT};
}

int64_t fn_winograd_floats(const fn_winograd *g)
{
    return FN_TILE_ALL * g->x.dim[1] * g->y.dim[1];
}

static int64_t slot_floats(const fn_winograd *g) /* V and M of some tiles */
{
    return (int64_t)FN_TILE_ALL * SOME * (g->x.dim[1] + g->y.dim[1]);
}

/* The slots, one a thread, behind the kernel's gradient. */
size_t fn_winograd_scratch(const fn_winograd *g)
{
    int64_t floats = fn_winograd_floats(g) + fn_threads() * slot_floats(g);
    return (size_t)floats * sizeof(float);
}

/* --- kernels --- */

/* u[36][rows][columns]; eight columns at a time. Turned round for `back`. */
static void pack_lanes(float *u, const fn_winograd *g, const float *w, bool back,
                       int64_t at[2])
{
    int64_t channels = g->x.dim[1], rows = back ? g->y.dim[1] : channels;
    int64_t columns = back ? channels : g->y.dim[1];
    fn_lanes d[FN_TILE_ALL];
    for (int tap = 0; tap < 9; tap++)
        for (int k = 0; k < FN_TILE_LANES; k++) {
            int64_t o = back ? at[0] : at[1] + k, c = back ? at[1] + k : at[0];
            d[tap / 3 * FN_TILE + tap % 3][k] =
                w[(o * channels + c) * 9 + (back ? 8 - tap : tap)];
        }
    fn_tile_both(d, fn_tile_kernel, 3, FN_TILE);
    for (int i = 0; i < FN_TILE_ALL; i++)
        *(fn_lanes *)(u + (i * rows + at[0]) * columns + at[1]) = d[i];
}

void fn_winograd_pack(float *u, const fn_winograd *g, const float *w, bool back)
{
    int64_t rows = back ? g->y.dim[1] : g->x.dim[1];
    int64_t columns = back ? g->x.dim[1] : g->y.dim[1];
#pragma omp parallel for
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c += FN_TILE_LANES)
            pack_lanes(u, g, w, back, (int64_t[]){r, c});
}

static void unpack_lanes(float *dw, const fn_winograd *g, const float *du, int64_t c,
                         int64_t o)
{
    fn_lanes d[FN_TILE_ALL];
    for (int i = 0; i < FN_TILE_ALL; i++)
        d[i] = *(const fn_lanes *)(du + (i * g->x.dim[1] + c) * g->y.dim[1] + o);
    fn_tile_both(d, fn_tile_kernel_back, FN_TILE, 3);
    for (int tap = 0; tap < 9; tap++)
        for (int k = 0; k < FN_TILE_LANES; k++)
            dw[((o + k) * g->x.dim[1] + c) * 9 + tap] = d[tap / 3 * FN_TILE + tap % 3][k];
}

/* --- tiles --- */

/* One side of the convolution as it lies in memory: pixels `lanes` floats apart. */
typedef struct side {
    const fn_winograd *g;
    int64_t channels, lanes, high, wide; /* of an image */
} side;

static side side_of(const fn_winograd *g, fn_shape s, fn_format f)
{
    return (side){g, s.dim[1], f == FN_PLAIN ? s.dim[1] : fn_format_block(f), s.dim[2],
                  s.dim[3]};
}

/* The pixels of a tile that are inside the image, and where its pixel (0, 0) lies or would
 * lie, of eight channels from `c` on. */
typedef struct area {
    int64_t origin, top, bottom, left, right;
} area;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static area area_of(const side *s, int64_t tile, int64_t c, int size, int pad)
{
    int64_t column = tile % s->g->wide * FN_TILE_OUT - pad;
    int64_t row = tile / s->g->wide % s->g->high * FN_TILE_OUT - pad;
    int64_t blocks = (s->channels + s->lanes - 1) / s->lanes;
    int64_t plane = tile / (s->g->wide * s->g->high) * blocks + c / s->lanes;
    return (area){.origin = ((plane * s->high + row) * s->wide + column) * s->lanes +
                            c % s->lanes,
                  .top = row < 0 ? -row : 0,
                  .bottom = least(size, s->high - row),
                  .left = column < 0 ? -column : 0,
                  .right = least(size, s->wide - column)};
}

static void load(fn_lanes d[FN_TILE_ALL], const side *s, const float *x, area a)
{
    memset(d, 0, FN_TILE_ALL * sizeof *d);
    for (int64_t r = a.top; r < a.bottom; r++)
        for (int64_t c = a.left; c < a.right; c++)
            d[r * FN_TILE + c] = *(const fn_lanes *)(x + a.origin +
                                                     (r * s->wide + c) * s->lanes);
}

/* v[36][count][channels] of the tiles from `first` on: what forward multiplies. */
static void lay_input(float *v, const side *s, const float *x, int64_t first, int64_t count)
{
    fn_lanes d[FN_TILE_ALL];
    for (int64_t c = 0; c < s->channels; c += FN_TILE_LANES)
        for (int64_t t = 0; t < count; t++) {
            load(d, s, x, area_of(s, first + t, c, FN_TILE, 1));
            fn_tile_both(d, fn_tile_input, FN_TILE, FN_TILE);
            for (int i = 0; i < FN_TILE_ALL; i++)
                *(fn_lanes *)(v + (i * count + t) * s->channels + c) = d[i];
        }
}

static void lay_gradient(float *m, const side *s, const float *dy, int64_t first,
                         int64_t count)
{
    fn_lanes d[FN_TILE_ALL];
    for (int64_t c = 0; c < s->channels; c += FN_TILE_LANES)
        for (int64_t t = 0; t < count; t++) {
            load(d, s, dy, area_of(s, first + t, c, FN_TILE_OUT, 0));
            fn_tile_both(d, fn_tile_output_back, FN_TILE_OUT, FN_TILE);
            for (int i = 0; i < FN_TILE_ALL; i++)
                *(fn_lanes *)(m + (i * count + t) * s->channels + c) = d[i];
        }
}

/* What becomes of the sums. */
typedef struct ending {
    const float *bias; /* NULL: none */
    bool relu;
} ending;

static void store(float *y, const side *s, const fn_lanes d[FN_TILE_ALL], area a, ending e,
                  int64_t channel)
{
    fn_lanes zero = {0}, bias = e.bias ? *(const fn_lanes *)(e.bias + channel) : zero;
    for (int64_t r = 0; r < a.bottom; r++)
        for (int64_t c = 0; c < a.right; c++) {
            fn_lanes sum = d[r * FN_TILE + c] + bias;
            for (int k = 0; k < FN_TILE_LANES; k++)
                sum[k] = e.relu && sum[k] < 0 ? 0 : sum[k];
            *(fn_lanes *)(y + a.origin + (r * s->wide + c) * s->lanes) = sum;
        }
}

static void give_output(float *y, const side *s, const float *m, int64_t first,
                        int64_t count, ending e)
{
    fn_lanes d[FN_TILE_ALL];
    for (int64_t c = 0; c < s->channels; c += FN_TILE_LANES)
        for (int64_t t = 0; t < count; t++) {
            for (int i = 0; i < FN_TILE_ALL; i++)
                d[i] = *(const fn_lanes *)(m + (i * count + t) * s->channels + c);
            fn_tile_both(d, fn_tile_output, FN_TILE, FN_TILE_OUT);
            store(y, s, d, area_of(s, first + t, c, FN_TILE_OUT, 0), e, c);
        }
}

/* --- passes --- */

static fn_status checked(bool failed)
{
    return failed ? fn_fail(FN_EDEVICE, "oneDNN failed in a product of matrices") : FN_OK;
}

static int64_t tiles_of(const fn_winograd *g)
{
    return g->x.dim[0] * g->high * g->wide;
}

static int threads_of(const fn_winograd *g)
{
    return (int)least(fn_threads(), (tiles_of(g) + SOME - 1) / SOME);
}

/* From one side to the other through the packed kernel. */
static fn_status convolve(side to, float *y, side from, const float *x, const float *u,
                          ending e, float *slots)
{
    const fn_winograd *g = to.g;
    bool failed = false;
#pragma omp parallel for schedule(static) num_threads(threads_of(g)) reduction(|| : failed)
    for (int64_t first = 0; first < tiles_of(g); first += SOME) {
        int64_t count = least(SOME, tiles_of(g) - first);
        float *v = slots + omp_get_thread_num() * slot_floats(g);
        float *m = v + (int64_t)FN_TILE_ALL * SOME * from.channels;
        lay_input(v, &from, x, first, count);
        for (int i = 0; i < FN_TILE_ALL; i++)
            failed |= fn_gemm(false, false, count, to.channels, from.channels, 1,
                              v + i * count * from.channels, from.channels,
                              u + i * from.channels * to.channels, to.channels, 0,
                              m + i * count * to.channels, to.channels) != FN_OK;
        give_output(y, &to, m, first, count, e);
    }
    return checked(failed);
}

fn_status fn_winograd_forward(const fn_winograd *g, float *y, const float *x,
                              const float *u, const float *bias, bool relu, void *scratch)
{
    return convolve(side_of(g, g->y, g->y_format), y, side_of(g, g->x, g->x_format), x, u,
                    (ending){bias, relu}, scratch);
}

fn_status fn_winograd_back(const fn_winograd *g, float *dx, const float *dy, const float *u,
                           void *scratch)
{
    return convolve(side_of(g, g->x, g->x_format), dx, side_of(g, g->y, g->y_format), dy, u,
                    (ending){NULL, false}, scratch);
}

/* Sums of each channel over pixels, image by image, lest a long sum lose digits. */
static void add_bias_gradient(float *db, side s, const float *dy, int64_t images)
{
    int64_t pixels = s.high * s.wide, blocks = (s.channels + s.lanes - 1) / s.lanes;
#pragma omp parallel for
    for (int64_t c = 0; c < s.channels; c += FN_TILE_LANES) {
        fn_lanes sum = {0};
        for (int64_t n = 0; n < images; n++) {
            const float *from = dy + (n * blocks + c / s.lanes) * pixels * s.lanes +
                                c % s.lanes;
            fn_lanes part = {0};
            for (int64_t p = 0; p < pixels; p++)
                part += *(const fn_lanes *)(from + p * s.lanes);
            sum += part;
        }
        *(fn_lanes *)(db + c) = sum;
    }
}

/* The threads share tiles first, then the 36 products: a gradient of its own for each thread
 * would be large. */
static fn_status add_kernel_gradient(float *du, side x_side, const float *x, side y_side,
                                     const float *dy, float *slots)
{
    const fn_winograd *g = x_side.g;
    int64_t c = x_side.channels, o = y_side.channels, all = tiles_of(g);
    int threads = threads_of(g);
    bool failed = false;
#pragma omp parallel num_threads(threads) reduction(|| : failed)
    for (int64_t from = 0; from < all; from += (int64_t)SOME * threads) {
#pragma omp for schedule(static)
        for (int64_t t = 0; t < threads; t++) {
            int64_t first = from + t * SOME, count = least(SOME, all - first);
            float *v = slots + t * slot_floats(g);
            if (count > 0) {
                lay_input(v, &x_side, x, first, count);
                lay_gradient(v + (int64_t)FN_TILE_ALL * SOME * c, &y_side, dy, first,
                             count);
            }
        }
#pragma omp for schedule(static)
        for (int i = 0; i < FN_TILE_ALL; i++)
            for (int64_t t = 0; t < threads; t++) {
                int64_t count = least(SOME, all - from - t * SOME);
                const float *v = slots + t * slot_floats(g);
                const float *m = v + (int64_t)FN_TILE_ALL * SOME * c;
                if (count > 0)
                    failed |= fn_gemm(true, false, c, o, count, 1, v + i * count * c, c,
                                      m + i * count * o, o, from + t > 0 ? 1 : 0,
                                      du + i * c * o, o) != FN_OK;
            }
    }
    return checked(failed);
}

fn_status fn_winograd_back_w(const fn_winograd *g, float *dw, float *db, const float *x,
                             const float *dy, void *scratch)
{
    side x_side = side_of(g, g->x, g->x_format), y_side = side_of(g, g->y, g->y_format);
    float *du = scratch;
    if (db)
        add_bias_gradient(db, y_side, dy, g->y.dim[0]);
    if (!dw)
        return FN_OK;
    FN_TRY(add_kernel_gradient(du, x_side, x, y_side, dy, du + fn_winograd_floats(g)));
#pragma omp parallel for
    for (int64_t c = 0; c < x_side.channels; c++)
        for (int64_t o = 0; o < y_side.channels; o += FN_TILE_LANES)
            unpack_lanes(dw, g, du, c, o);
    return FN_OK;
}
