/* implicit_tiles_body.h -- see kernels/implicit_tiles.h. Who includes this has defined FN_TILES,
 * the table's name; FN_LANES; FN_ROWS, as many rows of two vectors as there are registers for
 * sums; and EACH_ROWS(X), which is X(1) X(2) ... up to that. The lines of the rows that come next
 * are asked for beforehand: the processor does not see where so many short rows lead, and a
 * quarter of the time was waiting for them. */
#include "kernels/implicit_tiles.h"

#include <string.h>

#define FN_INLINE static inline __attribute__((always_inline))

typedef float lanes __attribute__((vector_size(4 * FN_LANES), aligned(4), may_alias));
typedef int32_t bits __attribute__((vector_size(4 * FN_LANES)));

enum { LANES = FN_LANES, LINE = FN_TILE_LINE, AHEAD = 32 };

/* NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result): of lanes, rows and vectors of a
 * tile, all below 100; loops over them unroll where they count in int */

FN_INLINE void add_products(lanes *sum, const float *a, int64_t row, const float *b,
                            int rows, int vectors)
{
    lanes x[2];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++)
        x[v] = *(const lanes *)(b + v * LANES);
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            sum[r * vectors + v] += a[r * row] * x[v];
}

FN_INLINE void ask_for(const float *a, int64_t row, int rows)
{
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++)
        __builtin_prefetch(a + r * row);
}

FN_INLINE void add_piece(lanes *sum, const fn_tile *t, const float *a, const float *b,
                         int rows, int vectors)
{
    /* Rows of one set fill it: asking for the next would evict them. */
    int64_t soon = t->row % FN_TILE_ALIAS ? rows * t->row : 0;
    for (int64_t k = 0; k < t->length; k += LINE) {
        int64_t end = t->length - k < LINE ? t->length : k + LINE;
        ask_for(a + soon + k, t->row, rows);
        for (int64_t i = k; i < end; i++)
            add_products(sum, a + i, t->row, b + i * vectors * LANES, rows, vectors);
    }
}

/* Through pointers, for a vector that is returned has to fit a register of the processor. */
FN_INLINE void finish(lanes *y, const lanes *sum, const lanes *bias, bool relu)
{
    lanes x = *sum + *bias;
    *y = relu ? (lanes)((bits)x & ~(x < 0)) : x;
}

FN_INLINE void store(const fn_tile *t, lanes *sum, int rows, int vectors)
{
    lanes bias[2] = {{0}};
    for (int v = 0; v < vectors && t->bias; v++)
        bias[v] = *(const lanes *)(t->bias + v * LANES);
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            finish((lanes *)(t->y + r * t->y_row + v * LANES), &sum[r * vectors + v],
                   &bias[v], t->relu);
}

/* Where the last vector is not full. */
FN_INLINE void store_some(const fn_tile *t, lanes *sum, int rows, int vectors)
{
    fn_tile own = *t;
    float y[FN_ROWS * 2 * LANES];
    own.y = y;
    own.y_row = vectors * LANES;
    store(&own, sum, rows, vectors);
    for (int r = 0; r < rows; r++)
        memcpy(t->y + r * t->y_row, y + r * own.y_row, (size_t)t->columns * sizeof *y);
}

FN_INLINE void multiply(const fn_tile *t, int rows, int vectors)
{
    lanes sum[FN_ROWS * 2];
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            __builtin_prefetch(t->y + r * t->y_row + v * LANES, 1);
#pragma GCC unroll 28
    for (int i = 0; i < rows * vectors; i++)
        sum[i] = (lanes){0};
    for (int64_t k = 0; k < t->pieces; k++)
        add_piece(sum, t, t->a + k * t->pitch, t->b + k * t->length * vectors * LANES, rows,
                  vectors);
    if (t->columns == vectors * LANES)
        store(t, sum, rows, vectors);
    else
        store_some(t, sum, rows, vectors);
}

FN_INLINE void load_sums(lanes *sum, const fn_tile_back *t, int rows, int vectors)
{
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            lanes zero = {0};
            const float *from = t->d + r * t->d_row + v * LANES;
            sum[r * vectors + v] = t->add ? *(const lanes *)from : zero;
        }
}

FN_INLINE void multiply_back(const fn_tile_back *t, int rows, int vectors)
{
    lanes sum[FN_ROWS * 2];
    const float *b = t->b;
    load_sums(sum, t, rows, vectors);
    for (int v = 0; v < vectors; v++)
        ask_for(t->d + rows * t->d_row + v * LANES, t->d_row, rows);
    for (int64_t line = 0; line < t->lines; line++) {
        const float *a = t->a + line * t->a_line;
        for (int64_t i = 0; i < t->pixels; i++, a += t->a_pixel, b += vectors * LANES) {
            __builtin_prefetch(a + AHEAD * t->a_pixel);
            add_products(sum, a, 1, b, rows, vectors);
        }
    }
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            *(lanes *)(t->d + r * t->d_row + v * LANES) = sum[r * vectors + v];
}

FN_INLINE void copy_rows(float *to, const float *a, int64_t pixel, int64_t pixels, int rows)
{
    for (int64_t i = 0; i < pixels; i++, to += rows, a += pixel)
        memcpy(to, a, (size_t)rows * sizeof *to);
}

/* Each number of rows is compiled by itself: sums are registers only if it is a constant. */
#define DEFINE(rows)                                                                   \
    static void one##rows(const fn_tile *t)                                            \
    {                                                                                  \
        multiply(t, rows, 1);                                                          \
    }                                                                                  \
    static void two##rows(const fn_tile *t)                                            \
    {                                                                                  \
        multiply(t, rows, 2);                                                          \
    }                                                                                  \
    static void one_back##rows(const fn_tile_back *t)                                  \
    {                                                                                  \
        multiply_back(t, rows, 1);                                                     \
    }                                                                                  \
    static void two_back##rows(const fn_tile_back *t)                                  \
    {                                                                                  \
        multiply_back(t, rows, 2);                                                     \
    }                                                                                  \
    static void gather##rows(float *to, const float *a, int64_t pixel, int64_t pixels) \
    {                                                                                  \
        copy_rows(to, a, pixel, pixels, rows);                                         \
    }
EACH_ROWS(DEFINE)

#define ENTRY(rows)        {one##rows, two##rows},
#define ENTRY_BACK(rows)   {one_back##rows, two_back##rows},
#define ENTRY_GATHER(rows) gather##rows,

static void multiply_any(const fn_tile *t, int rows)
{
    static void (*const of[][2])(const fn_tile *) = {EACH_ROWS(ENTRY)};
    of[rows - 1][t->columns > LANES](t);
}

static void multiply_back_any(const fn_tile_back *t, int rows)
{
    static void (*const of[][2])(const fn_tile_back *) = {EACH_ROWS(ENTRY_BACK)};
    of[rows - 1][t->columns > LANES](t);
}

static void gather_any(float *to, const float *a, int64_t pixel, int64_t pixels, int rows)
{
    static void (*const of[])(float *, const float *, int64_t,
                              int64_t) = {EACH_ROWS(ENTRY_GATHER)};
    of[rows - 1](to, a, pixel, pixels);
}

static void mask(float *to, const float *dy, const float *y, int64_t count)
{
    if (!y)
        memcpy(to, dy, (size_t)count * sizeof *to);
    for (int64_t i = 0; i < count && y; i++)
        to[i] = y[i] > 0 ? dy[i] : 0;
}

static void add_up(float *sum, const fn_tile_back *t)
{
    for (int64_t c = 0; c < t->columns; c += LANES) {
        lanes all = {0};
        for (int64_t i = 0; i < t->lines * t->pixels; i++)
            all += *(const lanes *)(t->b + i * t->columns + c);
        if (t->add)
            all += *(const lanes *)(sum + c);
        *(lanes *)(sum + c) = all;
    }
}

const fn_tiles FN_TILES = {.rows = FN_ROWS,
                           .lanes = LANES,
                           .multiply = multiply_any,
                           .multiply_back = multiply_back_any,
                           .gather = gather_any,
                           .mask = mask,
                           .add_up = add_up};

/* NOLINTEND(bugprone-implicit-widening-of-multiplication-result) */
