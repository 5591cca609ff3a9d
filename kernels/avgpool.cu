/* avgpool on the GPU. Neighbouring windows share what they read in the first-level cache: the
 * tensors go over the bus once. */
#include "kernels/pool.cuh"

template <typename T, int N>
static __global__ void forward(T *y, const T *x, pool p, float scale, int64_t pixels)
{
    int64_t channel = my_column() * N;
    if (channel >= p.channels)
        return;
    for (int64_t at = my_row(); at < pixels; at += row_stride()) {
        pixel to = pixel_of(at, p.y_high, p.y_wide);
        lanes<N> sum = sum_under<N>(to, p, channel,
                                    [=](int64_t i) { return read<N>(x + i); });
        for (int k = 0; k < N; k++)
            sum.v[k] *= scale;
        write(y + at * p.channels + channel, sum);
    }
}

template <typename T, int N>
static __global__ void backward(T *dx, const T *dy, pool p, float scale, int64_t pixels)
{
    int64_t channel = my_column() * N;
    if (channel >= p.channels)
        return;
    for (int64_t at = my_row(); at < pixels; at += row_stride()) {
        pixel to = pixel_of(at, p.x_high, p.x_wide);
        lanes<N> sum = sum_windows<N>(to, p, channel,
                                      [=](int64_t i) { return read<N>(dy + i); });
        for (int k = 0; k < N; k++)
            sum.v[k] *= scale;
        write(dx + at * p.channels + channel, sum);
    }
}

static float scale_of(const pool &p)
{
    return 1 / (float)((int64_t)p.high * p.wide);
}

int fn_launch_avgpool(void *y, const void *x, const fn_pool_walk *w, int type, void *stream)
{
    const pool p = pool_of(w);
    FN_WITH_LANES(type, p.channels, {
        layout l = layout_of(y_pixels(p), p.channels / N);
        LAUNCH((forward<T, N>), l.grid, l.block, 0, stream, (T *)y, (const T *)x, p,
               scale_of(p), y_pixels(p));
    });
    return (int)cudaGetLastError();
}

int fn_launch_avgpool_back(void *dx, const void *dy, const fn_pool_walk *w, int type,
                           void *stream)
{
    const pool p = pool_of(w);
    FN_WITH_LANES(type, p.channels, {
        layout l = layout_of(x_pixels(p), p.channels / N);
        LAUNCH((backward<T, N>), l.grid, l.block, 0, stream, (T *)dx, (const T *)dy, p,
               scale_of(p), x_pixels(p));
    });
    return (int)cudaGetLastError();
}
