/* lrn on the GPU. Windows of five channels, those of all our networks, are made of 16 bytes and
 * the 16 bytes before and behind them, which the cache has: the tensors go over the bus once, x
 * and y forward, x, dy and dx backward. Other windows are made channel by channel. */
#include "kernels/lrn.cuh"

/* --- windows of five --- */

template <typename T, int N> static __global__ void forward(T *y, const T *x, constants a)
{
    int64_t at = my_column() * N;
    if (at >= a.channels)
        return;
    for (int64_t row = my_row(); row < a.rows; row += row_stride())
        write(y + row * a.channels + at,
              normalised(read_wide<N>(x + row * a.channels, at, a.channels), a));
}

template <typename T, int N>
static __global__ void backward(T *dx, const T *dy, const T *x, constants a)
{
    int64_t at = my_column() * N;
    if (at >= a.channels)
        return;
    for (int64_t row = my_row(); row < a.rows; row += row_stride()) {
        wide<N> v = read_wide<N>(x + row * a.channels, at, a.channels);
        wide<N> dv = read_wide<N>(dy + row * a.channels, at, a.channels);
        write(dx + row * a.channels + at, normalised_back(dv, v, a));
    }
}

/* --- any window, any number of channels: a thread has one --- */

struct window {
    int64_t first, end;
};

static __device__ window window_of(int64_t channel, const constants &a)
{
    window w = {channel - a.half, channel + a.half + 1};
    w.first = w.first < 0 ? 0 : w.first;
    w.end = w.end > a.channels ? a.channels : w.end;
    return w;
}

template <typename T>
static __device__ powers powers_at(const T *x, int64_t channel, const constants &a)
{
    window near = window_of(channel, a);
    float sum = 0;
    for (int64_t i = near.first; i < near.end; i++)
        sum += as_float(x[i]) * as_float(x[i]);
    return powers_of(sum, a);
}

template <typename T> static __global__ void forward_any(T *y, const T *x, constants a)
{
    int64_t channel = my_column();
    if (channel >= a.channels)
        return;
    for (int64_t row = my_row(); row < a.rows; row += row_stride()) {
        const T *from = x + row * a.channels;
        put(y + row * a.channels + channel,
            as_float(from[channel]) * powers_at(from, channel, a).factor);
    }
}

template <typename T>
static __global__ void backward_any(T *dx, const T *dy, const T *x, constants a)
{
    int64_t channel = my_column();
    if (channel >= a.channels)
        return;
    window near = window_of(channel, a);
    for (int64_t row = my_row(); row < a.rows; row += row_stride()) {
        const T *v = x + row * a.channels, *dv = dy + row * a.channels;
        float sum = 0;
        for (int64_t i = near.first; i < near.end; i++) {
            powers p = powers_at(v, i, a);
            sum += as_float(dv[i]) * as_float(v[i]) * p.factor * p.inverse;
        }
        put(dx + row * a.channels + channel,
            as_float(dv[channel]) * powers_at(v, channel, a).factor -
                a.slope * as_float(v[channel]) * sum);
    }
}

/* --- launchers --- */

template <typename T> static bool comes_in_packs(const constants &a)
{
    return a.half == HALF && a.channels % pack<T>::SIZE == 0;
}

int fn_launch_lrn(void *y, const void *x, const fn_lrn *attr, int64_t rows,
                  int64_t channels, int type, void *stream)
{
    const constants a = constants_of(attr, rows, channels);
    FN_WITH_TYPE(type, {
        constexpr int N = pack<T>::SIZE;
        bool packs = comes_in_packs<T>(a);
        layout l = layout_of(rows, packs ? channels / N : channels);
        if (packs)
            LAUNCH((forward<T, N>), l.grid, l.block, 0, stream, (T *)y, (const T *)x, a);
        else
            LAUNCH(forward_any<T>, l.grid, l.block, 0, stream, (T *)y, (const T *)x, a);
    });
    return (int)cudaGetLastError();
}

int fn_launch_lrn_back(void *dx, const void *dy, const void *x, const fn_lrn *attr,
                       int64_t rows, int64_t channels, int type, void *stream)
{
    const constants a = constants_of(attr, rows, channels);
    FN_WITH_TYPE(type, {
        constexpr int N = pack<T>::SIZE;
        bool packs = comes_in_packs<T>(a);
        layout l = layout_of(rows, packs ? channels / N : channels);
        if (packs)
            LAUNCH((backward<T, N>), l.grid, l.block, 0, stream, (T *)dx, (const T *)dy,
                   (const T *)x, a);
        else
            LAUNCH(backward_any<T>, l.grid, l.block, 0, stream, (T *)dx, (const T *)dy,
                   (const T *)x, a);
    });
    return (int)cudaGetLastError();
}
