/* join on the GPU: in one walk what the end of a module does. A thread keeps its channels, and so
 * the input that they are of. */
#include "kernels/concat.cuh"
#include "kernels/fork.cuh"
#include "kernels/join.h"

template <typename T, int N>
static __global__ void forward(readers y, inputs x, inputs bias, int relu, int64_t rows,
                               int64_t channels)
{
    int64_t at = my_column() * N;
    place p;
    if (at >= channels)
        return;
    int i = input_at(x, at, &p);
    const T *from = (const T *)x.at[i] + at - p.first;
    const float *add = (const float *)bias.at[i];
    bool cut = relu >> i & 1;
    lanes<N> b = {};
    if (add)
        b = read_weight<N>(add + at - p.first);
    for (int64_t row = my_row(); row < rows; row += row_stride()) {
        lanes<N> v = read<N>(from + row * p.width);
        for (int k = 0; k < N; k++) {
            v.v[k] += b.v[k];
            v.v[k] = cut && v.v[k] < 0 ? 0 : v.v[k];
        }
        write_all<T>(y, row * channels + at, v);
    }
}

/* The sum of dy in the order of the readers, where y > 0 if the input has a ReLU; to the inputs,
 * and summed over the rows. */
template <typename T, int N>
static __global__ void backward(inputs dx, float *partial, readers dy, const T *y, int relu,
                                int64_t rows, int64_t channels)
{
    float sum[1][N] = {};
    int64_t at = my_column() * N;
    place p = {};
    int i = at < channels ? input_at(dx, at, &p) : 0;
    T *to = dx.at[i] ? (T *)dx.at[i] + at - p.first : NULL;
    bool cut = relu >> i & 1;
    for (int64_t row = my_row(); row < rows && at < channels; row += row_stride()) {
        lanes<N> g = sum_of<T, N>(dy, row * channels + at);
        if (cut) {
            lanes<N> v = read<N>(y + row * channels + at);
            for (int k = 0; k < N; k++)
                g.v[k] = v.v[k] > 0 ? g.v[k] : 0;
        }
        if (to)
            write(to + row * p.width, g);
        for (int k = 0; k < N; k++)
            sum[0][k] += g.v[k];
    }
    if (partial)
        give_sums(partial, sum, channels);
}

static inputs biases_of(const fn_tensor *bias, int n, int bits)
{
    inputs in = {};
    for (int i = 0; i < n; i++)
        if (bits >> i & 1)
            in.at[i] = (bias++)->data;
    return in;
}

int fn_launch_join(const fn_tensor *y, const fn_tensor *x, const fn_tensor *bias,
                   const fn_join *a, int n, int64_t rows, void *stream)
{
    const inputs in = inputs_of(x, n, 1, 1);
    const int64_t channels = in.end[n - 1];
    FN_WITH_LANES(x[0].type, together(x, n), {
        layout l = layout_of(rows, channels / N);
        LAUNCH((forward<T, N>), l.grid, l.block, 0, stream, different(y, a->ways), in,
               biases_of(bias, n, a->bias), a->relu, rows, channels);
    });
    return (int)cudaGetLastError();
}

int fn_launch_join_back(const fn_tensor *dx, const fn_tensor *dbias, float *partial,
                        const fn_tensor *dy, const void *y, const fn_join *a, int n,
                        int64_t rows, void *stream)
{
    const inputs out = inputs_of(dx, n, 1, 1);
    const int64_t channels = out.end[n - 1];
    layout l = {};
    FN_WITH_LANES(dy[0].type, together(dx, n), {
        l = sum_layout_of(rows, channels / N);
        LAUNCH((backward<T, N>), l.grid, l.block, 0, stream, out, a->bias ? partial : NULL,
               readers_of(dy, a->ways), (const T *)y, a->relu, rows, channels);
    });
    if (a->bias)
        finish_sums(biases_of(dbias, n, a->bias), out, partial, l.grid.y, channels, stream);
    return (int)cudaGetLastError();
}
