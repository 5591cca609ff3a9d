/* batchnorm on the GPU. A pass over the tensor reads and writes, for each element:
 *   training    measure: x      apply: x, y
 *   backward    reduce: x, dy   apply: x, dy, dx
 * y is not read again: whether the fused relu was open follows from x, by the same sum. */
#include "kernels/batchnorm.cuh"

template <typename T, int N>
static __global__ void apply(T *y, const T *x, fn_batchnorm_launch a)
{
    int64_t at = my_column() * N;
    if (at >= a.channels)
        return;
    const scales<N> s = scales_of<N>(a, at);
    for (walk w = walk_rows(at, a.rows, a.channels); w.at < w.end; w.at += w.step) {
        lanes<N> v = read<N>(x + w.at), out;
        for (int k = 0; k < N; k++) {
            float to = normalised(s, v, k);
            out.v[k] = a.relu && to < 0 ? 0 : to;
        }
        write(y + w.at, out);
    }
}

/* --- the statistics of a batch: sums of x - pivot and of its square, where the pivot is one of
 * the channel's own values, so that a variance is no difference of large numbers --- */

static __device__ int64_t pivot_row(int64_t rows)
{
    return rows / 2;
}

template <typename T, int N>
static __global__ void measure(float *partial, const T *x, fn_batchnorm_launch a)
{
    float sum[2][N] = {};
    int64_t at = my_column() * N;
    if (at < a.channels) {
        const lanes<N> pivot = read<N>(x + pivot_row(a.rows) * a.channels + at);
        for (walk w = walk_rows(at, a.rows, a.channels); w.at < w.end; w.at += w.step) {
            lanes<N> v = read<N>(x + w.at);
            for (int k = 0; k < N; k++) {
                float d = v.v[k] - pivot.v[k];
                sum[0][k] += d;
                sum[1][k] += d * d;
            }
        }
    }
    give_sums(partial, sum, a.channels);
}

template <typename T>
static __global__ void finish_measure(float *mean, float *var, const float *partial,
                                      int parts, const T *x, fn_batchnorm_launch a)
{
    double sum[2];
    if (!take_sums(sum, partial, parts, a.channels))
        return;
    int64_t channel = my_column();
    double pivot = (double)as_float(x[pivot_row(a.rows) * a.channels + channel]);
    double off = sum[0] / (double)a.rows, spread = sum[1] / (double)a.rows - off * off;
    mean[channel] = (float)(pivot + off);
    var[channel] = spread > 0 ? (float)spread : 0;
}

/* --- backward: sums of g and of g (x - mean), and what they give --- */

enum {
    REDUCE_PARTS = FN_SUM_PARTS / 4 * 3
}; /* its registers are for three on a processor */

template <typename T, int N>
static __global__ void reduce(float *partial, const T *dy, const T *x,
                              fn_batchnorm_launch a)
{
    float sum[2][N] = {};
    int64_t at = my_column() * N;
    if (at < a.channels) {
        const scales<N> s = scales_of<N>(a, at);
        for (walk w = walk_rows(at, a.rows, a.channels); w.at < w.end; w.at += w.step) {
            lanes<N> v = read<N>(x + w.at), dv = read<N>(dy + w.at);
            for (int k = 0; k < N; k++) {
                float g = behind_relu(s, v, dv, k, a.relu);
                sum[0][k] += g;
                sum[1][k] += g * (v.v[k] - s.mean.v[k]);
            }
        }
    }
    give_sums(partial, sum, a.channels);
}

static __global__ void finish_reduce(fn_batchnorm_gradients to, float *share,
                                     const float *partial, int parts, fn_batchnorm_launch a)
{
    double sum[2];
    if (!take_sums(sum, partial, parts, a.channels))
        return;
    int64_t channel = my_column();
    const statistics of = {a.mean[channel], a.var[channel], a.eps, a.pixels};
    give_gradients(to, channel, sum, of);
    give_shares(share + channel, a.channels, sum, of);
}

template <typename T, int N>
static __global__ void FOUR_BLOCKS apply_back(T *dx, const T *dy, const T *x,
                                              const float *share, fn_batchnorm_launch a)
{
    int64_t at = my_column() * N;
    if (at >= a.channels)
        return;
    const scales<N> s = scales_of<N>(a, at);
    const shares<N> of = shares_of<N>(share + at, a.channels);
    for (walk w = walk_rows(at, a.rows, a.channels); w.at < w.end; w.at += w.step) {
        lanes<N> v = read<N>(x + w.at), dv = read<N>(dy + w.at), out;
        for (int k = 0; k < N; k++)
            out.v[k] = gradient_of(s, of, v, behind_relu(s, v, dv, k, a.relu), k);
        write(dx + w.at, out);
    }
}

/* --- launchers --- */

int fn_launch_batchnorm_measure(float *mean, float *var, float *partial, const void *x,
                                fn_batchnorm_launch a, void *stream)
{
    layout end = finish_layout_of(a.channels);
    FN_WITH_LANES(a.type, a.channels, {
        layout l = sum_layout_of(a.rows, a.channels / N);
        LAUNCH((measure<T, N>), l.grid, l.block, 0, stream, partial, (const T *)x, a);
        LAUNCH(finish_measure<T>, end.grid, end.block, 0, stream, mean, var, partial,
               (int)l.grid.y, (const T *)x, a);
    });
    return (int)cudaGetLastError();
}

int fn_launch_batchnorm(void *y, const void *x, fn_batchnorm_launch a, void *stream)
{
    FN_WITH_LANES(a.type, a.channels, {
        layout l = layout_of(a.rows, a.channels / N);
        LAUNCH((apply<T, N>), l.grid, l.block, 0, stream, (T *)y, (const T *)x, a);
    });
    return (int)cudaGetLastError();
}

int fn_launch_batchnorm_reduce(fn_batchnorm_gradients to, float *share, float *partial,
                               const void *dy, const void *x, fn_batchnorm_launch a,
                               void *stream)
{
    layout end = finish_layout_of(a.channels);
    FN_WITH_LANES(a.type, a.channels, {
        layout l = sum_layout_of(a.rows, a.channels / N, REDUCE_PARTS);
        LAUNCH((reduce<T, N>), l.grid, l.block, 0, stream, partial, (const T *)dy,
               (const T *)x, a);
        LAUNCH(finish_reduce, end.grid, end.block, 0, stream, to, share, partial,
               (int)l.grid.y, a);
    });
    return (int)cudaGetLastError();
}

int fn_launch_batchnorm_back(void *dx, const void *dy, const void *x, const float *share,
                             fn_batchnorm_launch a, void *stream)
{
    FN_WITH_LANES(a.type, a.channels, {
        layout l = layout_of(a.rows, a.channels / N);
        LAUNCH((apply_back<T, N>), l.grid, l.block, 0, stream, (T *)dx, (const T *)dy,
               (const T *)x, share, a);
    });
    return (int)cudaGetLastError();
}
