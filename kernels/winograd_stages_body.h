/* winograd_stages_body.h -- see kernels/winograd_stages.h. Who includes this has defined
 * FN_LANES; FN_ROWS and FN_VECTORS, whose product is the number of vectors of sums that `multiply`
 * keeps in registers; FN_ROWS_BACK and FN_VECTORS_BACK, instead of them in `multiply_back`, where
 * rows divide FN_LANES and vectors are 2 or 3; FN_STAGES, the table's name; and FN_KERNEL, 3 or 5,
 * if it is not 3. */
#include "kernels/winograd_stages.h"
#include "kernels/winograd_tile.h"
#include "kernels/winograd_values.h"

typedef fn_winograd_side side;
typedef fn_winograd_matrices matrices;
typedef fn_winograd_tiles tiles;
typedef fn_winograd_ending ending;
typedef fn_winograd_panel panel;
typedef int32_t bits __attribute__((vector_size(FN_LANES * 4)));

/* NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result): of taps, lanes and rows of a
 * tile, all below 100; loops over them unroll where they count in int */

/* --- kernels --- */

FN_INLINE fn_line line(float *at, ptrdiff_t step)
{
    return (fn_line){at, step};
}

static void pack(float *u, const float *w, int64_t o, int64_t c, bool back, int64_t column)
{
    int64_t rows = back ? o : c;
    u += column * FN_TILE_ALL * rows;
    for (int64_t r = 0; r < rows; r++) {
        float g[FN_TAPS * FN_LANES], d[FN_KERNEL * FN_TILE * FN_LANES];
        for (int k = 0; k < FN_LANES; k++) {
            const float *from = back ? w + (r * c + column + k) * FN_TAPS
                                     : w + ((column + k) * c + r) * FN_TAPS;
            for (int tap = 0; tap < FN_TAPS; tap++)
                g[tap * FN_LANES + k] = from[back ? FN_TAPS - 1 - tap : tap];
        }
        for (int k = 0; k < FN_KERNEL; k++)
            fn_tile_kernel(line(d + k * FN_LANES, FN_KERNEL * FN_LANES),
                           line(g + k * FN_LANES, FN_KERNEL * FN_LANES));
        for (int k = 0; k < FN_TILE; k++)
            fn_tile_kernel(line(u + (k * FN_TILE * rows + r) * FN_LANES, rows * FN_LANES),
                           line(d + k * FN_KERNEL * FN_LANES, FN_LANES));
    }
}

/* du [36][o / lanes][c][lanes] */
static void unpack(float *dw, float *du, int64_t o, int64_t c, int64_t column)
{
    du += column * c;
    for (int64_t r = 0; r < c; r++) {
        float d[FN_KERNEL * FN_TILE * FN_LANES], g[FN_TAPS * FN_LANES];
        for (int k = 0; k < FN_TILE; k++)
            fn_tile_kernel_back(line(d + k * FN_LANES, FN_TILE * FN_LANES),
                                line(du + k * o * c + r * FN_LANES, FN_TILE * o * c));
        for (int k = 0; k < FN_KERNEL; k++)
            fn_tile_kernel_back(line(g + k * FN_KERNEL * FN_LANES, FN_LANES),
                                line(d + k * FN_TILE * FN_LANES, FN_LANES));
        for (int k = 0; k < FN_LANES; k++)
            for (int tap = 0; tap < FN_TAPS; tap++)
                dw[((column + k) * c + r) * FN_TAPS + tap] = g[tap * FN_LANES + k];
    }
}

/* --- tiles --- */

/* A tile's place, and the pixels of it that are inside the image. */
typedef struct place {
    int64_t image, row, column; /* in tiles */
    int64_t channel;            /* where that of pixel (0, 0) of image 0 lies */
    int64_t origin;             /* where the tile's pixel (0, 0) lies, or would lie */
    int64_t top, bottom, left, right;
} place;

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static place first_place(const side *s, int64_t tile, int64_t channel)
{
    int64_t plane = s->height * s->width * s->lanes;
    return (place){.image = tile / (s->high * s->wide),
                   .row = tile / s->wide % s->high,
                   .column = tile % s->wide,
                   .channel = channel / s->lanes * plane + channel % s->lanes};
}

FN_INLINE void next_place(const side *s, place *p)
{
    if (++p->column < s->wide)
        return;
    p->column = 0;
    if (++p->row < s->high)
        return;
    p->row = 0;
    p->image++;
}

FN_INLINE void measure(const side *s, place *p, int size, int pad)
{
    int64_t row = p->row * FN_TILE_OUT - pad, column = p->column * FN_TILE_OUT - pad;
    int64_t image = p->image * s->height * s->width * s->channels;
    p->origin = image + p->channel + (row * s->width + column) * s->lanes;
    p->top = row < 0 ? -row : 0;
    p->bottom = least(size, s->height - row);
    p->left = column < 0 ? -column : 0;
    p->right = least(size, s->width - column);
}

/* Numbers of `side`, masked by the ReLU whose result `y` is, if any. `low` is a constant. */
typedef struct values {
    const side *side;
    const void *x, *y;
    bool low;
} values;

FN_INLINE fn_lanes pixel(values from, int64_t at)
{
    fn_lanes v = load(from.x, at, from.low);
    return from.y ? (fn_lanes)((bits)v & (load(from.y, at, from.low) > 0)) : v;
}

FN_INLINE void read_row(fn_line to, values from, place p, int64_t row, int size)
{
    const side *s = from.side;
    bool inside = row >= p.top && row < p.bottom;
    for (int c = 0; c < size; c++) {
        fn_lanes v = {0};
        if (inside && c >= p.left && c < p.right)
            v = pixel(from, p.origin + (row * s->width + c) * s->lanes);
        fn_set(to, c, v);
    }
}

enum { AHEAD = 4 }; /* tiles */

/* The rows of a tile are too short for the processor to see where they lead: without this
 * most of a transform's time was waiting for memory. */
FN_INLINE void fetch(values from, place p, int size)
{
    const side *s = from.side;
    for (int r = 0; r < size; r++)
        for (int c = 0; c < FN_TILE_OUT; c++) {
            int64_t at = p.origin + (r * s->width + c + (size - FN_TILE_OUT)) * s->lanes;
            __builtin_prefetch(address(from.x, at, from.low));
            if (from.y)
                __builtin_prefetch(address(from.y, at, from.low));
        }
}

/* The row of a tile, of one of the 36 matrices. */
FN_INLINE void lay_tile(fn_line to, values from, place p, int size, fn_transform *transform)
{
    _Alignas(64) float d[FN_TILE_ALL * FN_LANES], row[FN_TILE * FN_LANES];
    for (int r = 0; r < size; r++) {
        read_row(line(row, FN_LANES), from, p, r, size);
        transform(line(d + r * FN_TILE * FN_LANES, FN_LANES), line(row, FN_LANES));
    }
    for (int r = 0; r < FN_TILE; r++)
        transform(line(to.at + r * to.step, FN_TILE * to.step),
                  line(d + r * FN_LANES, FN_TILE * FN_LANES));
}

FN_INLINE void lay(matrices to, values read, tiles t, int size, fn_transform *transform)
{
    const side *s = read.side;
    for (int64_t c = 0; c < s->channels; c += FN_LANES) {
        place p = first_place(s, t.first, c), soon = first_place(s, t.first + AHEAD, c);
        for (int64_t from = 0; from < t.count; from += to.rows) {
            float *v = to.at + from * s->channels + c * to.rows;
            int64_t end = least(to.rows, t.count - from);
            for (int64_t k = 0; k < end; k++, v += FN_LANES, next_place(s, &p)) {
                measure(s, &soon, size, (size - FN_TILE_OUT) / 2);
                fetch(read, soon, size);
                next_place(s, &soon);
                measure(s, &p, size, (size - FN_TILE_OUT) / 2);
                lay_tile(line(v, to.step), read, p, size, transform);
            }
        }
    }
}

static void lay_input(matrices to, const side *s, const void *x, const void *y, tiles t)
{
    if (y && s->low)
        lay(to, (values){s, x, y, true}, t, FN_TILE, fn_tile_input);
    else if (y)
        lay(to, (values){s, x, y, false}, t, FN_TILE, fn_tile_input);
    else if (s->low)
        lay(to, (values){s, x, NULL, true}, t, FN_TILE, fn_tile_input);
    else
        lay(to, (values){s, x, NULL, false}, t, FN_TILE, fn_tile_input);
}

static void lay_gradient(matrices to, const side *s, const void *dy, const void *y, tiles t)
{
    if (y && s->low)
        lay(to, (values){s, dy, y, true}, t, FN_TILE_OUT, fn_tile_output_back);
    else if (y)
        lay(to, (values){s, dy, y, false}, t, FN_TILE_OUT, fn_tile_output_back);
    else if (s->low)
        lay(to, (values){s, dy, NULL, true}, t, FN_TILE_OUT, fn_tile_output_back);
    else
        lay(to, (values){s, dy, NULL, false}, t, FN_TILE_OUT, fn_tile_output_back);
}

FN_INLINE fn_lanes end(fn_lanes sum, fn_lanes bias, bool relu)
{
    sum += bias;
    return relu ? (fn_lanes)((bits)sum & ~(sum < 0)) : sum;
}

FN_INLINE void store(void *y, const side *s, fn_line from, place p, fn_lanes bias,
                     bool relu, bool low)
{
    _Alignas(64) float d[FN_TILE_OUT * FN_TILE * FN_LANES], row[FN_TILE_OUT * FN_LANES];
    for (int k = 0; k < FN_TILE; k++)
        fn_tile_output(line(d + k * FN_LANES, FN_TILE * FN_LANES),
                       line(from.at + k * from.step, FN_TILE * from.step));
    for (int r = 0; r < p.bottom; r++) {
        int64_t to = p.origin + r * s->width * s->lanes;
        fn_tile_output(line(row, FN_LANES), line(d + r * FN_TILE * FN_LANES, FN_LANES));
        for (int c = 0; c < p.right; c++)
            put(y, to + c * s->lanes, end(fn_get(line(row, FN_LANES), c), bias, relu), low);
    }
}

typedef struct channels {
    int64_t first, count;
} channels;

FN_INLINE void give(void *y, const side *s, matrices m, channels of, tiles t, ending e,
                    bool low)
{
    for (int64_t c = 0; c < of.count; c += FN_LANES) {
        place p = first_place(s, t.first, of.first + c);
        fn_lanes zero = {0};
        fn_lanes bias = e.bias ? *(const fn_lanes *)(e.bias + of.first + c) : zero;
        for (int64_t k = 0; k < t.count; k++, next_place(s, &p)) {
            measure(s, &p, FN_TILE_OUT, 0);
            store(y, s, line(m.at + c * m.rows + k * FN_LANES, m.step), p, bias, e.relu,
                  low);
        }
    }
}

static void give_output(void *y, const side *s, matrices m, int64_t channel, int64_t count,
                        tiles t, ending e)
{
    if (s->low)
        give(y, s, m, (channels){channel, count}, t, e, true);
    else
        give(y, s, m, (channels){channel, count}, t, e, false);
}

/* --- products --- */

/* Numbers from which sums of products are made: those of row r at k * step + r * row. */
typedef struct factor {
    const float *at;
    int64_t row, step;
} factor;

/* c[vectors][rows][lanes], `apart` floats from vector to vector, is made or added to. */
typedef struct sums {
    float *at;
    int64_t apart;
    bool add;
} sums;

FN_INLINE void load_sums(fn_lanes *sum, sums c, int rows, int vectors)
{
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            fn_lanes zero = {0};
            const float *from = c.at + v * c.apart + r * FN_LANES;
            sum[r * vectors + v] = c.add ? *(const fn_lanes *)from : zero;
        }
}

FN_INLINE void store_sums(sums c, const fn_lanes *sum, int rows, int vectors)
{
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            *(fn_lanes *)(c.at + v * c.apart + r * FN_LANES) = sum[r * vectors + v];
}

FN_INLINE void add_products(fn_lanes *sum, const float *a, int64_t a_row, const float *b,
                            int64_t apart, int rows, int vectors)
{
    fn_lanes x[FN_VECTORS > FN_VECTORS_BACK ? FN_VECTORS : FN_VECTORS_BACK];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        x[v] = *(const volatile fn_lanes *)(b + v * apart); /* once, not once a row */
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            sum[r * vectors + v] += a[r * a_row] * x[v];
}

/* c = a b, a [in / lanes][FN_ROWS][lanes], b [vectors][in][lanes] */
FN_INLINE void product(sums c, const float *a, const float *b, int64_t apart, int64_t in,
                       int rows, int vectors)
{
    fn_lanes sum[FN_ROWS * FN_VECTORS];
    load_sums(sum, c, rows, vectors);
    for (int64_t k = 0; k < in; k += FN_LANES, a += (FN_ROWS - 1) * FN_LANES)
        for (int l = 0; l < FN_LANES; l++, a++, b += FN_LANES)
            add_products(sum, a, FN_LANES, b, apart, rows, vectors);
    store_sums(c, sum, rows, vectors);
}

/* Of a last group that is not full, often half is enough. */
FN_INLINE void product_of(sums c, const float *a, const float *b, int64_t apart, int64_t in,
                          bool half, int vectors)
{
    if (half)
        product(c, a, b, apart, in, FN_ROWS / 2, vectors);
    else
        product(c, a, b, apart, in, FN_ROWS, vectors);
}

static void multiply(matrices m, matrices v, int64_t count, const float *u, int64_t in,
                     int64_t out)
{
    int64_t apart = FN_TILE_ALL * in * FN_LANES;
    for (int i = 0; i < FN_TILE_ALL; i++)
        for (int64_t t = 0; t < count; t += FN_ROWS) {
            sums c = {m.at + i * m.step + t * FN_LANES, m.rows * FN_LANES, false};
            const float *a = v.at + i * v.step + t * in;
            const float *b = u + i * in * FN_LANES;
            bool half = count - t <= FN_ROWS / 2;
            if (out == FN_VECTORS * FN_LANES)
                product_of(c, a, b, apart, in, half, FN_VECTORS);
            else
                product_of(c, a, b, apart, in, half, 1);
        }
}

/* c (+)= a' b, a [count][lanes], b [vectors][count][lanes] */
FN_INLINE void product_back(sums c, const float *a, const float *b, int64_t apart,
                            int64_t count, int vectors)
{
    fn_lanes sum[FN_ROWS_BACK * FN_VECTORS_BACK];
    load_sums(sum, c, FN_ROWS_BACK, vectors);
    for (int64_t k = 0; k < count; k++, a += FN_LANES, b += FN_LANES)
        add_products(sum, a, 1, b, apart, FN_ROWS_BACK, vectors);
    store_sums(c, sum, FN_ROWS_BACK, vectors);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written through `to` */
static void multiply_back(float *du, const float *v, const float *m, panel p)
{
    for (int64_t c = 0; c < p.in; c += FN_ROWS_BACK) {
        sums to = {du + c * FN_LANES, p.in * FN_LANES, p.add};
        const float *a = v + (c - c % FN_LANES) * p.rows + c % FN_LANES;
        if (p.out == FN_VECTORS_BACK * FN_LANES)
            product_back(to, a, m, p.rows * FN_LANES, p.count, FN_VECTORS_BACK);
        else if (p.out == 2 * FN_LANES)
            product_back(to, a, m, p.rows * FN_LANES, p.count, 2);
        else
            product_back(to, a, m, p.rows * FN_LANES, p.count, 1);
    }
}

static void sum_rows(float *db, const float *m, panel p)
{
    for (int64_t c = 0; c < p.out; c += FN_LANES) {
        fn_lanes sum = {0};
        for (int64_t t = 0; t < p.count; t++)
            sum += *(const fn_lanes *)(m + c * p.rows + t * FN_LANES);
        if (p.add)
            sum += *(const fn_lanes *)(db + c);
        *(fn_lanes *)(db + c) = sum;
    }
}

const fn_winograd_stages FN_STAGES = {
    .lanes = FN_LANES,
    .out = FN_TILE_OUT,
    .rows = FN_ROWS,
    .channels = FN_VECTORS * FN_LANES,
    .channels_back = FN_VECTORS_BACK * FN_LANES,
    .pack = pack,
    .unpack = unpack,
    .lay_input = lay_input,
    .lay_gradient = lay_gradient,
    .give_output = give_output,
    .multiply = multiply,
    .multiply_back = multiply_back,
    .sum_rows = sum_rows,
};
/* NOLINTEND(bugprone-implicit-widening-of-multiplication-result) */
