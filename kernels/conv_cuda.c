/* conv on the GPU: cuDNN's plans for the three passes, and what has to be done around them.
 *
 * cuDNN wants channels in multiples of 8. An x that has others, a photograph above all, is
 * turned into blocks of pixels (kernels/stem.h), kept for backward in `saved`; a y that has
 * others is made wider in the workspace. The networks of the paper need the first for conv1 and
 * the second nowhere.
 *
 * Weights: the device's copy is [K, R, R, C] in the storage type, renewed by load(). */
#include "kernels/conv_plans.h"
#include "kernels/gpu.h"
#include "kernels/launch.h"
#include "kernels/stem.h"

typedef struct state {
    fn_conv_plans plan;      /* first: fn_conv_plans_prepare */
    fn_stem stem;            /* with stride 1 and padding where x is used as it is */
    bool blocks;             /* x goes through them */
    bool wide;               /* y is made wider */
    int64_t k;               /* channels of y for cuDNN */
    int64_t rows;            /* pixels of y */
    fn_type type;            /* of x, y and the copies of the weights */
    size_t x_bytes, y_bytes; /* of blocks, of a wide y */
} state;

static fn_status check(int error)
{
    return fn_device_check(error, "conv");
}

/* --- prepare --- */

static fn_cudnn_conv describe(const fn_call *c)
{
    const fn_conv *a = c->attr;
    const state *s = c->state;
    const int64_t *x = c->x[0].shape.dim;
    fn_cudnn_conv d = {.n = x[0], .k = s->k};
    d.h = s->blocks ? s->stem.rows : x[2];
    d.w = s->blocks ? s->stem.columns : x[3];
    d.c = s->stem.block;
    d.kernel = (int)s->stem.taps;
    d.stride = s->blocks ? 1 : a->stride;
    d.pad = s->blocks ? 0 : fn_window_pad(a->kernel, a->pad);
    return d;
}

static void find_sizes(fn_call *c)
{
    const fn_conv *a = c->attr;
    const int64_t *x = c->x[0].shape.dim, *y = c->y[0].shape.dim;
    state *s = c->state;
    int pad = fn_window_pad(a->kernel, a->pad);
    s->blocks = x[1] % 8 != 0;
    s->stem = fn_stem_of(x[2], x[3], x[1], a->kernel, s->blocks ? a->stride : 1, pad);
    if (!s->blocks)
        s->stem.block = x[1];
    s->k = (y[1] + 7) / 8 * 8;
    s->wide = s->k != y[1];
    s->rows = y[0] * y[2] * y[3];
    s->type = c->x[0].type;
    size_t each = fn_type_bytes(s->type);
    if (s->blocks)
        s->x_bytes = fn_gpu_padded(
            (size_t)(x[0] * s->stem.rows * s->stem.columns * s->stem.block) * each);
    if (s->wide)
        s->y_bytes = fn_gpu_padded((size_t)(s->rows * s->k) * each);
}

static size_t sums_bytes(const fn_call *c)
{
    return fn_gpu_padded(FN_SUM_PARTS * (size_t)c->y[0].shape.dim[1] * sizeof(float));
}

/* Whether backward makes a copy of dy: masked, or wider. */
static bool copies_dy(const fn_call *c)
{
    const fn_conv *a = c->attr;
    return a->relu || ((const state *)c->state)->wide;
}

static size_t dy_bytes(const fn_call *c)
{
    const state *s = c->state;
    return copies_dy(c) ? fn_gpu_padded((size_t)(s->rows * s->k) * fn_type_bytes(s->type))
                        : 0;
}

static void find_backward_workspace(fn_call *c)
{
    const state *s = c->state;
    fn_conv_plans_want(c, dy_bytes(c) + sums_bytes(c));
    fn_conv_plans_want(c, dy_bytes(c) + s->plan.w_bytes +
                              fn_cudnn_plan_workspace(s->plan.back_w));
    fn_conv_plans_want(c, dy_bytes(c) + s->x_bytes + fn_cudnn_plan_workspace(s->plan.back));
}

static fn_status open_all(fn_call *c)
{
    const fn_conv *a = c->attr;
    state *s = c->state;
    find_sizes(c);
    FN_TRY(fn_conv_plans_open(&s->plan, c, describe(c), a->bias, a->relu));
    c->saved_bytes = c->training ? s->x_bytes : 0;
    c->workspace_bytes = (c->training ? 0 : s->x_bytes) + s->y_bytes +
                         fn_cudnn_plan_workspace(s->plan.forward);
    if (c->training)
        find_backward_workspace(c);
    return FN_OK;
}

static fn_status conv_prepare(fn_call *c)
{
    return fn_conv_plans_prepare(c, sizeof(state), open_all);
}

/* Those that kernels/augment.cu makes. */
static const fn_stem *conv_squares(const fn_call *c)
{
    const state *s = c->state;
    bool made = s->blocks && c->training && s->stem.stride == 2 && s->stem.channels == 3;
    return made ? &s->stem : NULL;
}

/* --- running --- */

static fn_status conv_load(fn_call *c)
{
    const fn_conv *a = c->attr;
    const state *s = c->state;
    FN_TRY(check(fn_launch_conv_pack(s->plan.w, fn_f32(c->w[0]), &s->stem, a->out, s->k,
                                     (int)s->type, c->stream)));
    if (!a->bias)
        return FN_OK;
    return check(
        fn_launch_cast(s->plan.b, (int)s->type, c->w[1].data, FN_F32, a->out, c->stream));
}

static fn_status conv_forward(const fn_call *c)
{
    const state *s = c->state;
    char *at = c->workspace, *x = c->x[0].data, *y = c->y[0].data;
    if (s->blocks) {
        x = c->training ? c->saved : at;
        at += c->training ? 0 : s->x_bytes;
        if (!c->fed)
            FN_TRY(check(fn_launch_conv_blocks(
                x, c->x[0].data, &s->stem, c->x[0].shape.dim[0], (int)s->type, c->stream)));
    }
    if (s->wide) {
        y = at;
        at += s->y_bytes;
    }
    FN_TRY(fn_cudnn_plan_run(
        s->plan.forward,
        &(fn_cudnn_data){.x = x, .w = s->plan.w, .b = s->plan.b, .y = y, .workspace = at}));
    if (!s->wide)
        return FN_OK;
    return check(fn_launch_widen(c->y[0].data, (int)c->y[0].shape.dim[1], y, (int)s->k,
                                 s->rows, (int)s->type, c->stream));
}

/* *dy as cuDNN takes it, at the beginning of the workspace where it had to be copied; and the
 * bias's gradient. */
static fn_status bring_dy(const fn_call *c, char **dy)
{
    const fn_conv *a = c->attr;
    const state *s = c->state;
    void *to = copies_dy(c) ? c->workspace : NULL;
    float *sum = a->bias ? c->dw[1].data : NULL;
    *dy = to ? to : c->dy[0].data;
    if (!to && !sum)
        return FN_OK;
    if (s->wide)
        FN_TRY(fn_device_zero(c->gpu->device, to, dy_bytes(c)));
    return check(fn_launch_conv_mask(to, sum, (float *)((char *)c->workspace + dy_bytes(c)),
                                     c->dy[0].data, a->relu ? c->y[0].data : NULL, s->rows,
                                     c->y[0].shape.dim[1], s->k, (int)s->type, c->stream));
}

static fn_status back_w(const fn_call *c, char *dy)
{
    const fn_conv *a = c->attr;
    const state *s = c->state;
    char *dw = (char *)c->workspace + dy_bytes(c);
    FN_TRY(fn_cudnn_plan_run(s->plan.back_w,
                             &(fn_cudnn_data){.x = s->blocks ? c->saved : c->x[0].data,
                                              .w = dw,
                                              .y = dy,
                                              .workspace = dw + s->plan.w_bytes}));
    return check(fn_launch_conv_unpack(fn_f32(c->dw[0]), dw, &s->stem, a->out,
                                       (int)s->plan.dw, c->stream));
}

static fn_status back(const fn_call *c, char *dy)
{
    const state *s = c->state;
    char *at = (char *)c->workspace + dy_bytes(c);
    FN_TRY(fn_cudnn_plan_run(s->plan.back,
                             &(fn_cudnn_data){.dx = s->blocks ? at : c->dx[0].data,
                                              .w = s->plan.w,
                                              .y = dy,
                                              .workspace = at + s->x_bytes}));
    if (!s->blocks)
        return FN_OK;
    return check(fn_launch_conv_blocks_back(c->dx[0].data, at, &s->stem,
                                            c->x[0].shape.dim[0], (int)s->type, c->stream));
}

static fn_status conv_backward(const fn_call *c)
{
    char *dy;
    FN_TRY(bring_dy(c, &dy));
    if (c->dw[0].data)
        FN_TRY(back_w(c, dy));
    return c->dx[0].data ? back(c, dy) : FN_OK;
}

const fn_kernel fn_conv_cuda = {
    .prepare = conv_prepare,
    .squares = conv_squares,
    .load = conv_load,
    .forward = conv_forward,
    .backward = conv_backward,
    .release = fn_conv_plans_release,
    .describe = fn_conv_plans_describe,
};
