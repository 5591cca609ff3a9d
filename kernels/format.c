#include "kernels/format.h"

#include "kernels/bf16.h"

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
    c->y[0].type = c->x[0].type;
}

int64_t fn_format_numel(fn_shape s, fn_format f)
{
    return s.dim[0] * channels_stored(s, f) * s.dim[2] * s.dim[3];
}

/* One row of pixels, seen from channel c: the first number, and the way to the next pixel. */
typedef struct pixels {
    int64_t first, step;
} pixels;

static pixels pixels_of(const fn_tensor *t, int64_t n, int64_t h, int64_t c)
{
    fn_shape s = t->shape;
    int64_t height = s.dim[2], width = s.dim[3], block = fn_format_block(t->format);
    if (t->format == FN_PLAIN)
        return (pixels){(n * height + h) * width * s.dim[1] + c, s.dim[1]};
    int64_t plane = n * (channels_stored(s, t->format) / block) + c / block;
    return (pixels){(plane * height + h) * width * block + c % block, block};
}

/* Some channels of one row of pixels, `step` numbers from pixel to pixel. */
typedef struct lane {
    void *at;
    fn_type type;
    int64_t step;
} lane;

/* Copies `lanes` channels of each pixel; called with constants where it matters. */
static inline void copy_lanes(lane to, lane from, int64_t width, int64_t lanes)
{
    for (int64_t w = 0; w < width; w++)
        for (int64_t k = 0; k < lanes; k++)
            fn_store(to.at, to.type, w * to.step + k,
                     fn_load(from.at, from.type, w * from.step + k));
}

static void zero_lanes(fn_tensor to, pixels at, int64_t width, int64_t lanes)
{
    for (int64_t w = 0; w < width && lanes > 0; w++)
        memset(fn_from(to, at.first + w * at.step), 0,
               (size_t)lanes * fn_type_bytes(to.type));
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

typedef struct job {
    fn_tensor to, from;
    int64_t run; /* channels that lie side by side in both formats */
} job;

static void copy_run(const job *j, pixels to, pixels from, int64_t lanes)
{
    lane t = {fn_from(j->to, to.first), j->to.type, to.step};
    lane f = {fn_from(j->from, from.first), j->from.type, from.step};
    int64_t width = j->to.shape.dim[3];
    bool floats = t.type == FN_F32 && f.type == FN_F32;
    if (floats && lanes == 16)
        copy_lanes((lane){t.at, FN_F32, t.step}, (lane){f.at, FN_F32, f.step}, width, 16);
    else if (floats && lanes == 8)
        copy_lanes((lane){t.at, FN_F32, t.step}, (lane){f.at, FN_F32, f.step}, width, 8);
    else if (lanes == 16)
        copy_lanes(t, f, width, 16);
    else
        copy_lanes(t, f, width, lanes);
}

/* Channels c .. c+run of one row of pixels. */
static void convert_run(const job *j, int64_t n, int64_t h, int64_t c)
{
    int64_t channels = j->to.shape.dim[1];
    int64_t end = least(c + j->run, channels_stored(j->to.shape, j->to.format));
    int64_t lanes = least(end, channels) - c;
    pixels to = pixels_of(&j->to, n, h, c);
    if (lanes > 0)
        copy_run(j, to, pixels_of(&j->from, n, h, c), lanes);
    else
        lanes = 0;
    to.first += lanes;
    zero_lanes(j->to, to, j->to.shape.dim[3], end - c - lanes);
}

static void convert_row(const job *j, int64_t n, int64_t h)
{
    int64_t stored = channels_stored(j->to.shape, j->to.format);
    for (int64_t c = 0; c < stored; c += j->run)
        convert_run(j, n, h, c);
}

static void copy_all(fn_tensor to, fn_tensor from)
{
    int64_t count = fn_format_numel(to.shape, to.format);
    fn_type a = to.type, b = from.type;
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++)
        fn_store(to.data, a, i, fn_load(from.data, b, i));
}

void fn_format_convert(fn_tensor to, fn_tensor from)
{
    int a = fn_format_block(to.format), b = fn_format_block(from.format);
    job j = {to, from, 0};
    if (to.shape.rank != 4 || to.format == from.format) {
        copy_all(to, from);
        return;
    }
    j.run = a == 1   ? b
            : b == 1 ? a
                     : least(a, b); /* plain runs are as long as the other's */
#pragma omp parallel for collapse(2)
    for (int64_t n = 0; n < to.shape.dim[0]; n++)
        for (int64_t h = 0; h < to.shape.dim[2]; h++)
            convert_row(&j, n, h);
}
