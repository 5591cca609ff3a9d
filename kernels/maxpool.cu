/* maxpool on the GPU. Forward in training notes which tap won, one byte an output, so that
 * backward reads neither x nor y: dy, notes and dx go over the bus once. */
#include "kernels/pool.cuh"

/* The greatest under a window, and its tap, counted in rows of the whole window; of equal ones
 * the first. A NaN at the first tap stays, as in the reference. */
template <typename I, int N, typename T>
static __device__ void greatest(lanes<N> *best, notes<I, N> *note, const T *x, pixel to,
                                const pool &p, int64_t channel)
{
    span rows = pixels_under(to.row, p.high, p.x_high, p);
    span columns = pixels_under(to.column, p.wide, p.x_wide, p);
    int top = to.row * p.stride - p.pad, left = to.column * p.stride - p.pad;
    bool first = true;
    for (int r = rows.first; r < rows.end; r++)
        for (int c = columns.first; c < columns.end; c++) {
            int64_t i = ((to.image * p.x_high + r) * p.x_wide + c) * p.channels + channel;
            lanes<N> v = read<N>(x + i);
            I tap = (I)((r - top) * p.wide + c - left);
            for (int k = 0; k < N; k++)
                if (first || v.v[k] > best->v[k]) {
                    best->v[k] = v.v[k];
                    note->tap[k] = tap;
                }
            first = false;
        }
}

template <typename T, int N, typename I>
static __global__ void forward(T *y, I *note, const T *x, pool p, int64_t pixels)
{
    int64_t channel = my_column() * N;
    if (channel >= p.channels)
        return;
    for (int64_t at = my_row(); at < pixels; at += row_stride()) {
        lanes<N> best = {};
        notes<I, N> won = {};
        int64_t i = at * p.channels + channel;
        greatest(&best, &won, x, pixel_of(at, p.y_high, p.y_wide), p, channel);
        write(y + i, best);
        if (note)
            *reinterpret_cast<notes<I, N> *>(note + i) = won;
    }
}

/* Adds dy of those windows over x that x has won. */
template <typename T, int N, typename I>
static __global__ void FOUR_BLOCKS backward(T *dx, const T *dy, const I *note, pool p,
                                            int64_t pixels)
{
    int64_t channel = my_column() * N;
    if (channel >= p.channels)
        return;
    for (int64_t at = my_row(); at < pixels; at += row_stride()) {
        pixel x = pixel_of(at, p.x_high, p.x_wide);
        span rows = windows_over(x.row, p.high, p.y_high, p);
        span columns = windows_over(x.column, p.wide, p.y_wide, p);
        lanes<N> sum = {};
        for (int r = rows.first; r < rows.end; r++)
            for (int c = columns.first; c < columns.end; c++) {
                int64_t i = ((x.image * p.y_high + r) * p.y_wide + c) * p.channels +
                            channel;
                int tap = (x.row + p.pad - r * p.stride) * p.wide + x.column + p.pad -
                          c * p.stride;
                notes<I, N> won = *reinterpret_cast<const notes<I, N> *>(note + i);
                lanes<N> v = read<N>(dy + i);
                for (int k = 0; k < N; k++)
                    sum.v[k] += won.tap[k] == (I)tap ? v.v[k] : 0;
            }
        write(dx + at * p.channels + channel, sum);
    }
}

/* Runs the statement with I the type of a note. */
#define WITH_NOTES(p, ...)                                                             \
    do {                                                                               \
        if (fn_launch_maxpool_note((int64_t)(p).high * (p).wide) == sizeof(uint8_t)) { \
            typedef uint8_t I;                                                         \
            __VA_ARGS__;                                                               \
        } else {                                                                       \
            typedef uint32_t I;                                                        \
            __VA_ARGS__;                                                               \
        }                                                                              \
    } while (0)

size_t fn_launch_maxpool_note(int64_t taps)
{
    return taps <= 256 ? sizeof(uint8_t) : sizeof(uint32_t);
}

int fn_launch_maxpool(void *y, void *note, const void *x, const fn_pool_walk *w, int type,
                      void *stream)
{
    const pool p = pool_of(w);
    WITH_NOTES(p, FN_WITH_LANES(type, p.channels, {
                   layout l = layout_of(y_pixels(p), p.channels / N);
                   LAUNCH((forward<T, N, I>), l.grid, l.block, 0, stream, (T *)y, (I *)note,
                          (const T *)x, p, y_pixels(p));
               }));
    return (int)cudaGetLastError();
}

int fn_launch_maxpool_back(void *dx, const void *dy, const void *note,
                           const fn_pool_walk *w, int type, void *stream)
{
    const pool p = pool_of(w);
    WITH_NOTES(p, FN_WITH_LANES(type, p.channels, {
                   layout l = layout_of(x_pixels(p), p.channels / N);
                   LAUNCH((backward<T, N, I>), l.grid, l.block, 0, stream, (T *)dx,
                          (const T *)dy, (const I *)note, p, x_pixels(p));
               }));
    return (int)cudaGetLastError();
}
