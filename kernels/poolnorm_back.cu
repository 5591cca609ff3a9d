/* poolnorm on the GPU, backward, in both orders: the gradient of a window goes to the tap that won,
 * by what forward noted. */
#include "kernels/poolnorm.cuh"

/* --- backward, the pool first: a thread walks down windows j and j + 1 and the pixels 2j and
 * 2j + 1 under them; what the next row of windows has to add is carried on --- */

template <typename T> struct windows {
    const T *dy, *pooled;
    const uint8_t *note;
};

template <int N, typename T>
static __device__ window<N> read_window(const windows<T> &of, int64_t image, int row,
                                        int column, int64_t channel, const job &a)
{
    window<N> w = {};
    if (row >= a.p.y_high || column >= a.p.y_wide)
        return w;
    int64_t at = at_y(image, row, column, a.p);
    wide<N> v = read_wide<N>(of.pooled + at, channel, a.p.channels);
    w.gradient = normalised_back(read_wide<N>(of.dy + at, channel, a.p.channels), v,
                                 a.norm);
    w.won = *reinterpret_cast<const notes<uint8_t, N> *>(of.note + at + channel);
    for (int k = 0; k < N; k++)
        if (a.relu && !(v.v[N + k] > 0))
            w.gradient.v[k] = 0;
    return w;
}

/* The gradients of two pixels. */
template <int N> struct couple {
    lanes<N> left, right;
};

/* Adds what a row of their windows gives them: `tap` is the first of the row. */
template <int N>
static __device__ void add_row(couple<N> *sum, const window<N> &left,
                               const window<N> &right, int tap)
{
    add_if_won(&sum->left, left, tap + 1);
    add_if_won(&sum->right, left, tap + 2);
    add_if_won(&sum->right, right, tap);
}

template <typename T, int N>
static __device__ void write_couple(T *dx, int64_t image, int row, int column,
                                    int64_t channel, const couple<N> &sum, const job &a)
{
    if (!dx || row >= a.p.x_high)
        return;
    T *to = dx + at_x(image, row, 2 * column, a.p) + channel;
    write(to, sum.left);
    if (2 * column + 1 < a.p.x_wide)
        write(to + a.p.channels, sum.right);
}

/* Adds the gradients of this column's windows to `total`. */
template <typename T, int N>
static __device__ void walk_back(T *dx, float (&total)[N], int64_t number, int64_t channel,
                                 const windows<T> &of, const job &a)
{
    pixel from = pixel_of(number, (a.p.y_high + BAND - 1) / BAND, a.p.y_wide);
    int first = from.row * BAND,
        end = first + BAND < a.p.y_high ? first + BAND : a.p.y_high;
    couple<N> carried = {};
    for (int row = first; row <= end; row++) {
        window<N> left = read_window<N>(of, from.image, row, from.column, channel, a);
        window<N> right = read_window<N>(of, from.image, row, from.column + 1, channel, a);
        add_row(&carried, left, right, 0);
        if (row > first)
            write_couple(dx, from.image, 2 * row - 1, from.column, channel, carried, a);
        if (row == end)
            break;
        couple<N> same = {};
        add_row(&same, left, right, 3);
        write_couple(dx, from.image, 2 * row, from.column, channel, same, a);
        carried = couple<N>{};
        add_row(&carried, left, right, 6);
        for (int k = 0; k < N; k++)
            total[k] += left.gradient.v[k];
    }
}

template <typename T, int N>
static __global__ void pool_norm_back(T *dx, float *partial, windows<T> of, job a)
{
    float sum[1][N] = {};
    int64_t channel = my_column() * N;
    for (int64_t number = my_row(); number < a.bands && channel < a.p.channels;
         number += row_stride())
        walk_back(dx, sum[0], number, channel, of, a);
    if (partial)
        give_sums(partial, sum, a.p.channels);
}

/* --- backward, the lrn first: a thread has a pixel of x --- */

template <typename T, int N>
static __global__ void norm_pool_back(T *dx, float *partial, const T *dy,
                                      const uint8_t *note, const T *x, const float *bias,
                                      job a, int64_t pixels)
{
    float sum[1][N] = {};
    int64_t channel = my_column() * N, channels = a.p.channels;
    const wide<N> b = read_bias<N>(bias, channel, channels);
    for (int64_t at = my_row(); at < pixels && channel < channels; at += row_stride()) {
        pixel to = pixel_of(at, a.p.x_high, a.p.x_wide);
        wide<N> v = activated(read_wide<N>(x + at * channels, channel, channels), b,
                              a.relu);
        wide<N> g;
        UNROLL
        for (int part = 0; part < 3; part++) {
            int64_t first = channel + (part - 1) * N;
            lanes<N> won = {};
            if (first >= 0 && first < channels)
                won = won_by<N>(to, dy, note, first, a.p);
            for (int k = 0; k < N; k++)
                g.v[part * N + k] = won.v[k];
        }
        lanes<N> out = normalised_back(g, v, a.norm);
        for (int k = 0; k < N; k++) {
            if (a.relu && !(v.v[N + k] > 0))
                out.v[k] = 0;
            sum[0][k] += out.v[k];
        }
        if (dx)
            write(dx + at * channels + channel, out);
    }
    if (partial)
        give_sums(partial, sum, channels);
}

static __global__ void finish(float *to, const float *partial, int parts, int64_t channels)
{
    double sum[1];
    if (take_sums(sum, partial, parts, channels))
        to[my_column()] = (float)sum[0];
}

static void finish_sum(float *sum, const float *partial, unsigned parts, int64_t channels,
                       void *stream)
{
    layout f = finish_layout_of(channels);
    if (sum)
        LAUNCH(finish, f.grid, f.block, 0, stream, sum, partial, (int)parts, channels);
}

int fn_launch_poolnorm_back(void *dx, float *dbias, float *partial, const void *dy,
                            const void *note, const void *kept, const fn_poolnorm_launch *l,
                            void *stream)
{
    const job a = job_of(l);
    float *to = dbias ? partial : NULL;
    FN_WITH_TYPE(l->type, {
        constexpr int N = pack<T>::SIZE;
        const bool norm_first = l->attr->norm_first;
        const int64_t work = norm_first ? x_pixels(a.p) : a.bands;
        layout at = sum_layout_of(work, a.p.channels / N);
        const windows<T> of = {(const T *)dy, (const T *)kept, (const uint8_t *)note};
        if (norm_first)
            LAUNCH((norm_pool_back<T, N>), at.grid, at.block, 0, stream, (T *)dx, to, of.dy,
                   of.note, of.pooled, l->bias, a, work);
        else
            LAUNCH((pool_norm_back<T, N>), at.grid, at.block, 0, stream, (T *)dx, to, of,
                   a);
        finish_sum(dbias, partial, at.grid.y, a.p.channels, stream);
    });
    return (int)cudaGetLastError();
}
