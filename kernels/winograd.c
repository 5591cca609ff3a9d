/* winograd -- F(4x4, 3x3): a tile of 4x4 outputs costs 36 multiplications for every pair of
 * channels, where the direct way takes 144 (Lavin & Gray 2016). F(2x2, 5x5) has the same 36 for
 * 2x2 outputs, which take 100.
 *
 *   V[i][t, c] = B' d B   of tile t of x        U[i][c, o] = G g G'
 *   M[i]       = V[i] U[i]                      36 products of matrices
 *   y          = A' M A   + bias, ReLU
 *
 * The gradient of x is the same with the kernel turned round; that of the kernel is
 *   dU[i] = V[i]' dM[i],  dM = A dy A',  dg = G' dU G.
 *
 * Some tiles go through all stages at a time, as many as leave their V in the second cache. Of
 * M there are never more than two vectors of output channels: they become y before the next two
 * are made, for which U alone comes from further away, in the order in which it lies. In a
 * product 14 tiles by 32 channels (with AVX-512) are sums in registers; the floats of V and U
 * lie as it reads them. The gradient of the kernel has V and dM of some tiles, and adds to all
 * of dU, which is as large as U, for every block of them.
 *
 * What is computed, and in which order it is summed, does not depend on the threads. The result
 * has about one digit less than the direct way's: 1e-5 of the largest value. Either side may be
 * bf16: that is how its numbers are read and written, and all between is float. */
#include "kernels/winograd.h"

#include "kernels/conv.h"
#include "kernels/format.h"
#include "kernels/threads.h"
#include "kernels/winograd_stages.h"

#include <omp.h>

enum {
    ALL = 36, /* products of matrices */
    /* From here on it pays: */
    LEAST_CHANNELS = 32, /* of a kernel of 5 half as many */
    LEAST_PIXELS = 128,  /* of all images: fewer, and U is read for too few tiles */
    /* Blocks: */
    CACHED = 128 * 1024, /* floats of V, half of a second cache of 1 MB */
    BACK = 56,           /* tiles at a time in the gradient of the kernel */
    LINE = 16            /* floats between matrices, lest all 36 fall into one cache set */
};

typedef fn_winograd_side side;
typedef fn_winograd_matrices matrices;
typedef fn_winograd_tiles tiles;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t up(int64_t a, int64_t b) /* a / b, rounded up */
{
    return (a + b - 1) / b;
}

static int64_t tiles_of(const fn_winograd *g)
{
    return g->x.dim[0] * g->high * g->wide;
}

/* --- the rule --- */

/* A block that the channels do not fill has padding, which nothing here writes. */
static bool fills(fn_shape s, fn_format f, int kernel)
{
    int64_t block = f == FN_BLOCK16 ? 16 : 8;
    int64_t channels = kernel == 3 ? LEAST_CHANNELS : LEAST_CHANNELS / 2;
    return s.dim[1] >= channels && s.dim[1] % block == 0;
}

/* Small images leave much of their tiles empty: their pixels count for less. */
static bool gains(const fn_winograd *g)
{
    int64_t pixels = g->x.dim[0] * g->x.dim[2] * g->x.dim[3];
    int64_t places = tiles_of(g) * g->stages->out * g->stages->out;
    return pixels * pixels >= LEAST_PIXELS * places && places < 2 * pixels;
}

static bool sixteen(fn_shape s, fn_format f)
{
    return f != FN_BLOCK8 && s.dim[1] % 16 == 0;
}

/* NULL: none. 5x5 gains where products are this fast, and beside oneDNN's in float alone. */
static const fn_winograd_stages *stages_for(const fn_winograd *g, int kernel)
{
    if (kernel == 5 && (g->x_type != FN_F32 || g->y_type != FN_F32))
        return NULL;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && sixteen(g->x, g->x_format) &&
        sixteen(g->y, g->y_format))
        return kernel == 5 ? &fn_winograd5_avx512 : &fn_winograd_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return kernel == 5 ? &fn_winograd5_avx2 : &fn_winograd_avx2;
#endif
    return kernel == 3 ? &fn_winograd_any : NULL;
}

bool fn_winograd_fits(const fn_call *c)
{
    const fn_conv *a = c->attr;
    if (c->exact || (a->kernel != 3 && a->kernel != 5) || a->stride != 1 ||
        a->pad != FN_SAME)
        return false;
    fn_winograd g = fn_winograd_of(c);
    return g.stages && fills(g.x, g.x_format, g.kernel) &&
           fills(g.y, g.y_format, g.kernel) && gains(&g);
}

fn_winograd fn_winograd_of(const fn_call *c)
{
    fn_shape y = c->y[0].shape;
    fn_winograd g = {.x = c->x[0].shape,
                     .y = y,
                     .x_format = c->x[0].format,
                     .y_format = c->y[0].format,
                     .x_type = c->x[0].type,
                     .y_type = c->y[0].type,
                     .kernel = ((const fn_conv *)c->attr)->kernel};
    g.stages = stages_for(&g, g.kernel);
    if (!g.stages)
        return g;
    g.high = up(y.dim[2], g.stages->out);
    g.wide = up(y.dim[3], g.stages->out);
    return g;
}

/* --- sizes --- */

int64_t fn_winograd_floats(const fn_winograd *g)
{
    return ALL * g->x.dim[1] * g->y.dim[1];
}

static int64_t step_of(int64_t rows, int64_t channels)
{
    return rows * channels + LINE;
}

/* Whole groups of tiles. */
static int64_t tiles_at_once(const fn_winograd *g, int64_t channels)
{
    int64_t rows = g->stages->rows;
    return most(CACHED / (ALL * channels * rows), 1) * rows;
}

static int64_t slot_floats(const fn_winograd *g, int64_t channels) /* V and M */
{
    int64_t rows = tiles_at_once(g, channels);
    return ALL * (step_of(rows, channels) + step_of(rows, g->stages->channels));
}

static int64_t slot_back_floats(const fn_winograd *g) /* V and dM */
{
    return ALL * (step_of(BACK, g->x.dim[1]) + step_of(BACK, g->y.dim[1]));
}

/* The slots, one a thread, behind the kernel's gradient. */
size_t fn_winograd_scratch(const fn_winograd *g)
{
    int64_t slot = most(slot_floats(g, g->x.dim[1]), slot_floats(g, g->y.dim[1]));
    int64_t floats = fn_threads() * most(slot, slot_back_floats(g));
    return (size_t)(fn_winograd_floats(g) + floats) * sizeof(float);
}

/* --- passes --- */

void fn_winograd_pack(float *u, const fn_winograd *g, const float *w, bool back)
{
    int64_t o = g->y.dim[1], c = g->x.dim[1], columns = back ? c : o;
#pragma omp parallel for
    for (int64_t k = 0; k < columns; k += g->stages->lanes)
        g->stages->pack(u, w, o, c, back, k);
}

static side side_of(const fn_winograd *g, fn_shape s, fn_format f, fn_type t)
{
    int64_t together = f == FN_PLAIN ? s.dim[1] : fn_format_block(f);
    return (side){s.dim[1], together, s.dim[2], s.dim[3], g->high, g->wide, t == FN_BF16};
}

/* From one side to the other through the packed kernel. */
typedef struct way {
    const fn_winograd *g;
    side from, to;
    const void *x, *masked;
    const float *u;
    void *y;
    float *slots;
    fn_winograd_ending ending;
    int64_t rows; /* tiles at a time */
} way;

/* Some tiles, of the output channels from `channel` to `end`. */
static void convolve_some(const way *w, tiles t, int64_t channel, int64_t end)
{
    const fn_winograd_stages *s = w->g->stages;
    int64_t in = w->from.channels;
    float *slot = w->slots + omp_get_thread_num() * slot_floats(w->g, in);
    matrices v = {slot, s->rows, step_of(w->rows, in)};
    matrices m = {slot + ALL * v.step, w->rows, step_of(w->rows, s->channels)};
    s->lay_input(v, &w->from, w->x, w->masked, t);
    for (int64_t c = channel; c < end; c += s->channels) {
        int64_t out = least(s->channels, end - c);
        s->multiply(m, v, t.count, w->u + c * ALL * in, in, out);
        s->give_output(w->y, &w->to, m, c, out, t, w->ending);
    }
}

/* Tiles at a time, so that every thread has some, if that leaves them two groups each. */
static int64_t rows_of(const way *w)
{
    int64_t group = w->g->stages->rows, share = up(tiles_of(w->g), fn_threads());
    int64_t rows = tiles_at_once(w->g, w->from.channels);
    return share < 2 * group ? rows : least(rows, up(share, group) * group);
}

/* The threads share tiles; where these are few, channels too, and then each makes V again. */
static void convolve(way w)
{
    int64_t all = tiles_of(w.g), width = w.g->stages->channels;
    w.rows = rows_of(&w);
    int64_t blocks = up(all, w.rows), panels = up(w.to.channels, width);
    int64_t parts = least(most(fn_threads() / blocks, 1), panels);
#pragma omp parallel for schedule(static)
    for (int64_t k = 0; k < blocks * parts; k++) {
        int64_t first = k / parts * w.rows, part = k % parts;
        convolve_some(&w, (tiles){first, least(w.rows, all - first)},
                      panels * part / parts * width,
                      least(panels * (part + 1) / parts * width, w.to.channels));
    }
}

void fn_winograd_forward(const fn_winograd *g, void *y, const void *x, const float *u,
                         const float *bias, bool relu, void *scratch)
{
    convolve((way){.g = g,
                   .from = side_of(g, g->x, g->x_format, g->x_type),
                   .to = side_of(g, g->y, g->y_format, g->y_type),
                   .x = x,
                   .u = u,
                   .y = y,
                   .slots = scratch,
                   .ending = {bias, relu}});
}

void fn_winograd_back(const fn_winograd *g, void *dx, const void *dy, const void *masked,
                      const float *u, void *scratch)
{
    convolve((way){.g = g,
                   .from = side_of(g, g->y, g->y_format, g->y_type),
                   .to = side_of(g, g->x, g->x_format, g->x_type),
                   .x = dy,
                   .masked = masked,
                   .u = u,
                   .y = dx,
                   .slots = scratch});
}

/* The gradients of the kernel and of the bias. */
typedef struct sums {
    const fn_winograd *g;
    side from, to;
    const void *x, *dy, *masked;
    float *du, *db, *slots;
    int64_t v_step, m_step, slot;
} sums;

/* V or dM of some tiles. */
static void lay(const sums *w, float *slot, tiles t, bool gradient)
{
    const fn_winograd_stages *s = w->g->stages;
    if (gradient)
        s->lay_gradient((matrices){slot + ALL * w->v_step, BACK, w->m_step}, &w->to, w->dy,
                        w->masked, t);
    else
        s->lay_input((matrices){slot, BACK, w->v_step}, &w->from, w->x, NULL, t);
}

/* What a slot adds to the gradient for the channels of y from `o` on, in product i. */
static void add(const sums *w, const float *slot, int64_t count, int64_t i, int64_t o,
                bool first)
{
    enum { SUM = 7 }; /* in product 7 = (1, 1) of 6x6 A dy A' has the sum of a tile */
    const fn_winograd_stages *s = w->g->stages;
    int64_t in = w->from.channels, all = w->to.channels;
    const float *m = slot + ALL * w->v_step + i * w->m_step + o * BACK;
    fn_winograd_panel p = {BACK, count, in, least(s->channels_back, all - o), !first};
    s->multiply_back(w->du + (i * all + o) * in, slot + i * w->v_step, m, p);
    if (i == SUM && w->db)
        s->sum_rows(w->db + o, m, p);
}

/* The threads share tiles first, then the products: a gradient of its own for each thread
 * would be large. */
static void add_all(const sums *w)
{
    const fn_winograd *g = w->g;
    int64_t all = tiles_of(g), panels = up(w->to.channels, g->stages->channels_back);
    int threads = fn_threads();
#pragma omp parallel num_threads(threads)
    for (int64_t from = 0; from < all; from += (int64_t)BACK * threads) {
        int64_t slots = least(threads, up(all - from, BACK));
#pragma omp for schedule(static)
        for (int64_t k = 0; k < 2 * slots; k++) {
            int64_t first = from + k / 2 * BACK;
            lay(w, w->slots + k / 2 * w->slot, (tiles){first, least(BACK, all - first)},
                k % 2);
        }
#pragma omp for schedule(static)
        for (int64_t part = 0; part < ALL * panels; part++)
            for (int64_t k = 0; k < slots; k++)
                add(w, w->slots + k * w->slot, least(BACK, all - from - k * BACK),
                    part / panels, part % panels * g->stages->channels_back, from + k == 0);
    }
}

void fn_winograd_back_w(const fn_winograd *g, float *dw, float *db, const void *x,
                        const void *dy, const void *masked, void *scratch)
{
    int64_t c = g->x.dim[1], o = g->y.dim[1];
    float *du = scratch;
    add_all(&(sums){.g = g,
                    .from = side_of(g, g->x, g->x_format, g->x_type),
                    .to = side_of(g, g->y, g->y_format, g->y_type),
                    .x = x,
                    .dy = dy,
                    .masked = masked,
                    .du = du,
                    .db = db,
                    .slots = du + fn_winograd_floats(g),
                    .v_step = step_of(BACK, c),
                    .m_step = step_of(BACK, o),
                    .slot = slot_back_floats(g)});
    if (!dw)
        return;
#pragma omp parallel for
    for (int64_t k = 0; k < o; k += g->stages->lanes)
        g->stages->unpack(dw, du, o, c, k);
}
