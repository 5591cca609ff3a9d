/* conv_direct -- the convolutions of oneDNN, and the layouts that they like.
 *
 * Where the layouts of the network leave one of the three passes nothing but a slow
 * implementation (the first convolution: 3 plain channels), that pass gets layouts of its own
 * through ports. In bf16 weights come through ports too, and an x of floats, which is the
 * images; sums are float, y and gradients of values are bf16, those of weights float. */
#include "core/mem.h"
#include "kernels/conv_way.h"
#include "kernels/dnnl.h"

#include <stdio.h>

/* One of forward, gradient of x, gradient of the kernel. */
typedef struct pass {
    fn_dnnl_op op;
    fn_dnnl_port x, w, y;
} pass;

typedef struct direct {
    fn_conv_state common;
    pass forward, back, back_w;
    char *packed;      /* the kernel as forward wants it; NULL where plain will do */
    char *back_own;    /* what only the gradient of x needs: made when that is wanted */
    size_t back_bytes; /* of it */
    size_t scratch, back_scratch, back_w_scratch, bias; /* places in the workspace */
} direct;

static dnnl_data_type_t low(const fn_call *c)
{
    return c->precision == FN_PRECISION_BF16 ? dnnl_bf16 : dnnl_f32;
}

static fn_dnnl_view view_of(const fn_tensor *t)
{
    return fn_dnnl_value(t->shape, t->format, fn_dnnl_type(t->type));
}

static fn_dnnl_conv describe_call(const fn_call *c)
{
    const fn_conv *a = c->attr;
    return (fn_dnnl_conv){
        .x = view_of(&c->x[0]),
        .w = fn_dnnl_free(c->w[0].shape),
        .b = fn_dnnl_rows(a->bias ? c->w[1].shape : (fn_shape){0}),
        .y = view_of(&c->y[0]),
        .stride = a->stride,
        .pad = fn_window_pad(a->kernel, a->pad),
        .relu = a->relu,
    };
}

static fn_dnnl_pass forward_pass(const fn_call *c)
{
    return c->training ? FN_DNNL_TRAIN : FN_DNNL_INFER;
}

/* In bf16 that is plain: it was as fast as blocks of 16 in training steps of NN2, and is what
 * oneDNN's own choice comes to for inference. */
void fn_conv_direct_choose(fn_call *c)
{
    c->y[0].format = FN_PLAIN;
    if (c->precision == FN_PRECISION_BF16) {
        c->x[0].format = FN_PLAIN;
        c->y[0].type = FN_BF16;
        return;
    }
    fn_dnnl_conv a = describe_call(c);
    fn_dnnl_op op;
    a.x = fn_dnnl_free(c->x[0].shape);
    a.y = fn_dnnl_free(c->y[0].shape);
    c->y[0].type = FN_F32;
    if (fn_dnnl_make_conv(&op, forward_pass(c), &a, NULL) != FN_OK)
        return;
    if (!fn_dnnl_format(&op, DNNL_ARG_SRC, c->x[0].shape, &c->x[0].format))
        c->x[0].format = FN_PLAIN;
    if (!fn_dnnl_format(&op, DNNL_ARG_DST, c->y[0].shape, &c->y[0].format))
        c->y[0].format = FN_PLAIN;
    fn_dnnl_release(&op);
}

/* --- prepare --- */

/* With the layouts of the network if that is fast, else with oneDNN's own if those are. */
static fn_status make(fn_dnnl_op *out, fn_dnnl_pass kind, fn_dnnl_conv a,
                      const fn_dnnl_op *forward)
{
    fn_dnnl_op other;
    fn_status rc = fn_dnnl_make_conv(out, kind, &a, forward);
    if (rc == FN_OK && !fn_dnnl_is_slow(out))
        return FN_OK;
    a.x.tag = a.y.tag = dnnl_format_tag_any;
    if (fn_dnnl_make_conv(&other, kind, &a, forward) == FN_OK) {
        if (rc != FN_OK || !fn_dnnl_is_slow(&other)) {
            fn_dnnl_release(out);
            *out = other;
            return FN_OK;
        }
        fn_dnnl_release(&other);
    }
    return rc;
}

static fn_status prepare_forward(fn_call *c, const fn_dnnl_conv *a)
{
    direct *s = c->state;
    pass *f = &s->forward;
    fn_dnnl_conv inside = *a;
    inside.x.type = inside.w.type = low(c);
    FN_TRY(make(&f->op, forward_pass(c), inside, NULL));
    FN_TRY(fn_dnnl_compile(&f->op));
    FN_TRY(fn_dnnl_port_in(&f->x, &f->op, DNNL_ARG_SRC, a->x));
    FN_TRY(fn_dnnl_port_in(&f->w, &f->op, DNNL_ARG_WEIGHTS, fn_dnnl_rows(a->w.shape)));
    FN_TRY(fn_dnnl_port_out(&f->y, &f->op, DNNL_ARG_DST, a->y));
    if (f->w.bytes && !(s->packed = fn_alloc_aligned(f->w.bytes)))
        return fn_fail(FN_ENOMEM, "no memory for %zu bytes of weights", f->w.bytes);
    size_t size = 0;
    s->scratch = fn_dnnl_reserve(&size, fn_dnnl_bytes(&f->op, DNNL_ARG_SCRATCHPAD));
    f->x.at = fn_dnnl_reserve(&size, f->x.bytes);
    f->y.at = fn_dnnl_reserve(&size, f->y.bytes);
    c->workspace_bytes = size;
    return FN_OK;
}

/* Only the scratchpad lies in the workspace: see back_own. */
static fn_status prepare_back(fn_call *c, const fn_dnnl_conv *a, size_t masked)
{
    direct *s = c->state;
    pass *p = &s->back;
    fn_dnnl_conv inside = *a;
    inside.w.type = inside.y.type = low(c);
    FN_TRY(make(&p->op, FN_DNNL_BACK, inside, &s->forward.op));
    FN_TRY(fn_dnnl_compile(&p->op));
    FN_TRY(fn_dnnl_port_out(&p->x, &p->op, DNNL_ARG_DIFF_SRC, a->x));
    FN_TRY(fn_dnnl_port_in(&p->w, &p->op, DNNL_ARG_WEIGHTS, fn_dnnl_rows(a->w.shape)));
    FN_TRY(fn_dnnl_port_in(&p->y, &p->op, DNNL_ARG_DIFF_DST, inside.y));
    p->x.at = fn_dnnl_reserve(&s->back_bytes, p->x.bytes);
    p->w.at = fn_dnnl_reserve(&s->back_bytes, p->w.bytes);
    p->y.at = fn_dnnl_reserve(&s->back_bytes, p->y.bytes);
    size_t size = masked;
    s->back_scratch = fn_dnnl_reserve(&size, fn_dnnl_bytes(&p->op, DNNL_ARG_SCRATCHPAD));
    if (size > c->workspace_bytes)
        c->workspace_bytes = size;
    return FN_OK;
}

/* The kernel's gradient has its place in the workspace even where the layouts agree: it may
 * be unwanted, but oneDNN writes it. So has the bias's. */
static fn_status prepare_back_w(fn_call *c, const fn_dnnl_conv *a, size_t masked)
{
    direct *s = c->state;
    pass *p = &s->back_w;
    fn_dnnl_conv inside = *a;
    inside.x.type = inside.y.type = low(c);
    FN_TRY(make(&p->op, FN_DNNL_BACK_W, inside, &s->forward.op));
    FN_TRY(fn_dnnl_compile(&p->op));
    FN_TRY(fn_dnnl_port_in(&p->x, &p->op, DNNL_ARG_SRC, a->x));
    FN_TRY(
        fn_dnnl_port_out(&p->w, &p->op, DNNL_ARG_DIFF_WEIGHTS, fn_dnnl_rows(a->w.shape)));
    FN_TRY(fn_dnnl_port_in(&p->y, &p->op, DNNL_ARG_DIFF_DST, inside.y));
    size_t size = masked;
    s->back_w_scratch = fn_dnnl_reserve(&size, fn_dnnl_bytes(&p->op, DNNL_ARG_SCRATCHPAD));
    p->x.at = fn_dnnl_reserve(&size, p->x.bytes);
    p->w.at = fn_dnnl_reserve(&size, fn_dnnl_bytes(&p->op, DNNL_ARG_DIFF_WEIGHTS));
    p->y.at = fn_dnnl_reserve(&size, p->y.bytes);
    s->bias = fn_dnnl_reserve(&size, fn_dnnl_bytes(&p->op, DNNL_ARG_DIFF_BIAS));
    if (size > c->workspace_bytes)
        c->workspace_bytes = size;
    return FN_OK;
}

static void pass_release(pass *p)
{
    fn_dnnl_release(&p->op);
    fn_dnnl_release(&p->x.move);
    fn_dnnl_release(&p->w.move);
    fn_dnnl_release(&p->y.move);
}

static void direct_release(fn_call *c)
{
    direct *s = c->state;
    pass_release(&s->forward);
    pass_release(&s->back);
    pass_release(&s->back_w);
    fn_free(s->packed);
    fn_free(s->back_own);
}

static fn_status direct_prepare(fn_call *c, size_t masked)
{
    fn_dnnl_conv a = describe_call(c);
    FN_TRY(prepare_forward(c, &a));
    if (!c->training)
        return FN_OK;
    FN_TRY(prepare_back(c, &a, masked));
    return prepare_back_w(c, &a, masked);
}

/* --- running --- */

static fn_status direct_load(fn_call *c)
{
    direct *s = c->state;
    void *w = c->w[0].data;
    FN_TRY(fn_dnnl_bring(&s->forward.w, &w, s->packed));
    if (!c->training || !c->dx[0].data || !s->back_bytes)
        return FN_OK;
    if (!s->back_own && !(s->back_own = fn_alloc_aligned(s->back_bytes)))
        return fn_fail(FN_ENOMEM, "no memory for %zu bytes of a convolution's weights",
                       s->back_bytes);
    w = c->w[0].data;
    return fn_dnnl_bring(&s->back.w, &w, s->back_own);
}

static fn_status direct_forward(const fn_call *c)
{
    const direct *s = c->state;
    const pass *p = &s->forward;
    char *workspace = c->workspace;
    void *x = c->x[0].data, *y = c->y[0].data;
    FN_TRY(fn_dnnl_bring(&p->x, &x, workspace));
    FN_TRY(fn_dnnl_run(
        &p->op, (fn_dnnl_arg[]){{DNNL_ARG_SRC, x},
                                {DNNL_ARG_WEIGHTS, s->packed ? s->packed : c->w[0].data},
                                {DNNL_ARG_BIAS, c->w[1].data},
                                {DNNL_ARG_DST, fn_dnnl_place(&p->y, y, workspace)},
                                {DNNL_ARG_SCRATCHPAD, workspace + s->scratch},
                                {0}}));
    return fn_dnnl_deliver(&p->y, y, workspace);
}

static fn_status direct_back(const fn_call *c, void *dy)
{
    const direct *s = c->state;
    const pass *p = &s->back;
    void *dx = c->dx[0].data;
    FN_TRY(fn_dnnl_bring(&p->y, &dy, s->back_own));
    FN_TRY(fn_dnnl_run(
        &p->op,
        (fn_dnnl_arg[]){{DNNL_ARG_DIFF_SRC, fn_dnnl_place(&p->x, dx, s->back_own)},
                        {DNNL_ARG_WEIGHTS, fn_dnnl_place(&p->w, c->w[0].data, s->back_own)},
                        {DNNL_ARG_DIFF_DST, dy},
                        {DNNL_ARG_SCRATCHPAD, (char *)c->workspace + s->back_scratch},
                        {0}}));
    return fn_dnnl_deliver(&p->x, dx, s->back_own);
}

static fn_status direct_back_w(const fn_call *c, void *dy)
{
    const direct *s = c->state;
    const pass *p = &s->back_w;
    char *workspace = c->workspace;
    void *x = c->x[0].data, *dw = c->dw[0].data, *db = c->dw[1].data;
    FN_TRY(fn_dnnl_bring(&p->x, &x, workspace));
    FN_TRY(fn_dnnl_bring(&p->y, &dy, workspace));
    void *own = workspace + p->w.at;
    FN_TRY(fn_dnnl_run(&p->op,
                       (fn_dnnl_arg[]){{DNNL_ARG_SRC, x},
                                       {DNNL_ARG_DIFF_WEIGHTS,
                                        dw ? fn_dnnl_place(&p->w, dw, workspace) : own},
                                       {DNNL_ARG_DIFF_BIAS, db ? db : workspace + s->bias},
                                       {DNNL_ARG_DIFF_DST, dy},
                                       {DNNL_ARG_SCRATCHPAD, workspace + s->back_w_scratch},
                                       {0}}));
    return dw ? fn_dnnl_deliver(&p->w, dw, workspace) : FN_OK;
}

static void direct_describe(const fn_call *c, char *text, size_t size)
{
    const direct *s = c->state;
    if (c->training)
        snprintf(text, size, "fwd %s; bwd_d %s; bwd_w %s", fn_dnnl_name(&s->forward.op),
                 fn_dnnl_name(&s->back.op), fn_dnnl_name(&s->back_w.op));
    else
        snprintf(text, size, "fwd %s", fn_dnnl_name(&s->forward.op));
}

const fn_conv_way fn_conv_direct = {
    .size = sizeof(direct),
    .prepare = direct_prepare,
    .load = direct_load,
    .forward = direct_forward,
    .back = direct_back,
    .back_w = direct_back_w,
    .release = direct_release,
    .describe = direct_describe,
};
