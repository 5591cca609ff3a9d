/* conv on the CPU: what oneDNN's direct convolutions and Winograd's share. Which of them a call
 * takes is chosen when it is prepared. In bf16, too, Winograd's is ahead where it may be had:
 * oneDNN's multiplies twice as fast as in float, and this has a quarter to multiply. */
#include "core/mem.h"
#include "kernels/bytes.h"
#include "kernels/conv_way.h"
#include "kernels/format.h"
#include "kernels/implicit.h"
#include "kernels/relu.h"
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

/* Of what the gradient of y becomes before a way takes it: see conv_backward. */
static size_t masked_bytes(const fn_call *c)
{
    const fn_conv *a = c->attr;
    size_t bytes = (size_t)fn_format_numel(c->y[0].shape, c->y[0].format) *
                   fn_type_bytes(c->y[0].type);
    return a->relu ? bytes : 0;
}

static const fn_conv_way *choose_way(const fn_call *c)
{
    if (fn_bytes_are(c->x[0].type))
        return &fn_conv_u8;
    if (fn_winograd_fits(c))
        return &fn_conv_winograd;
    return fn_implicit_gains() && fn_implicit_fits(c) ? &fn_conv_implicit : &fn_conv_direct;
}

/* In u8 bytes where calibration has seen them; then plain floats where ours reads those, else what
 * oneDNN likes. */
static void conv_choose(fn_call *c)
{
    if (c->precision == FN_PRECISION_U8 && fn_conv_u8_choose(c))
        return;
    if (fn_bytes_are(c->x[0].type))
        c->x[0].type = FN_F32;
    fn_format x = c->x[0].format;
    c->x[0].format = c->y[0].format = FN_PLAIN;
    if (fn_implicit_gains() && fn_implicit_fits(c))
        return;
    c->x[0].format = x;
    fn_conv_direct_choose(c);
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

/* The gradient of what the ReLU was applied to, as both passes want it. */
static void *gradient(const fn_call *c)
{
    const fn_conv *a = c->attr;
    if (!a->relu || way_of(c)->masks)
        return c->dy[0].data;
    fn_relu_mask(c->workspace, c->y[0], c->dy[0]);
    return c->workspace;
}

static fn_status conv_backward(const fn_call *c)
{
    if (way_of(c)->backward)
        return way_of(c)->backward(c);
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
    .bytes = true,
    .choose = conv_choose,
    .prepare = conv_prepare,
    .load = conv_load,
    .forward = conv_forward,
    .backward = conv_backward,
    .release = conv_release,
    .describe = conv_describe,
};
