/* bnpool on the GPU. Reads and writes, after batchnorm's measure:
 *   forward    x, y, and of y's size the x that won and a byte of note
 *   backward   reduce: dy and those x, all of y's size; apply: x, dx, dy and notes */
#include "kernels/batchnorm.cuh"
#include "kernels/pool_half.cuh"

/* By what x is multiplied so that the greatest is what the norm makes the greatest. Where a gain is
 * 0 all are equal, and the greatest x stands for them. */
template <int N> static __device__ lanes<N> signs_of(const scales<N> &s)
{
    lanes<N> sign;
    for (int k = 0; k < N; k++)
        sign.v[k] = s.factor.v[k] < 0 ? -1.0f : 1.0f;
    return sign;
}

template <int N> static __device__ lanes<N> product(lanes<N> x, const lanes<N> &by)
{
    for (int k = 0; k < N; k++)
        x.v[k] *= by.v[k];
    return x;
}

template <typename T, int N>
static __global__ void forward(T *y, T *best, uint8_t *note, const T *x,
                               fn_batchnorm_launch a, pool p, int64_t bands)
{
    int64_t channel = my_column() * N;
    if (channel >= p.channels)
        return;
    const scales<N> s = scales_of<N>(a, channel);
    const lanes<N> sign = signs_of(s);
    for (int64_t number = my_row(); number < bands; number += row_stride())
        walk_windows<N>(
            number, p, [=](int64_t at) { return product(read<N>(x + at + channel), sign); },
            [=](int64_t at, const winners<N> &won) {
                lanes<N> v, out;
                for (int k = 0; k < N; k++)
                    v.v[k] = won.v[k] * sign.v[k];
                for (int k = 0; k < N; k++) {
                    float to = normalised(s, v, k);
                    out.v[k] = a.relu && to < 0 ? 0 : to;
                }
                write(y + at + channel, out);
                if (!note)
                    return;
                write(best + at + channel, v);
                write_note<N>(note + at + channel, won.tap);
            });
}

template <typename T, int N>
static __global__ void backward(T *dx, const T *dy, const uint8_t *note, const T *x,
                                const float *share, fn_batchnorm_launch a, pool p)
{
    int64_t channel = my_column() * N;
    if (channel >= p.channels)
        return;
    const scales<N> s = scales_of<N>(a, channel);
    const shares<N> of = shares_of<N>(share + channel, p.channels);
    for (int64_t at = my_row(); at < a.rows; at += row_stride()) {
        lanes<N> v = read<N>(x + at * p.channels + channel), out;
        lanes<N> dv = won_by<N>(pixel_of(at, p.x_high, p.x_wide), dy, note, channel, p);
        for (int k = 0; k < N; k++)
            out.v[k] = gradient_of(s, of, v, behind_relu(s, v, dv, k, a.relu), k);
        write(dx + at * p.channels + channel, out);
    }
}

int fn_launch_bnpool(void *y, void *best, void *note, const void *x, fn_batchnorm_launch a,
                     const fn_pool_walk *w, void *stream)
{
    const pool p = pool_of(w);
    FN_WITH_TYPE(a.type, {
        constexpr int N = pack<T>::SIZE;
        layout l = layout_of(half_bands(p), p.channels / N);
        LAUNCH((forward<T, N>), l.grid, l.block, 0, stream, (T *)y, (T *)best,
               (uint8_t *)note, (const T *)x, a, p, half_bands(p));
    });
    return (int)cudaGetLastError();
}

int fn_launch_bnpool_back(void *dx, const void *dy, const void *note, const void *x,
                          const float *share, fn_batchnorm_launch a, const fn_pool_walk *w,
                          void *stream)
{
    const pool p = pool_of(w);
    FN_WITH_TYPE(a.type, {
        constexpr int N = pack<T>::SIZE;
        layout l = layout_of(a.rows, p.channels / N);
        LAUNCH((backward<T, N>), l.grid, l.block, 0, stream, (T *)dx, (const T *)dy,
               (const uint8_t *)note, (const T *)x, share, a, p);
    });
    return (int)cudaGetLastError();
}
