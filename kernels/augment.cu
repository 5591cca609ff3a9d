/* augment -- views of faces on the GPU: data/view.c, a thread for each pixel of the network's.
 *
 * Weights of the triangle filter are functions of one number each, which is found in double as
 * there, and kept for the columns and rows of a tile: the filter's first source pixel from its
 * middle, and one over the sum of its weights. The sums over columns are of sums over rows, in
 * the order of the CPU. Weights outside of the source fall on its border, one by one. */
#include "kernels/launch.cuh"
#include "kernels/launch_train.h"

#include <math.h>

/* The filter of one column or row. */
struct filter {
    int low, high;    /* source pixels, ends included; may lie outside */
    float from, step; /* the first's distance from the middle; per pixel: 1 / reach */
    float share;      /* 1 / the sum of the weights */
};

static __device__ int clamp(int v, int most)
{
    return v < 0 ? 0 : v > most ? most : v;
}

/* Of pixel i of `out`. */
static __device__ filter filter_of(float at, float share, int source, int out, int i)
{
    double step = (double)share * source / out, reach = step > 1 ? step : 1, sum = 0;
    double c = (double)at * source + (i + 0.5) * step;
    int low = (int)ceil(c - reach - 0.5), high = (int)floor(c + reach - 0.5);
    for (int j = low; j <= high; j++)
        sum += 1 - fabs(j + 0.5 - c) / reach;
    return {low, high, (float)(low + 0.5 - c), (float)(1 / reach), (float)(1 / sum)};
}

/* Of the filter's pixel number t. */
static __device__ float weight(const filter &f, int t)
{
    return (1 - fabsf(f.from + (float)t) * f.step) * f.share;
}

struct pixel {
    float v[3];
};

static __device__ pixel sum_column(const uint8_t *rgb, const fn_face_view &v,
                                   const filter &y, int column)
{
    pixel p = {};
    for (int row = y.low; row <= y.high; row++) {
        int64_t at = (int64_t)clamp(row, v.height - 1) * v.width + column;
        float w = weight(y, row - y.low);
        for (int c = 0; c < 3; c++)
            p.v[c] += w * (float)rgb[3 * at + c];
    }
    return p;
}

static __device__ float lighten(float x, const fn_face_view &v)
{
    float lit = (x - 127.5f) * v.gain + (127.5f + 255 * v.lift);
    float held = lit < 0 ? 0 : lit > 255 ? 255 : lit;
    return (held - 127.5f) / 128;
}

static __device__ pixel render(const uint8_t *rgb, const fn_face_view &v, const filter &x,
                               const filter &y)
{
    pixel p = {};
    for (int column = x.low; column <= x.high; column++) {
        pixel sum = sum_column(rgb + v.at, v, y, clamp(column, v.width - 1));
        float w = weight(x, column - x.low);
        for (int c = 0; c < 3; c++)
            p.v[c] += w * sum.v[c];
    }
    for (int c = 0; c < 3; c++)
        p.v[c] = lighten(p.v[c], v);
    return p;
}

/* --- tiles: a block takes one, of one image --- */

static const int WIDE = 16, HIGH = BLOCK / WIDE; /* threads of a tile */

struct sheet {
    const uint8_t *rgb;
    const fn_face_view *view;
    int height, width; /* of the network's input */
    int rows, columns; /* of what is written, in squares of SIDE x SIDE pixels */
    int pad;           /* pixels of the first square above and left of the input */
    int across, down;  /* tiles of an image */
};

/* Of a tile whose first pixel is at (row, column) of the input. There are none outside of it. */
template <int SIDE>
static __device__ void make_filters(filter *x, filter *y, const sheet &s,
                                    const fn_face_view &v, int row, int column)
{
    int i = (int)threadIdx.x, j = i - BLOCK / 2; /* two halves of the block */
    if (i < WIDE * SIDE && column + i >= 0 && column + i < s.width) {
        int at = v.flip ? s.width - 1 - column - i : column + i;
        x[i] = filter_of(v.x, v.wide, v.width, s.width, at);
    }
    if (j >= 0 && j < HIGH * SIDE && row + j >= 0 && row + j < s.height)
        y[j] = filter_of(v.y, v.high, v.height, s.height, row + j);
}

template <typename T> static __device__ void put_pixel(T *to, const pixel &p)
{
    for (int c = 0; c < 3; c++)
        put(to + c, p.v[c]);
}

/* A place for each of the four, and what is left of 16 channels: zeros. */
template <typename T> static __device__ void put_square(T *to, const pixel *p)
{
    enum { SIZE = pack<T>::SIZE };
    for (int first = 0; first < 16; first += SIZE) {
        pack<T> part;
        for (int k = 0; k < SIZE; k++)
            part.v[k] = first + k < 12 ? p[(first + k) / 3].v[(first + k) % 3] : 0;
        store(to + first, part);
    }
}

template <typename T, int SIDE> static __global__ void augment(T *to, sheet s)
{
    __shared__ filter x[WIDE * SIDE], y[HIGH * SIDE];
    int tiles = s.across * s.down, tile = (int)blockIdx.x % tiles;
    int64_t image = (int)blockIdx.x / tiles;
    int i = (int)threadIdx.x / WIDE, j = (int)threadIdx.x % WIDE;
    int row = tile / s.across * HIGH, column = tile % s.across * WIDE;
    fn_face_view v = s.view[image];
    make_filters<SIDE>(x, y, s, v, row * SIDE - s.pad, column * SIDE - s.pad);
    __syncthreads();
    if (row + i >= s.rows || column + j >= s.columns)
        return;
    pixel p[SIDE * SIDE] = {};
    for (int k = 0; k < SIDE * SIDE; k++) {
        int at_y = (row + i) * SIDE + k / SIDE - s.pad;
        int at_x = (column + j) * SIDE + k % SIDE - s.pad;
        if (at_y >= 0 && at_y < s.height && at_x >= 0 && at_x < s.width)
            p[k] = render(s.rgb, v, x[j * SIDE + k % SIDE], y[i * SIDE + k / SIDE]);
    }
    int64_t at = (image * s.rows + row + i) * s.columns + column + j;
    if (SIDE == 1)
        put_pixel(to + 3 * at, p[0]);
    else
        put_square(to + 16 * at, p);
}

template <typename T, int SIDE> static void launch(void *x, sheet s, int n, void *stream)
{
    s.across = (s.columns + WIDE - 1) / WIDE;
    s.down = (s.rows + HIGH - 1) / HIGH;
    auto kernel = augment<T, SIDE>;
    LAUNCH(kernel, (unsigned)(n * s.across * s.down), BLOCK, 0, stream, (T *)x, s);
}

int fn_launch_augment(void *x, const uint8_t *rgb, const fn_face_view *view, int n,
                      int height, int width, int type, void *stream)
{
    sheet s = {rgb, view, height, width, height, width, 0, 0, 0};
    FN_WITH_TYPE(type, launch<T, 1>(x, s, n, stream));
    return (int)cudaGetLastError();
}

int fn_launch_augment_squares(void *x, const uint8_t *rgb, const fn_face_view *view, int n,
                              int height, int width, int rows, int columns, int pad,
                              int type, void *stream)
{
    sheet s = {rgb, view, height, width, rows, columns, pad, 0, 0};
    FN_WITH_TYPE(type, launch<T, 2>(x, s, n, stream));
    return (int)cudaGetLastError();
}
