/* poolnorm on the GPU, forward, in both orders. A thread walks down the image: the row that two
 * windows share is looked at once. Notes say which tap won, as maxpool's do. */
#include "kernels/poolnorm.cuh"

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
            number, a.p,
            [=](int64_t at) { return read_wide<N>(x + at, channel, channels); },
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
            number, a.p,
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
