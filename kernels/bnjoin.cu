/* bnjoin on the GPU: the end of a module with batch norm, after batchnorm's measure. A thread keeps
 * its channels, and so the input that they are of. Reads and writes, of each input that is
 * normalised:
 *   forward    x, y
 *   backward   reduce: the dy of all readers, x      apply: the same, and dx
 * The sum of the readers' gradients is made twice and never stored: with two readers that moves as
 * much, and with one less. */
#include "kernels/batchnorm.cuh"
#include "kernels/batchnorm.h"
#include "kernels/bnjoin.h"
#include "kernels/concat.cuh"
#include "kernels/fork.cuh"

/* Of every input, by FN_BN_*: what it is normalised by, or what its gradients go to. */
struct weights {
    float *at[4][FN_MAX_IN];
};

struct joined {
    inputs x;
    weights of;
    int norm, relu; /* bits of inputs */
    float eps;
    int64_t rows, channels;
};

/* Where the thread's channels are. */
struct column {
    int64_t at;            /* in y's row */
    int64_t within, width; /* in its input's row */
    int input, norm, relu;
};

static __device__ column column_of(const joined &m, int64_t at)
{
    place p = {};
    column c = {};
    c.at = at;
    c.input = input_at(m.x, at, &p);
    c.within = at - p.first;
    c.width = p.width;
    c.norm = m.norm >> c.input & 1;
    c.relu = m.relu >> c.input & 1;
    return c;
}

/* Zeros where the input has no norm. */
template <int N> static __device__ scales<N> scales_at(const joined &m, const column &c)
{
    fn_batchnorm_launch a = {};
    scales<N> none = {};
    if (!c.norm)
        return none;
    a.gain = m.of.at[FN_BN_GAIN][c.input];
    a.shift = m.of.at[FN_BN_SHIFT][c.input];
    a.mean = m.of.at[FN_BN_MEAN][c.input];
    a.var = m.of.at[FN_BN_VAR][c.input];
    a.eps = m.eps;
    return scales_of<N>(a, c.within);
}

template <typename T, int N> static __global__ void forward(readers y, joined m)
{
    int64_t at = my_column() * N;
    if (at >= m.channels)
        return;
    const column c = column_of(m, at);
    const scales<N> s = scales_at<N>(m, c);
    const T *from = (const T *)m.x.at[c.input] + c.within;
    for (int64_t row = my_row(); row < m.rows; row += row_stride()) {
        lanes<N> v = read<N>(from + row * c.width), out = v;
        for (int k = 0; k < N && c.norm; k++) {
            float to = normalised(s, v, k);
            out.v[k] = c.relu && to < 0 ? 0 : to;
        }
        write_all<T>(y, row * m.channels + at, out);
    }
}

enum { REDUCE_PARTS = FN_SUM_PARTS / 2 }; /* its registers are for two on a processor */

template <typename T, int N>
static __global__ void reduce(float *partial, readers dy, joined m)
{
    float sum[2][N] = {};
    int64_t at = my_column() * N;
    const column c = column_of(m, at < m.channels ? at : 0);
    if (at < m.channels && c.norm) {
        const scales<N> s = scales_at<N>(m, c);
        const T *from = (const T *)m.x.at[c.input] + c.within;
        for (int64_t row = my_row(); row < m.rows; row += row_stride()) {
            lanes<N> v = read<N>(from + row * c.width);
            lanes<N> dv = sum_of<T, N>(dy, row * m.channels + at);
            for (int k = 0; k < N; k++) {
                float g = behind_relu(s, v, dv, k, c.relu);
                sum[0][k] += g;
                sum[1][k] += g * (v.v[k] - s.mean.v[k]);
            }
        }
    }
    give_sums(partial, sum, m.channels);
}

static __global__ void finish_reduce(weights to, float *share, const float *partial,
                                     int parts, joined m)
{
    double sum[2];
    if (!take_sums(sum, partial, parts, m.channels))
        return;
    const column c = column_of(m, my_column());
    if (!c.norm)
        return;
    const fn_batchnorm_gradients d = {
        to.at[FN_BN_GAIN][c.input], to.at[FN_BN_SHIFT][c.input], to.at[FN_BN_MEAN][c.input],
        to.at[FN_BN_VAR][c.input]};
    const statistics of = {m.of.at[FN_BN_MEAN][c.input][c.within],
                           m.of.at[FN_BN_VAR][c.input][c.within], m.eps, m.rows};
    give_gradients(d, c.within, sum, of);
    give_shares(share + c.at, m.channels, sum, of);
}

template <typename T, int N>
static __global__ void backward(inputs dx, readers dy, const float *share, joined m)
{
    int64_t at = my_column() * N;
    if (at >= m.channels)
        return;
    const column c = column_of(m, at);
    const scales<N> s = scales_at<N>(m, c);
    const T *from = (const T *)m.x.at[c.input] + c.within;
    T *to = (T *)dx.at[c.input];
    shares<N> less = {};
    if (!to)
        return;
    if (c.norm)
        less = shares_of<N>(share + at, m.channels);
    for (int64_t row = my_row(); row < m.rows; row += row_stride()) {
        lanes<N> out = sum_of<T, N>(dy, row * m.channels + at);
        if (c.norm) {
            lanes<N> v = read<N>(from + row * c.width);
            for (int k = 0; k < N; k++)
                out.v[k] = gradient_of(s, less, v, behind_relu(s, v, out, k, c.relu), k);
        }
        write(to + c.within + row * c.width, out);
    }
}

/* --- launchers --- */

static weights weights_of(const fn_bnjoin *a, const fn_tensor *w, int n)
{
    weights of = {};
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 4 && a->norm >> i & 1; k++)
            of.at[k][i] = (float *)w[4 * fn_bnjoin_norms(a, i) + k].data;
    return of;
}

/* In training by the batch's own statistics. */
static joined joined_of(const fn_bnjoin_launch *l)
{
    const fn_bnjoin *a = l->attr;
    joined m = {};
    m.x = inputs_of(l->x, l->n, 1, 1);
    m.of = weights_of(a, l->w, l->n);
    m.norm = a->norm;
    m.relu = a->relu;
    m.eps = a->eps;
    m.rows = l->rows;
    m.channels = m.x.end[l->n - 1];
    for (int i = 0; l->mean && i < l->n; i++) {
        int64_t first = i ? m.x.end[i - 1] : 0;
        m.of.at[FN_BN_MEAN][i] = l->mean + first;
        m.of.at[FN_BN_VAR][i] = l->var + first;
    }
    return m;
}

int fn_launch_bnjoin(const fn_tensor *y, const fn_bnjoin_launch *l, void *stream)
{
    const joined m = joined_of(l);
    FN_WITH_LANES(l->x[0].type, together(l->x, l->n), {
        layout to = layout_of(m.rows, m.channels / N);
        LAUNCH((forward<T, N>), to.grid, to.block, 0, stream, different(y, l->attr->ways),
               m);
    });
    return (int)cudaGetLastError();
}

int fn_launch_bnjoin_reduce(const fn_tensor *dw, float *share, float *partial,
                            const fn_tensor *dy, const fn_bnjoin_launch *l, void *stream)
{
    const joined m = joined_of(l);
    layout end = finish_layout_of(m.channels), to = {};
    FN_WITH_LANES(l->x[0].type, together(l->x, l->n), {
        to = sum_layout_of(m.rows, m.channels / N, REDUCE_PARTS);
        LAUNCH((reduce<T, N>), to.grid, to.block, 0, stream, partial,
               readers_of(dy, l->attr->ways), m);
    });
    LAUNCH(finish_reduce, end.grid, end.block, 0, stream, weights_of(l->attr, dw, l->n),
           share, partial, (int)to.grid.y, m);
    return (int)cudaGetLastError();
}

int fn_launch_bnjoin_back(const fn_tensor *dx, const float *share, const fn_tensor *dy,
                          const fn_bnjoin_launch *l, void *stream)
{
    const joined m = joined_of(l);
    FN_WITH_LANES(l->x[0].type, together(l->x, l->n), {
        layout to = layout_of(m.rows, m.channels / N);
        LAUNCH((backward<T, N>), to.grid, to.block, 0, stream, inputs_of(dx, l->n, 1, 1),
               readers_of(dy, l->attr->ways), share, m);
    });
    return (int)cudaGetLastError();
}
