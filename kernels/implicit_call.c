/* The kernel of part i is weight i, or 2i, and its bias the next. */
#include "kernels/implicit_call.h"

#include "core/mem.h"

static int kernel_of(const fn_call *c, int part)
{
    return c->n_w / c->n_y * part;
}

static bool has_bias(const fn_call *c)
{
    return c->n_w == 2 * c->n_y;
}

static fn_status make_packed(float **out, int64_t floats)
{
    *out = fn_alloc_aligned((size_t)floats * sizeof **out);
    return *out ? FN_OK
                : fn_fail(FN_ENOMEM, "no memory for %zu bytes of a convolution's weights",
                          (size_t)floats * sizeof **out);
}

fn_status fn_implicit_call_prepare(fn_call *c, fn_implicit_state *s, const fn_conv *a,
                                   const fn_tiles *tiles)
{
    s->sizes = fn_implicit_of(c, a, tiles);
    c->workspace_bytes = fn_implicit_scratch(&s->sizes);
    size_t back = c->training ? fn_implicit_scratch_back(&s->sizes) : 0;
    if (back > c->workspace_bytes)
        c->workspace_bytes = back;
    return make_packed(&s->packed, fn_implicit_floats(&s->sizes));
}

fn_status fn_implicit_call_load(fn_call *c, fn_implicit_state *s)
{
    const float *w[FN_IMPLICIT_PARTS], *bias[FN_IMPLICIT_PARTS] = {NULL};
    for (int i = 0; i < c->n_y; i++) {
        w[i] = fn_f32(c->w[kernel_of(c, i)]);
        if (has_bias(c))
            bias[i] = fn_f32(c->w[kernel_of(c, i) + 1]);
    }
    fn_implicit_pack(s->packed, &s->sizes, w, bias);
    if (!c->training || !c->dx[0].data)
        return FN_OK;
    if (!s->packed_back)
        FN_TRY(make_packed(&s->packed_back, fn_implicit_floats_back(&s->sizes)));
    fn_implicit_pack_back(s->packed_back, &s->sizes, w);
    return FN_OK;
}

void fn_implicit_call_forward(const fn_call *c, const fn_implicit_state *s)
{
    float *y[FN_IMPLICIT_PARTS];
    for (int i = 0; i < c->n_y; i++)
        y[i] = fn_f32(c->y[i]);
    fn_implicit_forward(&s->sizes, y, fn_f32(c->x[0]), s->packed, c->workspace);
}

void fn_implicit_call_backward(const fn_call *c, const fn_implicit_state *s)
{
    fn_implicit_gradients d = {
        .dx = fn_f32(c->dx[0]), .x = fn_f32(c->x[0]), .u = s->packed_back};
    for (int i = 0; i < c->n_y; i++) {
        d.dw[i] = fn_f32(c->dw[kernel_of(c, i)]);
        d.db[i] = has_bias(c) ? fn_f32(c->dw[kernel_of(c, i) + 1]) : NULL;
        d.dy[i] = fn_f32(c->dy[i]);
        d.y[i] = s->sizes.relu ? fn_f32(c->y[i]) : NULL;
    }
    fn_implicit_back(&s->sizes, &d, c->workspace);
}

void fn_implicit_call_release(fn_implicit_state *s)
{
    fn_free(s->packed);
    fn_free(s->packed_back);
}
