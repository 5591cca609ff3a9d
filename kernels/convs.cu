/* What several convolutions of one value do in backward before they are one: ReLUs' masks, biases'
 * gradients, and the outputs' gradients side by side, in one walk. */
#include "kernels/concat.cuh"

/* g = dy[i] where y[i] > 0 (everywhere without y), to `to` [rows, channels], and summed over the
 * rows. */
template <typename T, int N>
static __global__ void gather(T *to, float *partial, inputs dy, inputs y, int64_t rows,
                              int64_t channels)
{
    float sum[1][N] = {};
    int64_t at = my_column() * N;
    place p = {};
    int i = at < channels ? input_at(dy, at, &p) : 0;
    const T *gradient = (const T *)dy.at[i] + at - p.first;
    const T *value = y.count ? (const T *)y.at[i] + at - p.first : NULL;
    for (int64_t row = my_row(); row < rows && at < channels; row += row_stride()) {
        lanes<N> g = read<N>(gradient + row * p.width);
        if (value) {
            lanes<N> v = read<N>(value + row * p.width);
            for (int k = 0; k < N; k++)
                g.v[k] = v.v[k] > 0 ? g.v[k] : 0;
        }
        write(to + row * channels + at, g);
        for (int k = 0; k < N; k++)
            sum[0][k] += g.v[k];
    }
    if (partial)
        give_sums(partial, sum, channels);
}

int fn_launch_convs_gather(void *to, const fn_tensor *dbias, float *partial,
                           const fn_tensor *dy, const fn_tensor *y, int n, int64_t rows,
                           void *stream)
{
    const inputs gradient = inputs_of(dy, n, 1, 1);
    const inputs value = y ? inputs_of(y, n, 1, 1) : inputs{};
    const int64_t channels = gradient.end[n - 1];
    layout l = {};
    FN_WITH_TYPE(dy[0].type, {
        constexpr int N = pack<T>::SIZE;
        l = sum_layout_of(rows, channels / N);
        LAUNCH((gather<T, N>), l.grid, l.block, 0, stream, (T *)to, dbias ? partial : NULL,
               gradient, value, rows, channels);
    });
    if (dbias)
        finish_sums(inputs_of(dbias, n, 1, 1), gradient, partial, l.grid.y, channels,
                    stream);
    return (int)cudaGetLastError();
}
