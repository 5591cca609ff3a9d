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

const char *fn_format_type(fn_type t)
{
    static const char *const name[] = {[FN_F32] = "f32",
                                       [FN_BF16] = "bf16",
                                       [FN_F64] = "f64",
                                       [FN_U8] = "u8",
                                       [FN_S8] = "s8"};
    return name[t];
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
    c->y[0].step = c->x[0].step;
}

void fn_format_give(fn_call *c)
{
    fn_format_keep(c);
    if (c->precision != FN_PRECISION_U8)
        return;
    fn_bytes_give(&c->y[0], c->y_range);
    if (fn_bytes_are(c->y[0].type))
        c->x[0].format = c->y[0].format = FN_PLAIN;
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

/* `count` numbers; called with constants where it matters. `scale` is the step of `from` in that of
 * `to`. */
static inline __attribute__((always_inline)) void
copy_some(void *restrict to, fn_type to_type, const void *restrict from, fn_type from_type,
          float scale, int64_t count)
{
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        fn_store_any(to, to_type, i, fn_load_any(from, from_type, i) * scale);
}

/* Of equal formats: what stands beside convolutions of bytes is fast. */
static void copy_part(fn_tensor to, fn_tensor from, float scale, int64_t n)
{
    if (from.type == FN_F32 && to.type == FN_U8)
        copy_some(to.data, FN_U8, from.data, FN_F32, scale, n);
    else if (from.type == FN_F32 && to.type == FN_S8)
        copy_some(to.data, FN_S8, from.data, FN_F32, scale, n);
    else if (from.type == FN_U8 && to.type == FN_F32)
        copy_some(to.data, FN_F32, from.data, FN_U8, scale, n);
    else if (from.type == FN_U8 && to.type == FN_U8)
        copy_some(to.data, FN_U8, from.data, FN_U8, scale, n);
    else
        copy_some(to.data, to.type, from.data, from.type, scale, n);
}

static float scale_of(fn_tensor to, fn_tensor from)
{
    return fn_bytes_step(from) / fn_bytes_step(to);
}

typedef struct job {
    fn_tensor to, from;
    int64_t run; /* channels that lie side by side in both formats */
    float scale; /* the step of `from` in that of `to` */
} job;

/* Copies `lanes` channels of each pixel of a row; called with constants where it matters. */
static inline void copy_lanes(const job *j, fn_type to_type, pixels to, fn_type from_type,
                              pixels from, int64_t lanes)
{
    void *t = fn_from(j->to, to.first);
    const void *f = fn_from(j->from, from.first);
    bool floats = to_type == FN_F32 && from_type == FN_F32;
    float scale = floats ? 1 : j->scale;
    for (int64_t w = 0; w < j->to.shape.dim[3]; w++)
        for (int64_t k = 0; k < lanes; k++)
            fn_store_any(t, to_type, w * to.step + k,
                         scale * fn_load_any(f, from_type, w * from.step + k));
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

static void copy_run(const job *j, pixels to, pixels from, int64_t lanes)
{
    fn_type a = j->to.type, b = j->from.type;
    if (a == FN_F32 && b == FN_F32 && lanes == 16)
        copy_lanes(j, FN_F32, to, FN_F32, from, 16);
    else if (a == FN_F32 && b == FN_F32 && lanes == 8)
        copy_lanes(j, FN_F32, to, FN_F32, from, 8);
    else if (lanes == 16)
        copy_lanes(j, a, to, b, from, 16);
    else
        copy_lanes(j, a, to, b, from, lanes);
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

static fn_tensor part_of(fn_tensor t, int64_t at)
{
    t.data = fn_from(t, at);
    return t;
}

static void copy_all(fn_tensor to, fn_tensor from)
{
    enum { PART = 1 << 14 };
    int64_t count = fn_format_numel(to.shape, to.format);
    float scale = scale_of(to, from);
#pragma omp parallel for
    for (int64_t i = 0; i < count; i += PART)
        copy_part(part_of(to, i), part_of(from, i), scale, least(PART, count - i));
}

void fn_format_convert(fn_tensor to, fn_tensor from)
{
    int a = fn_format_block(to.format), b = fn_format_block(from.format);
    job j = {to, from, 0, scale_of(to, from)};
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
