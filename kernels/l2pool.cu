/* l2pool on the GPU. Neighbouring windows share what they read in the first-level cache: the
 * tensors go over the bus once, x and y forward, x, y, dy and dx backward. */
#include "kernels/pool.cuh"

template <int N, typename T> static __device__ lanes<N> squares(const T *x)
{
    lanes<N> v = read<N>(x);
    for (int k = 0; k < N; k++)
        v.v[k] *= v.v[k];
    return v;
}

template <typename T, int N>
static __global__ void forward(T *y, const T *x, pool p, float scale, int64_t pixels)
{
    int64_t channel = my_column() * N;
    if (channel >= p.channels)
        return;
    for (int64_t at = my_row(); at < pixels; at += row_stride()) {
        pixel to = pixel_of(at, p.y_high, p.y_wide);
        lanes<N> sum = sum_under<N>(to, p, channel,
                                    [=](int64_t i) { return squares<N>(x + i); });
        for (int k = 0; k < N; k++)
            sum.v[k] = sqrtf(scale * sum.v[k]);
        write(y + at * p.channels + channel, sum);
    }
}

/* dy / y, and 0 where y is. */
template <int N, typename T> static __device__ lanes<N> quotients(const T *dy, const T *y)
{
    lanes<N> q = read<N>(dy), by = read<N>(y);
    for (int k = 0; k < N; k++)
        q.v[k] = by.v[k] > 0 ? __fdividef(q.v[k], by.v[k]) : 0;
    return q;
}

template <typename T, int N>
static __global__ void backward(T *dx, const T *dy, const T *y, const T *x, pool p,
                                float scale, int64_t pixels)
{
    int64_t channel = my_column() * N;
    if (channel >= p.channels)
        return;
    for (int64_t at = my_row(); at < pixels; at += row_stride()) {
        pixel to = pixel_of(at, p.x_high, p.x_wide);
        int64_t i = at * p.channels + channel;
        lanes<N> v = read<N>(x + i), sum = sum_windows<N>(to, p, channel, [=](int64_t m) {
                                         return quotients<N>(dy + m, y + m);
                                     });
        for (int k = 0; k < N; k++)
            sum.v[k] *= scale * v.v[k];
        write(dx + i, sum);
    }
}

int fn_launch_l2pool(void *y, const void *x, const fn_pool_walk *w, float scale, int type,
                     void *stream)
{
    const pool p = pool_of(w);
    FN_WITH_LANES(type, p.channels, {
        layout l = layout_of(y_pixels(p), p.channels / N);
        LAUNCH((forward<T, N>), l.grid, l.block, 0, stream, (T *)y, (const T *)x, p, scale,
               y_pixels(p));
    });
    return (int)cudaGetLastError();
}

int fn_launch_l2pool_back(void *dx, const void *dy, const void *y, const void *x,
                          const fn_pool_walk *w, float scale, int type, void *stream)
{
    const pool p = pool_of(w);
    FN_WITH_LANES(type, p.channels, {
        layout l = layout_of(x_pixels(p), p.channels / N);
        LAUNCH((backward<T, N>), l.grid, l.block, 0, stream, (T *)dx, (const T *)dy,
               (const T *)y, (const T *)x, p, scale, x_pixels(p));
    });
    return (int)cudaGetLastError();
}
