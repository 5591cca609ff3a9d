/* pool.cuh -- the windows of a pool, from both sides: a thread has one pixel and a column of
 * channels of what it writes, and reads all that goes into it. Nothing is added to memory. */
#ifndef FN_KERNELS_POOL_CUH
#define FN_KERNELS_POOL_CUH

#include "kernels/channels.cuh"
#include "kernels/pool_walk.h"

/* fn_pool_walk of a plain tensor, in the numbers that a GPU is fast with. */
struct pool {
    int64_t images, channels;
    int x_high, x_wide, y_high, y_wide, high, wide, stride, pad;
};

static inline pool pool_of(const fn_pool_walk *w)
{
    pool p = {};
    p.images = w->planes;
    p.channels = w->lanes;
    p.x_high = (int)w->x_high;
    p.x_wide = (int)w->x_wide;
    p.y_high = (int)w->y_high;
    p.y_wide = (int)w->y_wide;
    p.high = (int)w->high;
    p.wide = (int)w->wide;
    p.stride = (int)w->stride;
    p.pad = (int)w->pad;
    return p;
}

static inline int64_t x_pixels(const pool &p)
{
    return p.images * p.x_high * p.x_wide;
}

static inline int64_t y_pixels(const pool &p)
{
    return p.images * p.y_high * p.y_wide;
}

struct pixel {
    int64_t image;
    int row, column;
};

static __device__ inline pixel pixel_of(int64_t at, int high, int wide)
{
    int64_t line = quotient(at, wide), image = quotient(line, high);
    pixel p = {image, (int)(line - image * high), (int)(at - line * wide)};
    return p;
}

/* Which tap of a window won, for N channels, as it lies in memory. */
template <typename I, int N> struct alignas(sizeof(I) * N > 16 ? 16 : sizeof(I) * N) notes {
    I tap[N];
};

struct span {
    int first, end;
};

/* Pixels of an image under window i, along one axis. */
static __device__ inline span pixels_under(int i, int size, int pixels, const pool &p)
{
    int from = i * p.stride - p.pad, to = from + size;
    span s = {from < 0 ? 0 : from, to > pixels ? pixels : to};
    return s;
}

/* Windows over pixel i, along one axis. */
static __device__ inline span windows_over(int i, int size, int windows, const pool &p)
{
    int beyond = i + p.pad - size, last = (i + p.pad) / p.stride;
    span s = {beyond < 0 ? 0 : beyond / p.stride + 1, last < windows ? last + 1 : windows};
    return s;
}

/* The sum of term(at) over rectangle `rows` by `columns` of an image [high, wide] of column
 * `channel`; `at` is an element. */
template <int N, typename F>
static __device__ lanes<N> sum_over(int64_t image, span rows, span columns, int high,
                                    int wide, int64_t channels, int64_t channel, F term)
{
    lanes<N> sum = {};
    for (int r = rows.first; r < rows.end; r++)
        for (int c = columns.first; c < columns.end; c++) {
            lanes<N> t = term(((image * high + r) * wide + c) * channels + channel);
            for (int k = 0; k < N; k++)
                sum.v[k] += t.v[k];
        }
    return sum;
}

/* Under window y, of x. */
template <int N, typename F>
static __device__ lanes<N> sum_under(pixel y, const pool &p, int64_t channel, F term)
{
    return sum_over<N>(y.image, pixels_under(y.row, p.high, p.x_high, p),
                       pixels_under(y.column, p.wide, p.x_wide, p), p.x_high, p.x_wide,
                       p.channels, channel, term);
}

/* Over pixel x, of y. */
template <int N, typename F>
static __device__ lanes<N> sum_windows(pixel x, const pool &p, int64_t channel, F term)
{
    return sum_over<N>(x.image, windows_over(x.row, p.high, p.y_high, p),
                       windows_over(x.column, p.wide, p.y_wide, p), p.y_high, p.y_wide,
                       p.channels, channel, term);
}

/* --- windows of 3x3, stride 1: those over a pixel lie as those under it. A thread has some rows of
 * one column and walks down them, so that a term is made for three pixels instead of nine --- */

enum { BAND = 7 }; /* rows; two more terms than pixels */

static inline bool is_three(const pool &p)
{
    return p.high == 3 && p.wide == 3 && p.stride == 1 && p.pad == 1;
}

/* Bands of all columns: what threads share out. */
static inline int64_t band_count(const pool &p)
{
    return p.images * ((p.x_high + BAND - 1) / BAND) * p.x_wide;
}

/* The sum of term(at) over three neighbours in a row, and 0 beyond the image. */
template <int N, typename F>
static __device__ lanes<N> sum_of_three(int64_t image, int row, int column, const pool &p,
                                        int64_t channel, F term)
{
    lanes<N> sum = {};
    UNROLL
    for (int c = column - 1; c <= column + 1; c++)
        if (row >= 0 && row < p.x_high && c >= 0 && c < p.x_wide) {
            int64_t at = ((image * p.x_high + row) * p.x_wide + c) * p.channels + channel;
            lanes<N> t = term(at);
            for (int k = 0; k < N; k++)
                sum.v[k] += t.v[k];
        }
    return sum;
}

/* Calls give(at, the sum of term(at) over 3x3) for each pixel of a band. */
template <int N, typename F, typename G>
static __device__ void walk_band(int64_t number, const pool &p, int64_t channel, F term,
                                 G give)
{
    pixel from = pixel_of(number, (p.x_high + BAND - 1) / BAND, p.x_wide);
    int row = from.row * BAND, end = row + BAND < p.x_high ? row + BAND : p.x_high;
    lanes<N> above = sum_of_three<N>(from.image, row - 1, from.column, p, channel, term);
    lanes<N> here = sum_of_three<N>(from.image, row, from.column, p, channel, term);
    for (; row < end; row++) {
        lanes<N> below = sum_of_three<N>(from.image, row + 1, from.column, p, channel,
                                         term);
        for (int k = 0; k < N; k++)
            above.v[k] += here.v[k] + below.v[k];
        give(((from.image * p.x_high + row) * p.x_wide + from.column) * p.channels +
                 channel,
             above);
        above = here;
        here = below;
    }
}

#endif
