/* prelu on the GPU. Backward reads x and dy once, writes dx, and sums for the slopes as it goes. */
#include "kernels/channels.cuh"

template <typename T, int N>
static __global__ void forward(T *y, const T *x, const float *slope, int64_t rows,
                               int64_t channels)
{
    int64_t at = my_column() * N;
    if (at >= channels)
        return;
    const lanes<N> s = read_weight<N>(slope + at);
    for (walk w = walk_rows(at, rows, channels); w.at < w.end; w.at += w.step) {
        lanes<N> v = read<N>(x + w.at);
        for (int k = 0; k < N; k++)
            v.v[k] = v.v[k] > 0 ? v.v[k] : s.v[k] * v.v[k];
        write(y + w.at, v);
    }
}

/* Either of dx and partial may be NULL. */
template <typename T, int N>
static __global__ void backward(T *dx, float *partial, const T *dy, const T *x,
                                const float *slope, int64_t rows, int64_t channels)
{
    float sum[1][N] = {};
    int64_t at = my_column() * N;
    if (at < channels) {
        const lanes<N> s = read_weight<N>(slope + at);
        for (walk w = walk_rows(at, rows, channels); w.at < w.end; w.at += w.step) {
            lanes<N> v = read<N>(x + w.at), dv = read<N>(dy + w.at), out;
            for (int k = 0; k < N; k++) {
                out.v[k] = v.v[k] > 0 ? dv.v[k] : s.v[k] * dv.v[k];
                sum[0][k] += v.v[k] > 0 ? 0 : dv.v[k] * v.v[k];
            }
            if (dx)
                write(dx + w.at, out);
        }
    }
    if (partial)
        give_sums(partial, sum, channels);
}

static __global__ void finish(float *dslope, const float *partial, int parts,
                              int64_t channels)
{
    double sum[1];
    if (take_sums(sum, partial, parts, channels))
        dslope[my_column()] = (float)sum[0];
}

int fn_launch_prelu(void *y, const void *x, const float *slope, int64_t rows,
                    int64_t channels, int type, void *stream)
{
    FN_WITH_LANES(type, channels, {
        layout l = layout_of(rows, channels / N);
        LAUNCH((forward<T, N>), l.grid, l.block, 0, stream, (T *)y, (const T *)x, slope,
               rows, channels);
    });
    return (int)cudaGetLastError();
}

int fn_launch_prelu_back(void *dx, float *dslope, float *partial, const void *dy,
                         const void *x, const float *slope, int64_t rows, int64_t channels,
                         int type, void *stream)
{
    layout end = finish_layout_of(channels);
    FN_WITH_LANES(type, channels, {
        layout l = sum_layout_of(rows, channels / N);
        LAUNCH((backward<T, N>), l.grid, l.block, 0, stream, (T *)dx,
               dslope ? partial : NULL, (const T *)dy, (const T *)x, slope, rows, channels);
        if (dslope)
            LAUNCH(finish, end.grid, end.block, 0, stream, dslope, partial, (int)l.grid.y,
                   channels);
    });
    return (int)cudaGetLastError();
}
