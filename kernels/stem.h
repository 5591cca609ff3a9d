/* stem.h -- a convolution of few channels as one of stride 1 over blocks of pixels.
 *
 * Tensor cores take channels by eights, and a photograph has three. So s x s pixels become
 * one pixel of s s C channels, filled up with zeros to a multiple of 8, and a kernel k x k of
 * stride s becomes one of ceil(k/s) x ceil(k/s) of stride 1. Its padding is part of the
 * blocks: they begin p pixels outside of the image. With a, b < s the place in a block:
 *
 *   x'[n, i, j, (a s + b) C + c]  =  x[n, i s + a - p, j s + b - p, c]    0 outside
 *   w'[o, u, v, (a s + b) C + c]  =  w[o, c, u s + a, v s + b]            0 beyond the kernel
 *
 * conv1 of NN2, 7x7/2 with padding 3 of 224x224x3, is 4x4/1 of 115x115x16. The zeros of w'
 * have a gradient, which belongs to nobody: who goes back to w leaves it out.
 *
 * Indices alone: who moves the numbers (a CUDA kernel, a test) asks for each where it is. */
#ifndef FN_KERNELS_STEM_H
#define FN_KERNELS_STEM_H

#include <stdint.h>

#ifdef __CUDACC__
#    define FN_STEM static inline __host__ __device__
#else
#    define FN_STEM static inline
#endif

typedef struct fn_stem {
    int64_t height, width, channels; /* x  [N, height, width, channels] */
    int64_t kernel, stride, pad;     /* w  [O, channels, kernel, kernel] */
    int64_t rows, columns, block;    /* x' [N, rows, columns, block] */
    int64_t taps;                    /* w' [O, taps, taps, block] */
    int64_t out_height, out_width;   /* y  [N, out_height, out_width, O], of both */
} fn_stem;

/* `pad` in pixels, on all sides; the kernel is not larger than the padded image. */
FN_STEM fn_stem fn_stem_of(int64_t height, int64_t width, int64_t channels, int64_t kernel,
                           int64_t stride, int64_t pad)
{
    fn_stem s = {height, width, channels, kernel, stride, pad, 0, 0, 0, 0, 0, 0};
    s.taps = (kernel + stride - 1) / stride;
    s.block = (stride * stride * channels + 7) / 8 * 8;
    s.out_height = (height + 2 * pad - kernel) / stride + 1;
    s.out_width = (width + 2 * pad - kernel) / stride + 1;
    s.rows = s.out_height + s.taps - 1;
    s.columns = s.out_width + s.taps - 1;
    return s;
}

/* Element `at` of x' is this one of x; -1: zero. */
FN_STEM int64_t fn_stem_pixel(const fn_stem *s, int64_t at)
{
    int64_t place = at % s->block / s->channels, c = at % s->block % s->channels;
    int64_t block = at / s->block, n = block / s->columns / s->rows;
    int64_t row = block / s->columns % s->rows * s->stride + place / s->stride - s->pad;
    int64_t column = block % s->columns * s->stride + place % s->stride - s->pad;
    if (place >= s->stride * s->stride || row < 0 || row >= s->height || column < 0 ||
        column >= s->width)
        return -1;
    return ((n * s->height + row) * s->width + column) * s->channels + c;
}

/* Element `at` of w' is this one of w; -1: zero. */
FN_STEM int64_t fn_stem_weight(const fn_stem *s, int64_t at)
{
    int64_t place = at % s->block / s->channels, c = at % s->block % s->channels;
    int64_t tap = at / s->block, o = tap / s->taps / s->taps;
    int64_t u = tap / s->taps % s->taps * s->stride + place / s->stride;
    int64_t v = tap % s->taps * s->stride + place % s->stride;
    if (place >= s->stride * s->stride || u >= s->kernel || v >= s->kernel)
        return -1;
    return ((o * s->channels + c) * s->kernel + u) * s->kernel + v;
}

/* The way back, for a gradient: element `at` of w is this one of w'. */
FN_STEM int64_t fn_stem_tap(const fn_stem *s, int64_t at)
{
    int64_t v = at % s->kernel, u = at / s->kernel % s->kernel;
    int64_t c = at / s->kernel / s->kernel % s->channels;
    int64_t o = at / s->kernel / s->kernel / s->channels;
    int64_t place = u % s->stride * s->stride + v % s->stride;
    return ((o * s->taps + u / s->stride) * s->taps + v / s->stride) * s->block +
           place * s->channels + c;
}

#endif
