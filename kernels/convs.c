/* convs -- 1x1 convolutions that read the same value, as one: those at the beginning of an
 * inception module. nn/lower_gpu.c and nn/lower_cpu.c make it.
 *
 *   y[i] = conv(x, w[i], b[i]), and max(0, that) with relu
 *
 * x [N, C, H, W]    w[2i] kernel [Oi, C, 1, 1], w[2i+1] bias [Oi]; without bias: w[i] kernel
 * y[i] [N, Oi, H, W]   C and every Oi are multiples of 8 */
#include "kernels/convs.h"

#include "kernels/conv.h"
#include "kernels/ref.h"

static fn_status check(const fn_call *c)
{
    const fn_convs *a = c->attr;
    bool fits = a->n >= 2 && a->n <= FN_MOST_CONVS && c->x[0].shape.rank == 4 &&
                c->x[0].shape.dim[1] % 8 == 0;
    for (int i = 0; fits && i < a->n; i++)
        fits = a->out[i] % 8 == 0;
    if (fits)
        return FN_OK;
    return fn_fail(
        FN_EUNSUPPORTED,
        "convs makes one of 2 to %d convolutions, of channels in multiples of 8: "
        "keep them apart",
        FN_MOST_CONVS);
}

static fn_status convs_infer(fn_call *c)
{
    const fn_convs *a = c->attr;
    fn_shape x = c->x[0].shape;
    FN_TRY(check(c));
    c->n_y = a->n;
    c->n_w = a->bias ? 2 * a->n : a->n;
    for (int i = 0; i < a->n; i++) {
        int w = fn_convs_kernel(a, i);
        c->y[i].shape = (fn_shape)FN_NCHW(x.dim[0], a->out[i], x.dim[2], x.dim[3]);
        c->w[w].shape = (fn_shape)FN_NCHW(a->out[i], x.dim[1], 1, 1);
        if (a->bias)
            c->w[w + 1].shape = (fn_shape)FN_C(a->out[i]);
    }
    c->keep = FN_KEEP_X | (a->relu ? FN_KEEP_Y : 0);
    return FN_OK;
}

static int64_t convs_multiply_adds(const fn_call *c)
{
    const fn_convs *a = c->attr;
    int64_t sum = 0;
    for (int i = 0; i < a->n; i++)
        sum += fn_numel(c->y[i].shape) * (c->x[0].shape.dim[1] + (a->bias ? 1 : 0));
    return sum;
}

/* --- the reference: one convolution after the other --- */

extern const fn_op fn_op_conv;

static fn_call part_of(const fn_call *c, int i, fn_conv *attr)
{
    const fn_convs *a = c->attr;
    int w = fn_convs_kernel(a, i);
    fn_call part = {.attr = attr, .n_x = 1, .n_y = 1, .n_w = a->bias ? 2 : 1};
    *attr = (fn_conv){
        .out = a->out[i], .kernel = 1, .stride = 1, .bias = a->bias, .relu = a->relu};
    part.x[0] = part.dx[0] = c->x[0];
    part.y[0] = c->y[i];
    part.dy[0] = c->dy[i];
    for (int k = 0; k < part.n_w; k++) {
        part.w[k] = c->w[w + k];
        part.dw[k] = c->dw[w + k];
    }
    return part;
}

static fn_status convs_prepare(fn_call *c)
{
    c->workspace_bytes = (size_t)fn_numel(c->x[0].shape) * sizeof(double);
    return FN_OK;
}

static fn_status convs_forward(const fn_call *c)
{
    for (int i = 0; i < c->n_y; i++) {
        fn_conv attr;
        fn_call part = part_of(c, i, &attr);
        FN_TRY(fn_op_conv.kernel[FN_REF]->forward(&part));
    }
    return FN_OK;
}

static fn_status convs_backward(const fn_call *c)
{
    double *one = c->workspace; /* of dx */
    fn_ref_zero(c->dx[0]);
    for (int i = 0; i < c->n_y; i++) {
        fn_conv attr;
        fn_call part = part_of(c, i, &attr);
        part.dx[0].data = c->dx[0].data ? one : NULL;
        FN_TRY(fn_op_conv.kernel[FN_REF]->backward(&part));
        for (int64_t k = 0; c->dx[0].data && k < fn_numel(c->x[0].shape); k++)
            fn_f64(c->dx[0])[k] += one[k];
    }
    return FN_OK;
}

static const fn_kernel convs_ref = {
    .prepare = convs_prepare, .forward = convs_forward, .backward = convs_backward};

static const fn_weight weights[] = {
    {"kernel", FN_INIT_HE, true},
    {"bias", FN_INIT_ZERO, true},
    {"kernel", FN_INIT_HE, true},
    {"bias", FN_INIT_ZERO, true},
    {"kernel", FN_INIT_HE, true},
    {"bias", FN_INIT_ZERO, true},
    {0},
};

static const fn_convs three = {.n = 3, .out = {24, 8, 16}, .bias = 1, .relu = 1};
static const fn_convs two = {.n = 2, .out = {8, 16}, .bias = 1, .relu = 1};
static const fn_convs bare = {.n = 3, .out = {8, 8, 16}};
static const fn_convs biased = {.n = 2, .out = {8, 8}, .bias = 1};
static const fn_sample samples[] = {
    {&three, 1, {FN_NCHW(2, 16, 2, 3)}, FN_FILL_UNIFORM},
    {&two, 1, {FN_NCHW(3, 24, 2, 3)}, FN_FILL_UNIFORM},
    {&bare, 1, {FN_NCHW(1, 8, 5, 3)}, FN_FILL_UNIFORM},
    {&biased, 1, {FN_NCHW(2, 8, 3, 3)}, FN_FILL_UNIFORM},
    {0},
};

const fn_op fn_op_convs = {
    .name = "convs",
    .weight = weights,
    .attr_size = sizeof(fn_convs),
    .internal = true,
    .infer = convs_infer,
    .multiply_adds = convs_multiply_adds,
    .kernel = {&convs_ref, &fn_convs_cpu, FN_CUDA_KERNEL(fn_convs_cuda)},
    .sample = samples,
};
