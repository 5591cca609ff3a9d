/* conv_u8 -- convolutions of bytes, for inference.
 *
 *   q = x / s     whole, as x is stored: FN_U8 or FN_S8, of step s
 *   v = w / t[o]  to the nearest of -127 ... 127     t[o] = max |w[o]| / 127
 *   y = s t[o] (sum of q v) + b[o], ReLU
 *
 * The sums are whole numbers of 32 bits and lose nothing. y is floats, or bytes of its own step,
 * which cut off what is negative: there the ReLU is for nothing. oneDNN does all of it, in plain
 * layouts. Its scales are known when the weights are, so a convolution is made in `load`. */
#include "core/mem.h"
#include "kernels/bytes.h"
#include "kernels/conv_way.h"
#include "kernels/dnnl.h"

#include <math.h>
#include <stdio.h>

typedef struct bytes {
    fn_conv_state common;
    fn_dnnl_op op;
    fn_dnnl_port w;
    char *packed;  /* the kernel as oneDNN wants it */
    int8_t *plain; /* the same in rows; what oneDNN takes if it wants no other layout */
    float *scale;  /* [O]: s t[o], in steps of y */
    float *bias;   /* [O]: as oneDNN adds it */
} bytes;

/* 255 x 127 x products has to fit 31 bits. */
static bool fits(const fn_call *c)
{
    const fn_conv *a = c->attr;
    int64_t products = c->x[0].shape.dim[1] * a->kernel * a->kernel;
    return !c->training && products <= 1 << 16 &&
           (fn_bytes_are(c->x[0].type) || fn_bytes_known(c->x_range));
}

bool fn_conv_u8_choose(fn_call *c)
{
    if (!fits(c))
        return false;
    c->x[0].format = c->y[0].format = FN_PLAIN;
    if (!fn_bytes_are(c->x[0].type))
        fn_bytes_fit(&c->x[0], c->x_range);
    fn_bytes_give(&c->y[0], c->y_range);
    return true;
}

/* --- prepare and load --- */

static fn_status describe(fn_dnnl_op *out, const fn_call *c, const float *scale)
{
    const fn_conv *a = c->attr;
    fn_dnnl_conv conv = {
        .x = fn_dnnl_value(c->x[0].shape, FN_PLAIN, fn_dnnl_type(c->x[0].type)),
        .w = fn_dnnl_free(c->w[0].shape),
        .b = fn_dnnl_rows(a->bias ? c->w[1].shape : (fn_shape){0}),
        .y = fn_dnnl_value(c->y[0].shape, FN_PLAIN, fn_dnnl_type(c->y[0].type)),
        .stride = a->stride,
        .pad = fn_window_pad(a->kernel, a->pad),
        .relu = a->relu && c->y[0].type == FN_F32,
        .scale = scale};
    conv.w.type = dnnl_s8;
    return fn_dnnl_make_conv(out, FN_DNNL_INFER, &conv, NULL);
}

static fn_status u8_prepare(fn_call *c, size_t masked)
{
    bytes *s = c->state;
    const fn_conv *a = c->attr;
    fn_shape w = c->w[0].shape;
    fn_dnnl_view rows = fn_dnnl_rows(w);
    (void)masked; /* of backward, which there is not */
    rows.type = dnnl_s8;
    s->scale = fn_alloc_aligned((size_t)a->out * sizeof(float));
    s->bias = fn_alloc_aligned((size_t)a->out * sizeof(float));
    s->plain = fn_alloc_aligned((size_t)fn_numel(w));
    if (!s->scale || !s->bias || !s->plain)
        return fn_fail(FN_ENOMEM, "no memory for the bytes of a convolution's weights");
    for (int o = 0; o < a->out; o++)
        s->scale[o] = (float)(o + 2); /* whatever: what is prepared depends on no number */
    FN_TRY(describe(&s->op, c, s->scale));
    FN_TRY(fn_dnnl_port_in(&s->w, &s->op, DNNL_ARG_WEIGHTS, rows));
    s->packed = fn_alloc_aligned(s->w.bytes);
    if (!s->packed)
        return fn_fail(FN_ENOMEM, "no memory for %zu bytes of weights", s->w.bytes);
    c->workspace_bytes = fn_dnnl_bytes(&s->op, DNNL_ARG_SCRATCHPAD);
    return FN_OK;
}

/* Gives t[o]; of weights of nothing, any. */
static float round_row(int8_t *to, const float *w, int64_t n)
{
    float most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(w[i]));
    float inverse = most > FN_BYTES_TINY ? 127 / most : 0;
    for (int64_t i = 0; i < n; i++)
        to[i] = (int8_t)lrintf(w[i] * inverse);
    return inverse > 0 ? most / 127 : 1;
}

static void load_numbers(fn_call *c)
{
    bytes *s = c->state;
    fn_shape w = c->w[0].shape;
    int64_t each = fn_numel(w) / w.dim[0];
    const float *bias = c->w[1].data;
    float step = fn_bytes_step(c->y[0]);
    for (int64_t o = 0; o < w.dim[0]; o++) {
        float t = round_row(s->plain + o * each, fn_f32(c->w[0]) + o * each, each);
        s->scale[o] = c->x[0].step * t / step;
        s->bias[o] = bias ? bias[o] / step : 0;
        if (fn_dnnl_make_scales_bias())
            s->bias[o] /= s->scale[o];
    }
}

static fn_status u8_load(fn_call *c)
{
    bytes *s = c->state;
    void *rows = s->plain;
    load_numbers(c);
    fn_dnnl_release(&s->op);
    FN_TRY(describe(&s->op, c, s->scale));
    FN_TRY(fn_dnnl_compile(&s->op));
    return fn_dnnl_bring(&s->w, &rows, s->packed);
}

/* --- running --- */

static fn_status u8_forward(const fn_call *c)
{
    const bytes *s = c->state;
    return fn_dnnl_run(&s->op,
                       (fn_dnnl_arg[]){{DNNL_ARG_SRC, c->x[0].data},
                                       {DNNL_ARG_WEIGHTS,
                                        s->w.bytes ? (void *)s->packed : (void *)s->plain},
                                       {DNNL_ARG_BIAS, s->bias},
                                       {DNNL_ARG_DST, c->y[0].data},
                                       {DNNL_ARG_SCRATCHPAD, c->workspace},
                                       {fn_dnnl_make_scale_id(), s->scale},
                                       {0}});
}

static void u8_release(fn_call *c)
{
    bytes *s = c->state;
    fn_dnnl_release(&s->op);
    fn_dnnl_release(&s->w.move);
    fn_free(s->packed);
    fn_free(s->plain);
    fn_free(s->scale);
    fn_free(s->bias);
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
