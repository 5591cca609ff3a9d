/* conv_winograd -- a convolution by kernels/winograd.h: its packed kernels and its scratch. */
#include "core/mem.h"
#include "kernels/conv_way.h"
#include "kernels/winograd.h"

#include <stdio.h>

typedef struct quick {
    fn_conv_state common;
    fn_winograd sizes;
    float *packed, *packed_back; /* the kernel for forward; for dx, when that is wanted */
} quick;

static size_t packed_bytes(const quick *s)
{
    return (size_t)fn_winograd_floats(&s->sizes) * sizeof(float);
}

static fn_status make_packed(float **out, const quick *s)
{
    *out = fn_alloc_aligned(packed_bytes(s));
    return *out ? FN_OK
                : fn_fail(FN_ENOMEM, "no memory for %zu bytes of a convolution's weights",
                          packed_bytes(s));
}

static fn_status quick_prepare(fn_call *c, size_t masked)
{
    (void)masked;
    quick *s = c->state;
    s->sizes = fn_winograd_of(c);
    c->workspace_bytes = fn_winograd_scratch(&s->sizes);
    return make_packed(&s->packed, s);
}

static fn_status quick_load(fn_call *c)
{
    quick *s = c->state;
    fn_winograd_pack(s->packed, &s->sizes, fn_f32(c->w[0]), false);
    if (!c->training || !c->dx[0].data)
        return FN_OK;
    if (!s->packed_back)
        FN_TRY(make_packed(&s->packed_back, s));
    fn_winograd_pack(s->packed_back, &s->sizes, fn_f32(c->w[0]), true);
    return FN_OK;
}

static fn_status quick_forward(const fn_call *c)
{
    const quick *s = c->state;
    const fn_conv *a = c->attr;
    fn_winograd_forward(&s->sizes, c->y[0].data, c->x[0].data, s->packed, fn_f32(c->w[1]),
                        a->relu, c->workspace);
    return FN_OK;
}

/* Of a gradient this is what the ReLU lets through, or NULL: everything. */
static const void *masked(const fn_call *c)
{
    const fn_conv *a = c->attr;
    return a->relu ? c->y[0].data : NULL;
}

static fn_status quick_back(const fn_call *c, void *dy)
{
    const quick *s = c->state;
    fn_winograd_back(&s->sizes, c->dx[0].data, dy, masked(c), s->packed_back, c->workspace);
    return FN_OK;
}

static fn_status quick_back_w(const fn_call *c, void *dy)
{
    const quick *s = c->state;
    fn_winograd_back_w(&s->sizes, fn_f32(c->dw[0]), fn_f32(c->dw[1]), c->x[0].data, dy,
                       masked(c), c->workspace);
    return FN_OK;
}

static void quick_release(fn_call *c)
{
    quick *s = c->state;
    fn_free(s->packed);
    fn_free(s->packed_back);
}

static void quick_describe(const fn_call *c, char *text, size_t size)
{
    const quick *s = c->state;
    snprintf(text, size, "own winograd %s%s", s->sizes.kernel == 3 ? "4x4" : "2x2",
             c->y[0].type == FN_BF16 ? " bf16" : "");
}

const fn_conv_way fn_conv_winograd = {
    .size = sizeof(quick),
    .masks = true,
    .prepare = quick_prepare,
    .load = quick_load,
    .forward = quick_forward,
    .back = quick_back,
    .back_w = quick_back_w,
    .release = quick_release,
    .describe = quick_describe,
};
