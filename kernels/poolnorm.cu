/* poolnorm on the GPU, forward, in both orders. A thread walks down the image: the row that two
 * windows share is looked at once. Notes say which tap won, as maxpool's do. */
#include "kernels/poolnorm.cuh"

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
static __device__ winners<M> best_of_row(int64_t image, int row, int column, const job &a,
                                         F term)
{
    winners<M> best = nobody<M>();
    UNROLL
    for (int tap = 0; tap < 3; tap++) {
        int c = 2 * column - 1 + tap;
        if (row >= 0 && row < a.p.x_high && c >= 0 && c < a.p.x_wide)
            challenge(&best, term(at_x(image, row, c, a)).v, tap);
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
static __device__ void walk_windows(int64_t number, const job &a, F term, G give)
{
    pixel from = pixel_of(number, (a.p.y_high + BAND - 1) / BAND, a.p.y_wide);
    int row = from.row * BAND, end = row + BAND < a.p.y_high ? row + BAND : a.p.y_high;
    winners<M> top = best_of_row<M>(from.image, 2 * row - 1, from.column, a, term);
    for (; row < end; row++) {
        winners<M> middle = best_of_row<M>(from.image, 2 * row, from.column, a, term);
        winners<M> bottom = best_of_row<M>(from.image, 2 * row + 1, from.column, a, term);
        challenge(&top, middle, 3);
        challenge(&top, bottom, 6);
        give(at_y(from.image, row, from.column, a), top);
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

template <typename T, int N>
static __global__ void pool_norm(T *y, T *pooled, uint8_t *note, const T *x,
                                 const float *bias, job a)
{
    int64_t channel = my_column() * N, channels = a.p.channels;
    if (channel >= channels)
        return;
    const wide<N> b = read_bias<N>(bias, channel, channels);
    for (int64_t number = my_row(); number < a.bands; number += row_stride())
        walk_windows<3 * N>(
            number, a, [=](int64_t at) { return read_wide<N>(x + at, channel, channels); },
            [=](int64_t at, const winners<3 * N> &won) {
                wide<N> v;
                lanes<N> middle;
                UNROLL
                for (int k = 0; k < 3 * N; k++)
                    v.v[k] = won.v[k];
                v = activated(v, b, a.relu);
                write(y + at + channel, normalised(v, a.norm));
                if (!note)
                    return;
                for (int k = 0; k < N; k++)
                    middle.v[k] = v.v[N + k];
                write(pooled + at + channel, middle);
                write_note<N>(note + at + channel, won.tap + N);
            });
}

template <typename T, int N>
static __global__ void norm_pool(T *y, uint8_t *note, const T *x, const float *bias, job a)
{
    int64_t channel = my_column() * N, channels = a.p.channels;
    if (channel >= channels)
        return;
    const wide<N> b = read_bias<N>(bias, channel, channels);
    for (int64_t number = my_row(); number < a.bands; number += row_stride())
        walk_windows<N>(
            number, a,
            [=](int64_t at) {
                return normalised(
                    activated(read_wide<N>(x + at, channel, channels), b, a.relu), a.norm);
            },
            [=](int64_t at, const winners<N> &won) {
                lanes<N> best;
                for (int k = 0; k < N; k++)
                    best.v[k] = won.v[k];
                write(y + at + channel, best);
                if (note)
                    write_note<N>(note + at + channel, won.tap);
            });
}

int fn_launch_poolnorm(void *y, void *pooled, void *note, const void *x,
                       const fn_poolnorm_launch *l, void *stream)
{
    const job a = job_of(l);
    FN_WITH_TYPE(l->type, {
        constexpr int N = pack<T>::SIZE;
        layout at = layout_of(a.bands, a.p.channels / N);
        if (l->attr->norm_first)
            LAUNCH((norm_pool<T, N>), at.grid, at.block, 0, stream, (T *)y, (uint8_t *)note,
                   (const T *)x, l->bias, a);
        else
            LAUNCH((pool_norm<T, N>), at.grid, at.block, 0, stream, (T *)y, (T *)pooled,
                   (uint8_t *)note, (const T *)x, l->bias, a);
    });
    return (int)cudaGetLastError();
}
