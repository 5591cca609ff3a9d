#include "kernels/format.h"

#include <string.h>

int fn_format_block(fn_format f)
{
    return f == FN_BLOCK16 ? 16 : f == FN_BLOCK8 ? 8 : 1;
}

const char *fn_format_name(fn_format f)
{
    return f == FN_BLOCK16 ? "nChw16c" : f == FN_BLOCK8 ? "nChw8c" : "nhwc";
}

static int64_t channels_stored(fn_shape s, fn_format f)
{
    int64_t block = s.rank == 4 ? fn_format_block(f) : 1;
    return (s.dim[1] + block - 1) / block * block;
}

void fn_format_keep(fn_call *c)
{
    c->y[0].format = c->x[0].format;
}

int64_t fn_format_numel(fn_shape s, fn_format f)
{
    return s.dim[0] * channels_stored(s, f) * s.dim[2] * s.dim[3];
}

/* One row of pixels, seen from channel c: the first float, and the way to the next pixel. */
typedef struct pixels {
    int64_t first, step;
} pixels;

static pixels pixels_of(fn_shape s, fn_format f, int64_t n, int64_t h, int64_t c)
{
    int64_t height = s.dim[2], width = s.dim[3], block = fn_format_block(f);
    if (f == FN_PLAIN)
        return (pixels){(n * height + h) * width * s.dim[1] + c, s.dim[1]};
    int64_t plane = n * (channels_stored(s, f) / block) + c / block;
    return (pixels){(plane * height + h) * width * block + c % block, block};
}

/* Copies `lanes` channels of each pixel; called with constants where it matters. */
static inline void copy_lanes(float *to, int64_t to_step, const float *from,
                              int64_t from_step, int64_t width, int64_t lanes)
{
    for (int64_t w = 0; w < width; w++)
        for (int64_t k = 0; k < lanes; k++)
            to[w * to_step + k] = from[w * from_step + k];
}

static void zero_lanes(float *to, int64_t step, int64_t width, int64_t lanes)
{
    for (int64_t w = 0; w < width; w++)
        for (int64_t k = 0; k < lanes; k++)
            to[w * step + k] = 0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

typedef struct job {
    float *to;
    const float *from;
    fn_format to_format, from_format;
    fn_shape shape;
    int64_t run; /* channels that lie side by side in both formats */
} job;

/* Channels c .. c+run of one row of pixels. */
static void convert_run(const job *j, int64_t n, int64_t h, int64_t c)
{
    int64_t width = j->shape.dim[3], channels = j->shape.dim[1];
    int64_t end = least(c + j->run, channels_stored(j->shape, j->to_format));
    int64_t lanes = least(end, channels) - c;
    pixels to = pixels_of(j->shape, j->to_format, n, h, c);
    if (lanes > 0) {
        pixels from = pixels_of(j->shape, j->from_format, n, h, c);
        float *t = j->to + to.first;
        const float *f = j->from + from.first;
        if (lanes == 16)
            copy_lanes(t, to.step, f, from.step, width, 16);
        else if (lanes == 8)
            copy_lanes(t, to.step, f, from.step, width, 8);
        else
            copy_lanes(t, to.step, f, from.step, width, lanes);
    } else {
        lanes = 0;
    }
    zero_lanes(j->to + to.first + lanes, to.step, width, end - c - lanes);
}

static void convert_row(const job *j, int64_t n, int64_t h)
{
    int64_t stored = channels_stored(j->shape, j->to_format);
    for (int64_t c = 0; c < stored; c += j->run)
        convert_run(j, n, h, c);
}

static void copy_all(float *to, const float *from, int64_t count)
{
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++)
        to[i] = from[i];
}

void fn_format_convert(float *to, fn_format to_format, const float *from,
                       fn_format from_format, fn_shape s)
{
    int a = fn_format_block(to_format), b = fn_format_block(from_format);
    job j = {to, from, to_format, from_format, s, 0};
    if (s.rank != 4 || to_format == from_format) {
        copy_all(to, from, fn_format_numel(s, to_format));
        return;
    }
    j.run = a == 1   ? b
            : b == 1 ? a
                     : least(a, b); /* plain runs are as long as the other's */
#pragma omp parallel for collapse(2)
    for (int64_t n = 0; n < s.dim[0]; n++)
        for (int64_t h = 0; h < s.dim[2]; h++)
            convert_row(&j, n, h);
}
