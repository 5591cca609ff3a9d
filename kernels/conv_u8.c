/* conv_u8 -- convolutions of bytes, for inference.
 *
 *   q = x / s     to the nearest of 0 ... 255        s = most / 255, c->most from calibration
 *   v = w / t[o]  to the nearest of -127 ... 127     t[o] = max |w[o]| / 127
 *   y = s t[o] (sum of q v) + b[o], ReLU
 *
 * The sums are whole numbers of 32 bits and lose nothing. oneDNN multiplies, in plain layouts;
 * rounding x, scaling y and the change between layouts are one walk each. */
#include "core/mem.h"
#include "kernels/conv_way.h"
#include "kernels/dnnl.h"
#include "kernels/format.h"

#include <math.h>
#include <stdio.h>

#define TINY 1e-30F /* what is less has no inverse to count on */

enum { LANES = 16 };

typedef struct bytes {
    fn_conv_state common;
    fn_dnnl_op op;
    fn_dnnl_port w;
    char *packed;  /* the kernel as oneDNN wants it */
    int8_t *plain; /* the same in rows; what oneDNN takes if it wants no other layout */
    float *scale;  /* [O]: s t[o] */
    size_t x, sum, scratch; /* places in the workspace */
} bytes;

/* 255 x 127 x products has to fit 31 bits. */
bool fn_conv_u8_fits(const fn_call *c)
{
    fn_shape w = c->w[0].shape;
    return !c->training && c->most > TINY && fn_numel(w) / w.dim[0] <= 1 << 16;
}

static fn_status u8_prepare(fn_call *c, size_t masked)
{
    bytes *s = c->state;
    const fn_conv *a = c->attr;
    fn_shape x = c->x[0].shape, y = c->y[0].shape, w = c->w[0].shape;
    fn_dnnl_view rows = fn_dnnl_rows(w);
    fn_dnnl_conv conv = {.x = fn_dnnl_value(x, FN_PLAIN, dnnl_u8),
                         .w = fn_dnnl_free(w),
                         .y = fn_dnnl_value(y, FN_PLAIN, dnnl_s32),
                         .stride = a->stride,
                         .pad = fn_window_pad(a->kernel, a->pad)};
    (void)masked; /* of backward, which there is not */
    conv.w.type = rows.type = dnnl_s8;
    FN_TRY(fn_dnnl_make_conv(&s->op, FN_DNNL_INFER, &conv, NULL));
    FN_TRY(fn_dnnl_compile(&s->op));
    FN_TRY(fn_dnnl_port_in(&s->w, &s->op, DNNL_ARG_WEIGHTS, rows));
    s->packed = fn_alloc_aligned(s->w.bytes);
    s->plain = fn_alloc_aligned((size_t)fn_numel(w));
    s->scale = fn_alloc_aligned((size_t)a->out * sizeof(float));
    if (!s->packed || !s->plain || !s->scale)
        return fn_fail(FN_ENOMEM, "no memory for the bytes of a convolution's weights");
    size_t size = 0;
    s->scratch = fn_dnnl_reserve(&size, fn_dnnl_bytes(&s->op, DNNL_ARG_SCRATCHPAD));
    s->x = fn_dnnl_reserve(&size, fn_dnnl_bytes(&s->op, DNNL_ARG_SRC));
    s->sum = fn_dnnl_reserve(&size, fn_dnnl_bytes(&s->op, DNNL_ARG_DST));
    c->workspace_bytes = size;
    return FN_OK;
}

/* Gives t[o]. */
static float round_row(int8_t *to, const float *w, int64_t n)
{
    float most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(w[i]));
    float inverse = most > TINY ? 127 / most : 0;
    for (int64_t i = 0; i < n; i++)
        to[i] = (int8_t)lrintf(w[i] * inverse);
    return most / 127;
}

static fn_status u8_load(fn_call *c)
{
    bytes *s = c->state;
    fn_shape w = c->w[0].shape;
    int64_t each = fn_numel(w) / w.dim[0];
    void *rows = s->plain;
    for (int64_t o = 0; o < w.dim[0]; o++)
        s->scale[o] = c->most / 255 *
                      round_row(s->plain + o * each, fn_f32(c->w[0]) + o * each, each);
    return fn_dnnl_bring(&s->w, &rows, s->packed);
}

/* --- the walks: pixels of a block of channels in the network's layout beside plain ones --- */

typedef struct walk {
    int64_t channels, lanes, blocks, plane, images;
} walk;

static walk walk_of(fn_tensor t)
{
    const int64_t *d = t.shape.dim;
    int64_t lanes = t.format == FN_PLAIN ? d[1] : fn_format_block(t.format);
    return (walk){d[1], lanes, (d[1] + lanes - 1) / lanes, d[2] * d[3], d[0]};
}

/* Of block `b` of all: image by image, block by block. */
static int64_t plain_place(const walk *k, int64_t b)
{
    return b / k->blocks * k->plane * k->channels + b % k->blocks * k->lanes;
}

static int64_t used_lanes(const walk *k, int64_t b)
{
    int64_t left = k->channels - b % k->blocks * k->lanes;
    return left < k->lanes ? left : k->lanes;
}

static inline void round_some(uint8_t *to, const float *x, int64_t n, float inverse)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float v = x[i] * inverse + 0.5F;
        v = v < 255 ? v : 255;
        to[i] = (uint8_t)(int)(v > 0 ? v : 0);
    }
}

static void round_input(uint8_t *to, fn_tensor x, float inverse)
{
    walk k = walk_of(x);
#pragma omp parallel for
    for (int64_t b = 0; b < k.images * k.blocks; b++) {
        const float *from = fn_f32(x) + b * k.plane * k.lanes;
        uint8_t *at = to + plain_place(&k, b);
        int64_t used = used_lanes(&k, b);
        for (int64_t p = 0; p < k.plane; p++)
            if (used == LANES)
                round_some(at + p * k.channels, from + p * k.lanes, LANES, inverse);
            else
                round_some(at + p * k.channels, from + p * k.lanes, used, inverse);
    }
}

/* What becomes of the sums of a block's channels; bias may be NULL. */
typedef struct ending {
    const float *scale, *bias;
    bool relu;
} ending;

static inline void scale_some(float *y, const int32_t *sum, int64_t n, ending e)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float v = (float)sum[i] * e.scale[i] + (e.bias ? e.bias[i] : 0);
        y[i] = e.relu && v < 0 ? 0 : v;
    }
}

static void scale_output(fn_tensor y, const int32_t *sum, ending e)
{
    walk k = walk_of(y);
#pragma omp parallel for
    for (int64_t b = 0; b < k.images * k.blocks; b++) {
        float *to = fn_f32(y) + b * k.plane * k.lanes;
        const int32_t *from = sum + plain_place(&k, b);
        int64_t used = used_lanes(&k, b), first = b % k.blocks * k.lanes;
        ending here = {e.scale + first, e.bias ? e.bias + first : NULL, e.relu};
        for (int64_t p = 0; p < k.plane; p++) {
            if (used == LANES)
                scale_some(to + p * k.lanes, from + p * k.channels, LANES, here);
            else
                scale_some(to + p * k.lanes, from + p * k.channels, used, here);
            for (int64_t i = used; i < k.lanes; i++)
                to[p * k.lanes + i] = 0;
        }
    }
}

static fn_status u8_forward(const fn_call *c)
{
    const bytes *s = c->state;
    const fn_conv *a = c->attr;
    char *workspace = c->workspace;
    round_input((uint8_t *)workspace + s->x, c->x[0], 255 / c->most);
    FN_TRY(fn_dnnl_run(
        &s->op,
        (fn_dnnl_arg[]){{DNNL_ARG_SRC, workspace + s->x},
                        {DNNL_ARG_WEIGHTS, s->w.bytes ? s->packed : (char *)s->plain},
                        {DNNL_ARG_DST, workspace + s->sum},
                        {DNNL_ARG_SCRATCHPAD, workspace + s->scratch},
                        {0}}));
    scale_output(c->y[0], (const int32_t *)(workspace + s->sum),
                 (ending){s->scale, a->bias ? fn_f32(c->w[1]) : NULL, a->relu});
    return FN_OK;
}

static void u8_release(fn_call *c)
{
    bytes *s = c->state;
    fn_dnnl_release(&s->op);
    fn_dnnl_release(&s->w.move);
    fn_free(s->packed);
    fn_free(s->plain);
    fn_free(s->scale);
}

static void u8_describe(const fn_call *c, char *text, size_t size)
{
    const bytes *s = c->state;
    snprintf(text, size, "fwd u8 %s", fn_dnnl_name(&s->op));
}

const fn_conv_way fn_conv_u8 = {
    .size = sizeof(bytes),
    .prepare = u8_prepare,
    .load = u8_load,
    .forward = u8_forward,
    .release = u8_release,
    .describe = u8_describe,
};
