/* What a convolution on the GPU does around cuDNN: weights into its layout and back, photographs
 * into blocks of pixels (kernels/stem.h), channels filled up to a multiple of 8, and a ReLU's
 * mask and a bias's gradient in one walk over dy. */
#include "kernels/channels.cuh"
#include "kernels/stem.h"

template <typename T>
static __global__ void pack_weights(T *to, const float *w, fn_stem s, int64_t out,
                                    int64_t count)
{
    int64_t each = s.taps * s.taps * s.block;
    for (int64_t i = first_item(); i < count; i += stride()) {
        int64_t from = i / each < out ? fn_stem_weight(&s, i) : -1;
        put(to + i, from < 0 ? 0 : w[from]);
    }
}

template <typename T>
static __global__ void unpack_weights(float *dw, const T *from, fn_stem s, int64_t count)
{
    for (int64_t i = first_item(); i < count; i += stride())
        dw[i] = as_float(from[fn_stem_tap(&s, i)]);
}

/* A thread makes 16 bytes of a block: where they are from is found once. */
template <typename T>
static __global__ void make_blocks(T *to, const T *x, fn_stem s, int64_t packs)
{
    enum { SIZE = pack<T>::SIZE };
    const int each = (int)s.block / SIZE, step = (int)s.stride, channels = (int)s.channels;
    for (int64_t i = first_item(); i < packs; i += stride()) {
        int64_t block = quotient(i, each), line = quotient(block, (int)s.columns);
        int64_t image = quotient(line, (int)s.rows);
        int64_t top = (line - image * s.rows) * s.stride - s.pad;
        int64_t left = (block - line * s.columns) * s.stride - s.pad;
        int first = (int)(i - block * each) * SIZE;
        pack<T> p;
        for (int k = 0; k < SIZE; k++) {
            int place = (first + k) / channels, c = (first + k) % channels;
            int64_t row = top + place / step, column = left + place % step;
            bool inside = place < step * step && row >= 0 && row < s.height &&
                          column >= 0 && column < s.width;
            p.v[k] =
                inside
                    ? as_float(
                          x[((image * s.height + row) * s.width + column) * channels + c])
                    : 0;
        }
        store(to + i * SIZE, p);
    }
}

/* The gradient of x from that of its blocks: each pixel is in one of them, or in none. */
template <typename T>
static __global__ void from_blocks(T *dx, const T *from, fn_stem s, int64_t count)
{
    for (int64_t i = first_item(); i < count; i += stride()) {
        int64_t c = i % s.channels, pixel = i / s.channels;
        int64_t row = pixel / s.width % s.height + s.pad, column = pixel % s.width + s.pad;
        int64_t image = pixel / s.width / s.height;
        int64_t place = row % s.stride * s.stride + column % s.stride;
        int64_t line = row / s.stride, at = column / s.stride;
        bool inside = line < s.rows && at < s.columns;
        put(dx + i,
            inside ? as_float(from[((image * s.rows + line) * s.columns + at) * s.block +
                                   place * s.channels + c])
                   : 0);
    }
}

/* Rows of `from_width` channels to rows of `to_width`; channels that are new are 0. */
template <typename T>
static __global__ void widen(T *to, const T *from, int64_t count, int to_width,
                             int from_width)
{
    for (int64_t i = first_item(); i < count; i += stride()) {
        int64_t row = quotient(i, to_width), c = i - row * to_width;
        put(to + i, c < from_width ? as_float(from[row * from_width + c]) : 0);
    }
}

/* g = dy where y > 0 (everywhere without y), to `to` [rows, width] and summed over the rows. */
template <typename T, int N>
static __global__ void mask(T *to, float *partial, const T *dy, const T *y, int64_t rows,
                            int64_t channels, int64_t width)
{
    float sum[1][N] = {};
    int64_t at = my_column() * N;
    for (int64_t row = my_row(); row < rows && at < channels; row += row_stride()) {
        lanes<N> g = read<N>(dy + row * channels + at);
        if (y) {
            lanes<N> v = read<N>(y + row * channels + at);
            for (int k = 0; k < N; k++)
                g.v[k] = v.v[k] > 0 ? g.v[k] : 0;
        }
        if (to)
            write(to + row * width + at, g);
        for (int k = 0; k < N; k++)
            sum[0][k] += g.v[k];
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

int fn_launch_conv_pack(void *to, const float *w, const struct fn_stem *s, int64_t out,
                        int64_t width, int type, void *stream)
{
    int64_t count = width * s->taps * s->taps * s->block;
    FN_WITH_TYPE(type, LAUNCH(pack_weights<T>, blocks_for(count), BLOCK, 0, stream, (T *)to,
                              w, *s, out, count));
    return (int)cudaGetLastError();
}

int fn_launch_conv_unpack(float *dw, const void *from, const struct fn_stem *s, int64_t out,
                          int type, void *stream)
{
    int64_t count = out * s->channels * s->kernel * s->kernel;
    FN_WITH_TYPE(type, LAUNCH(unpack_weights<T>, blocks_for(count), BLOCK, 0, stream, dw,
                              (const T *)from, *s, count));
    return (int)cudaGetLastError();
}

int fn_launch_conv_blocks(void *to, const void *x, const struct fn_stem *s, int64_t n,
                          int type, void *stream)
{
    int64_t count = n * s->rows * s->columns * s->block;
    FN_WITH_TYPE(type, LAUNCH(make_blocks<T>, blocks_for(count / pack<T>::SIZE), BLOCK, 0,
                              stream, (T *)to, (const T *)x, *s, count / pack<T>::SIZE));
    return (int)cudaGetLastError();
}

int fn_launch_conv_blocks_back(void *dx, const void *from, const struct fn_stem *s,
                               int64_t n, int type, void *stream)
{
    int64_t count = n * s->height * s->width * s->channels;
    FN_WITH_TYPE(type, LAUNCH(from_blocks<T>, blocks_for(count), BLOCK, 0, stream, (T *)dx,
                              (const T *)from, *s, count));
    return (int)cudaGetLastError();
}

int fn_launch_widen(void *to, int to_width, const void *from, int from_width, int64_t rows,
                    int type, void *stream)
{
    int64_t count = rows * to_width;
    FN_WITH_TYPE(type, LAUNCH(widen<T>, blocks_for(count), BLOCK, 0, stream, (T *)to,
                              (const T *)from, count, to_width, from_width));
    return (int)cudaGetLastError();
}

int fn_launch_conv_mask(void *to, float *sum, float *partial, const void *dy, const void *y,
                        int64_t rows, int64_t channels, int64_t width, int type,
                        void *stream)
{
    layout l = {};
    FN_WITH_LANES(type, channels, l = sum_layout_of(rows, channels / N);
                  LAUNCH((mask<T, N>), l.grid, l.block, 0, stream, (T *)to,
                         sum ? partial : NULL, (const T *)dy, (const T *)y, rows, channels,
                         width));
    layout f = finish_layout_of(channels);
    if (sum)
        LAUNCH(finish, f.grid, f.block, 0, stream, sum, partial, (int)l.grid.y, channels);
    return (int)cudaGetLastError();
}
