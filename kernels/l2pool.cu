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
static __device__ void give_root(T *y, lanes<N> sum, float scale)
{
    for (int k = 0; k < N; k++)
        sum.v[k] = sqrtf(scale * sum.v[k]);
    write(y, sum);
}

template <typename T, int N>
static __global__ void forward(T *y, const T *x, pool p, float scale, int64_t pixels)
{
    int64_t channel = my_column() * N;
    if (channel >= p.channels)
        return;
    for (int64_t at = my_row(); at < pixels; at += row_stride())
        give_root(y + at * p.channels + channel,
                  sum_under<N>(pixel_of(at, p.y_high, p.y_wide), p, channel,
                               [=](int64_t i) { return squares<N>(x + i); }),
                  scale);
}

template <typename T, int N>
static __global__ void forward_three(T *y, const T *x, pool p, float scale, int64_t bands)
{
    int64_t channel = my_column() * N;
    if (channel >= p.channels)
        return;
    for (int64_t b = my_row(); b < bands; b += row_stride())
        walk_band<N>(
            b, p, channel, [=](int64_t i) { return squares<N>(x + i); },
            [=](int64_t i, lanes<N> sum) { give_root(y + i, sum, scale); });
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
static __device__ void give_product(T *dx, const T *x, lanes<N> sum, float scale)
{
    lanes<N> v = read<N>(x);
    for (int k = 0; k < N; k++)
        sum.v[k] *= scale * v.v[k];
    write(dx, sum);
}

template <typename T, int N>
static __global__ void backward(T *dx, const T *dy, const T *y, const T *x, pool p,
                                float scale, int64_t pixels)
{
    int64_t channel = my_column() * N;
    if (channel >= p.channels)
        return;
    for (int64_t at = my_row(); at < pixels; at += row_stride()) {
        int64_t i = at * p.channels + channel;
        give_product(dx + i, x + i,
                     sum_windows<N>(pixel_of(at, p.x_high, p.x_wide), p, channel,
                                    [=](int64_t m) { return quotients<N>(dy + m, y + m); }),
                     scale);
    }
}

template <typename T, int N>
static __global__ void backward_three(T *dx, const T *dy, const T *y, const T *x, pool p,
                                      float scale, int64_t bands)
{
    int64_t channel = my_column() * N;
    if (channel >= p.channels)
        return;
    for (int64_t b = my_row(); b < bands; b += row_stride())
        walk_band<N>(
            b, p, channel, [=](int64_t i) { return quotients<N>(dy + i, y + i); },
            [=](int64_t i, lanes<N> sum) { give_product(dx + i, x + i, sum, scale); });
}

int fn_launch_l2pool(void *y, const void *x, const fn_pool_walk *w, float scale, int type,
                     void *stream)
{
    const pool p = pool_of(w);
    const int64_t work = is_three(p) ? band_count(p) : y_pixels(p);
    FN_WITH_LANES(type, p.channels, {
        layout l = layout_of(work, p.channels / N);
        if (is_three(p))
            LAUNCH((forward_three<T, N>), l.grid, l.block, 0, stream, (T *)y, (const T *)x,
                   p, scale, work);
        else
            LAUNCH((forward<T, N>), l.grid, l.block, 0, stream, (T *)y, (const T *)x, p,
                   scale, work);
    });
    return (int)cudaGetLastError();
}

int fn_launch_l2pool_back(void *dx, const void *dy, const void *y, const void *x,
                          const fn_pool_walk *w, float scale, int type, void *stream)
{
    const pool p = pool_of(w);
    const int64_t work = is_three(p) ? band_count(p) : x_pixels(p);
    FN_WITH_LANES(type, p.channels, {
        layout l = layout_of(work, p.channels / N);
        if (is_three(p))
            LAUNCH((backward_three<T, N>), l.grid, l.block, 0, stream, (T *)dx,
                   (const T *)dy, (const T *)y, (const T *)x, p, scale, work);
        else
            LAUNCH((backward<T, N>), l.grid, l.block, 0, stream, (T *)dx, (const T *)dy,
                   (const T *)y, (const T *)x, p, scale, work);
    });
    return (int)cudaGetLastError();
}
