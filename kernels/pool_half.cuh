/* pool_half.cuh -- max pools of 3x3 with stride 2, which halve an image, for kernels that do more
 * on the way: the windows of a band of rows, from top to bottom, and the way back. */
#ifndef FN_KERNELS_POOL_HALF_CUH
#define FN_KERNELS_POOL_HALF_CUH

#include "kernels/pool.cuh"

/* Bands of rows of y, for every column of y: what threads share out. */
static inline int64_t half_bands(const pool &p)
{
    return p.images * ((p.y_high + BAND - 1) / BAND) * p.y_wide;
}

static __device__ inline int64_t at_x(int64_t image, int row, int column, const pool &p)
{
    return ((image * p.x_high + row) * p.x_wide + column) * p.channels;
}

static __device__ inline int64_t at_y(int64_t image, int row, int column, const pool &p)
{
    return ((image * p.y_high + row) * p.y_wide + column) * p.channels;
}

/* The greatest of some pixels, in M channels, and where it is. */
template <int M> struct winners {
    float v[M];
    int tap[M];
};

template <int M> static __device__ inline winners<M> nobody()
{
    winners<M> w;
    UNROLL
    for (int k = 0; k < M; k++) {
        w.v[k] = -INFINITY;
        w.tap[k] = 0;
    }
    return w;
}

/* Only a greater one wins: of equal ones that is the first. A NaN stays. */
template <int M>
static __device__ void challenge(winners<M> *best, const float (&v)[M], int tap)
{
    UNROLL
    for (int k = 0; k < M; k++)
        if (v[k] > best->v[k] || v[k] != v[k]) {
            best->v[k] = v[k];
            best->tap[k] = tap;
        }
}

/* Of the three pixels of row `row` under the windows of column `column`; taps 0 to 2. `term` has a
 * pixel's channels. */
template <int M, typename F>
static __device__ winners<M> best_of_row(int64_t image, int row, int column, const pool &p,
                                         F term)
{
    winners<M> best = nobody<M>();
    UNROLL
    for (int tap = 0; tap < 3; tap++) {
        int c = 2 * column - 1 + tap;
        if (row >= 0 && row < p.x_high && c >= 0 && c < p.x_wide)
            challenge(&best, term(at_x(image, row, c, p)).v, tap);
    }
    return best;
}

/* The winners of a row, whose taps begin at `first`, against those of the rows above. */
template <int M>
static __device__ void challenge(winners<M> *best, const winners<M> &row, int first)
{
    UNROLL
    for (int k = 0; k < M; k++)
        if (row.v[k] > best->v[k] || row.v[k] != row.v[k]) {
            best->v[k] = row.v[k];
            best->tap[k] = first + row.tap[k];
        }
}

/* Calls give(at, winners) for each window of a band; `at` is a pixel of y. */
template <int M, typename F, typename G>
static __device__ void walk_windows(int64_t number, const pool &p, F term, G give)
{
    pixel from = pixel_of(number, (p.y_high + BAND - 1) / BAND, p.y_wide);
    int row = from.row * BAND, end = row + BAND < p.y_high ? row + BAND : p.y_high;
    winners<M> top = best_of_row<M>(from.image, 2 * row - 1, from.column, p, term);
    for (; row < end; row++) {
        winners<M> middle = best_of_row<M>(from.image, 2 * row, from.column, p, term);
        winners<M> bottom = best_of_row<M>(from.image, 2 * row + 1, from.column, p, term);
        challenge(&top, middle, 3);
        challenge(&top, bottom, 6);
        give(at_y(from.image, row, from.column, p), top);
        top = bottom;
    }
}

template <int N> static __device__ void write_note(uint8_t *note, const int *tap)
{
    notes<uint8_t, N> won;
    for (int k = 0; k < N; k++)
        won.tap[k] = (uint8_t)tap[k];
    *reinterpret_cast<notes<uint8_t, N> *>(note) = won;
}

/* --- backward --- */

template <int N> struct window {
    lanes<N> gradient; /* of what was pooled; 0 where there is no window */
    notes<uint8_t, N> won;
};

template <int N>
static __device__ void add_if_won(lanes<N> *sum, const window<N> &w, int tap)
{
    for (int k = 0; k < N; k++)
        sum->v[k] += w.won.tap[k] == tap ? w.gradient.v[k] : 0;
}

/* dy of the windows over pixel x that channel `channel` on has won. */
template <int N, typename T>
static __device__ lanes<N> won_by(pixel x, const T *dy, const uint8_t *note,
                                  int64_t channel, const pool &p)
{
    span rows = windows_over(x.row, 3, p.y_high, p);
    span columns = windows_over(x.column, 3, p.y_wide, p);
    lanes<N> sum = {};
    for (int r = rows.first; r < rows.end; r++)
        for (int c = columns.first; c < columns.end; c++) {
            int64_t at = at_y(x.image, r, c, p) + channel;
            int tap = (x.row + 1 - 2 * r) * 3 + x.column + 1 - 2 * c;
            window<N> w = {read<N>(dy + at),
                           *reinterpret_cast<const notes<uint8_t, N> *>(note + at)};
            add_if_won(&sum, w, tap);
        }
    return sum;
}

#endif
