/* batchnorm on the CPU: oneDNN's, with its fused ReLU.
 *
 * saved: mean [C], variance [C], then oneDNN's note of where the ReLU was open. */
#include "core/mem.h"
#include "kernels/batchnorm.h"
#include "kernels/dnnl.h"
#include "kernels/format.h"

#include <stdio.h>
#include <string.h>

typedef struct batchnorm_state {
    fn_dnnl_op forward, back;
    size_t mean, var, note;   /* places in `saved` */
    size_t dx, dgain, dshift; /* in the workspace, behind the scratchpad: the unwanted */
} batchnorm_state;

static fn_dnnl_batchnorm describe_call(const fn_call *c)
{
    const fn_batchnorm *a = c->attr;
    fn_shape x = c->x[0].shape;
    x.rank = 4; /* [N, C] is [N, C, 1, 1] */
    return (fn_dnnl_batchnorm){fn_dnnl_value(x, c->x[0].format, fn_dnnl_type(c->x[0].type)),
                               a->eps, a->relu};
}

static fn_status make(batchnorm_state *s, const fn_call *c)
{
    fn_dnnl_batchnorm a = describe_call(c);
    if (!c->training)
        return fn_dnnl_make_batchnorm(&s->forward, FN_DNNL_INFER, &a, NULL);
    FN_TRY(fn_dnnl_make_batchnorm(&s->forward, FN_DNNL_TRAIN, &a, NULL));
    return fn_dnnl_make_batchnorm(&s->back, FN_DNNL_BACK, &a, &s->forward);
}

static bool is_fast(fn_call *c, fn_format f)
{
    batchnorm_state s = {0};
    c->x[0].format = c->y[0].format = f;
    bool fast = make(&s, c) == FN_OK && !fn_dnnl_is_slow(&s.forward) &&
                !fn_dnnl_is_slow(&s.back);
    fn_dnnl_release(&s.forward);
    fn_dnnl_release(&s.back);
    return fast;
}

/* What is offered, unless only another format is fast. */
static void batchnorm_choose(fn_call *c)
{
    const fn_format offered = c->x[0].format;
    c->y[0].type = c->x[0].type;
    const fn_format order[] = {offered, FN_BLOCK16, FN_BLOCK8, FN_PLAIN};
    int choices = c->x[0].shape.rank == 4 ? (int)(sizeof order / sizeof *order) : 0;
    for (int i = 0; i < choices; i++)
        if (is_fast(c, order[i]))
            return;
    c->x[0].format = c->y[0].format = offered;
}

static fn_status compile_back(fn_call *c)
{
    batchnorm_state *s = c->state;
    const fn_dnnl_op *f = &s->forward;
    size_t size = fn_dnnl_bytes(&s->back, DNNL_ARG_SCRATCHPAD);
    FN_TRY(fn_dnnl_compile(&s->back));
    s->mean = fn_dnnl_reserve(&c->saved_bytes, fn_dnnl_bytes(f, DNNL_ARG_MEAN));
    s->var = fn_dnnl_reserve(&c->saved_bytes, fn_dnnl_bytes(f, DNNL_ARG_VARIANCE));
    s->note = fn_dnnl_reserve(&c->saved_bytes, fn_dnnl_bytes(f, DNNL_ARG_WORKSPACE));
    s->dx = fn_dnnl_reserve(&size, fn_dnnl_bytes(&s->back, DNNL_ARG_DIFF_SRC));
    s->dgain = fn_dnnl_reserve(&size, fn_dnnl_bytes(&s->back, DNNL_ARG_DIFF_SCALE));
    s->dshift = fn_dnnl_reserve(&size, fn_dnnl_bytes(&s->back, DNNL_ARG_DIFF_SHIFT));
    if (size > c->workspace_bytes)
        c->workspace_bytes = size;
    return FN_OK;
}

static fn_status compile(fn_call *c)
{
    batchnorm_state *s = c->state;
    FN_TRY(make(s, c));
    FN_TRY(fn_dnnl_compile(&s->forward));
    c->saved_bytes = 0;
    c->workspace_bytes = fn_dnnl_bytes(&s->forward, DNNL_ARG_SCRATCHPAD);
    return c->training ? compile_back(c) : FN_OK;
}

static void batchnorm_release(fn_call *c)
{
    batchnorm_state *s = c->state;
    if (!s)
        return;
    fn_dnnl_release(&s->forward);
    fn_dnnl_release(&s->back);
    fn_free(s);
    c->state = NULL;
}

static fn_status batchnorm_prepare(fn_call *c)
{
    const int64_t *x = c->x[0].shape.dim;
    c->state = fn_alloc(1, sizeof(batchnorm_state));
    fn_status rc = c->state ? compile(c) : fn_fail(FN_ENOMEM, "no memory for its state");
    if (rc == FN_OK)
        return FN_OK;
    batchnorm_release(c);
    return fn_context(rc, "batchnorm of [%lld, %lld, %lld, %lld]", (long long)x[0],
                      (long long)x[1], (long long)x[2], (long long)x[3]);
}

static fn_status batchnorm_forward(const fn_call *c)
{
    const batchnorm_state *s = c->state;
    char *saved = c->saved;
    bool t = c->training;
    return fn_dnnl_run(
        &s->forward,
        (fn_dnnl_arg[]){{DNNL_ARG_SRC, c->x[0].data},
                        {DNNL_ARG_DST, c->y[0].data},
                        {DNNL_ARG_SCALE, c->w[FN_BN_GAIN].data},
                        {DNNL_ARG_SHIFT, c->w[FN_BN_SHIFT].data},
                        {DNNL_ARG_MEAN, t ? saved + s->mean : c->w[FN_BN_MEAN].data},
                        {DNNL_ARG_VARIANCE, t ? saved + s->var : c->w[FN_BN_VAR].data},
                        {DNNL_ARG_WORKSPACE, t ? saved + s->note : NULL},
                        {DNNL_ARG_SCRATCHPAD, c->workspace},
                        {0}});
}

static void *wanted_or(fn_tensor t, const fn_call *c, size_t at)
{
    return t.data ? t.data : (char *)c->workspace + at;
}

/* The batch's own statistics, where the gradients of trained weights are. */
static void give_statistics(const fn_call *c)
{
    const batchnorm_state *s = c->state;
    const char *saved = c->saved;
    size_t bytes = (size_t)c->x[0].shape.dim[1] * sizeof(float);
    if (c->dw[FN_BN_MEAN].data)
        memcpy(c->dw[FN_BN_MEAN].data, saved + s->mean, bytes);
    if (c->dw[FN_BN_VAR].data)
        memcpy(c->dw[FN_BN_VAR].data, saved + s->var, bytes);
}

static fn_status batchnorm_backward(const fn_call *c)
{
    const batchnorm_state *s = c->state;
    char *saved = c->saved;
    void *shift = fn_dnnl_make_takes_shift() ? c->w[FN_BN_SHIFT].data : NULL;
    give_statistics(c);
    return fn_dnnl_run(
        &s->back,
        (fn_dnnl_arg[]){{DNNL_ARG_SRC, c->x[0].data},
                        {DNNL_ARG_DIFF_DST, c->dy[0].data},
                        {DNNL_ARG_DIFF_SRC, wanted_or(c->dx[0], c, s->dx)},
                        {DNNL_ARG_SCALE, c->w[FN_BN_GAIN].data},
                        {DNNL_ARG_SHIFT, shift},
                        {DNNL_ARG_SHIFT, shift}, /* 2.x demands it */
                        {DNNL_ARG_DIFF_SCALE, wanted_or(c->dw[FN_BN_GAIN], c, s->dgain)},
                        {DNNL_ARG_DIFF_SHIFT, wanted_or(c->dw[FN_BN_SHIFT], c, s->dshift)},
                        {DNNL_ARG_MEAN, saved + s->mean},
                        {DNNL_ARG_VARIANCE, saved + s->var},
                        {DNNL_ARG_WORKSPACE, saved + s->note},
                        {DNNL_ARG_SCRATCHPAD, c->workspace},
                        {0}});
}

static void batchnorm_describe(const fn_call *c, char *text, size_t size)
{
    const batchnorm_state *s = c->state;
    if (c->training)
        snprintf(text, size, "fwd %s; bwd %s", fn_dnnl_name(&s->forward),
                 fn_dnnl_name(&s->back));
    else
        snprintf(text, size, "fwd %s", fn_dnnl_name(&s->forward));
}

const fn_kernel fn_batchnorm_cpu = {
    .choose = batchnorm_choose,
    .prepare = batchnorm_prepare,
    .forward = batchnorm_forward,
    .backward = batchnorm_backward,
    .release = batchnorm_release,
    .describe = batchnorm_describe,
};
