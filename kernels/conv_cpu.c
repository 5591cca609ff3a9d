/* conv on the CPU: what oneDNN's direct convolutions and Winograd's share. Which of them a call
 * takes is chosen when it is prepared. In bf16, too, Winograd's is ahead where it may be had:
 * oneDNN's multiplies twice as fast as in float, and this has a quarter to multiply. */
#include "core/mem.h"
#include "kernels/bf16.h"
#include "kernels/conv_way.h"
#include "kernels/format.h"
#include "kernels/winograd.h"

static const fn_conv_way *way_of(const fn_call *c)
{
    const fn_conv_state *s = c->state;
    return s->way;
}

static void conv_release(fn_call *c)
{
    if (!c->state)
        return;
    way_of(c)->release(c);
    fn_free(c->state);
    c->state = NULL;
}

static int64_t y_count(const fn_call *c)
{
    return fn_format_numel(c->y[0].shape, c->y[0].format);
}

/* Of what the gradient of y becomes before a way takes it: see conv_backward. */
static size_t masked_bytes(const fn_call *c)
{
    const fn_conv *a = c->attr;
    return a->relu ? (size_t)y_count(c) * fn_type_bytes(c->y[0].type) : 0;
}

/* In u8, what may be negative stays float: the images, and what calibration has not seen. */
static const fn_conv_way *choose_way(const fn_call *c)
{
    if (c->precision == FN_PRECISION_U8 && fn_conv_u8_fits(c))
        return &fn_conv_u8;
    return fn_winograd_fits(c) ? &fn_conv_winograd : &fn_conv_direct;
}

static fn_status make(fn_call *c)
{
    const fn_conv_way *way = choose_way(c);
    fn_conv_state *s = fn_alloc(1, way->size);
    if (!s)
        return fn_fail(FN_ENOMEM, "no memory for its state");
    s->way = way;
    c->state = s;
    return way->prepare(c, way->masks ? 0 : masked_bytes(c));
}

static fn_status conv_prepare(fn_call *c)
{
    const fn_conv *a = c->attr;
    const int64_t *x = c->x[0].shape.dim;
    fn_status rc = make(c);
    if (rc == FN_OK)
        return FN_OK;
    conv_release(c);
    return fn_context(rc, "conv %dx%d/%d of [%lld, %lld, %lld, %lld] to %d channels",
                      a->kernel, a->kernel, a->stride, (long long)x[0], (long long)x[1],
                      (long long)x[2], (long long)x[3], a->out);
}

static fn_status conv_load(fn_call *c)
{
    return way_of(c)->load(c);
}

static fn_status conv_forward(const fn_call *c)
{
    return way_of(c)->forward(c);
}

static inline void mask(void *to, fn_tensor y, fn_tensor dy, fn_type t, int64_t count)
{
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++)
        fn_store(to, t, i, fn_load(y.data, t, i) > 0 ? fn_load(dy.data, t, i) : 0);
}

/* The gradient of what the ReLU was applied to, as both passes want it. */
static void *gradient(const fn_call *c)
{
    const fn_conv *a = c->attr;
    if (!a->relu || way_of(c)->masks)
        return c->dy[0].data;
    if (c->y[0].type == FN_BF16)
        mask(c->workspace, c->y[0], c->dy[0], FN_BF16, y_count(c));
    else
        mask(c->workspace, c->y[0], c->dy[0], FN_F32, y_count(c));
    return c->workspace;
}

static fn_status conv_backward(const fn_call *c)
{
    void *dy = gradient(c);
    if (c->dw[0].data || c->dw[1].data)
        FN_TRY(way_of(c)->back_w(c, dy));
    return c->dx[0].data ? way_of(c)->back(c, dy) : FN_OK;
}

static void conv_describe(const fn_call *c, char *text, size_t size)
{
    way_of(c)->describe(c, text, size);
}

const fn_kernel fn_conv_cpu = {
    .choose = fn_conv_direct_choose,
    .prepare = conv_prepare,
    .load = conv_load,
    .forward = conv_forward,
    .backward = conv_backward,
    .release = conv_release,
    .describe = conv_describe,
};
