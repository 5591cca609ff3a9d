/* lrn on the GPU. Windows of five channels, those of all our networks, are made of 16 bytes and
 * the 16 bytes before and behind them, which the cache has: the tensors go over the bus once, x
 * and y forward, x, dy and dx backward. Other windows are made channel by channel. */
#include "kernels/channels.cuh"
#include "kernels/lrn.h"

struct constants {
    float k, scale, beta, slope; /* scale: alpha/size; slope: 2 alpha beta/size */
    int half;
    int64_t rows, channels;
};

static constants constants_of(const fn_lrn *a, int64_t rows, int64_t channels)
{
    constants c = {};
    c.k = a->k;
    c.scale = a->alpha / (float)a->size;
    c.beta = a->beta;
    c.slope = 2 * a->alpha * a->beta / (float)a->size;
    c.half = a->size / 2;
    c.rows = rows;
    c.channels = channels;
    return c;
}

struct powers {
    float factor, inverse; /* base^-beta, 1 / base */
};

static __device__ powers powers_of(float squares, const constants &a)
{
    float base = a.k + a.scale * squares;
    powers p;
    if (a.beta == 0.75f) {
        float root = rsqrtf(base);
        p.inverse = root * root;
        p.factor = p.inverse * rsqrtf(root);
    } else {
        p.inverse = 1 / base;
        p.factor = powf(base, -a.beta);
    }
    return p;
}

/* --- windows of five --- */

enum { HALF = 2 };

/* A column and its neighbours on both sides, zeros beyond the ends of the row. */
template <int N> struct wide {
    float v[3 * N];
};

template <int N, typename T>
static __device__ wide<N> read_wide(const T *row, int64_t at, int64_t channels)
{
    wide<N> out;
    UNROLL
    for (int part = 0; part < 3; part++) {
        int64_t from = at + (part - 1) * N;
        lanes<N> v = {};
        if (from >= 0 && from < channels)
            v = read<N>(row + from);
        for (int k = 0; k < N; k++)
            out.v[part * N + k] = v.v[k];
    }
    return out;
}

/* Around element i of x. */
template <int N> static __device__ float squares_around(const wide<N> &x, int i)
{
    float sum = 0;
    UNROLL
    for (int m = i - HALF; m <= i + HALF; m++)
        sum += x.v[m] * x.v[m];
    return sum;
}

template <typename T, int N> static __global__ void forward(T *y, const T *x, constants a)
{
    int64_t at = my_column() * N;
    if (at >= a.channels)
        return;
    for (int64_t row = my_row(); row < a.rows; row += row_stride()) {
        wide<N> v = read_wide<N>(x + row * a.channels, at, a.channels);
        lanes<N> out;
        UNROLL
        for (int k = 0; k < N; k++)
            out.v[k] = v.v[N + k] * powers_of(squares_around(v, N + k), a).factor;
        write(y + row * a.channels + at, out);
    }
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
        float term[N + 2 * HALF]; /* dy x base^-(beta + 1), of HALF more on both sides */
        lanes<N> out;
        UNROLL
        for (int i = 0; i < N + 2 * HALF; i++) {
            int on = N - HALF + i;
            powers p = powers_of(squares_around(v, on), a);
            term[i] = dv.v[on] * v.v[on] * p.factor * p.inverse;
            if (i >= HALF && i < N + HALF)
                out.v[i - HALF] = dv.v[on] * p.factor;
        }
        UNROLL
        for (int k = 0; k < N; k++) {
            float sum = 0;
            UNROLL
            for (int i = k; i <= k + 2 * HALF; i++)
                sum += term[i];
            out.v[k] -= a.slope * v.v[N + k] * sum;
        }
        write(dx + row * a.channels + at, out);
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
