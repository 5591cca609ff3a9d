#include "core/mem.h"
#include "kernels/conv_plans.h"
#include "kernels/gpu.h"

#include <stdio.h>

static fn_status open_plan(fn_cudnn_plan **out, const fn_call *c, fn_cudnn_conv what,
                           fn_cudnn_pass pass)
{
    what.pass = pass;
    what.precision = c->precision;
    return fn_cudnn_plan_open(out, c->gpu->cudnn, &what);
}

/* In float where cuDNN has an engine for that: it is compiled at run time. */
static fn_status open_back_w(fn_conv_plans *p, const fn_call *c, fn_cudnn_conv what)
{
    p->dw = FN_F32;
    if (c->x[0].type == FN_F32)
        return open_plan(&p->back_w, c, what, FN_CUDNN_WGRAD);
    fn_status rc = FN_EUNSUPPORTED;
    if (c->gpu->compiles)
        rc = open_plan(&p->back_w, c, what, FN_CUDNN_WGRAD_F32);
    if (rc != FN_EUNSUPPORTED)
        return rc;
    p->dw = c->x[0].type;
    return open_plan(&p->back_w, c, what, FN_CUDNN_WGRAD);
}

static fn_status claim_weights(fn_conv_plans *p, const fn_call *c, fn_cudnn_conv what)
{
    size_t biases = (size_t)what.k * sizeof(float);
    int64_t count = what.k * what.kernel * what.kernel * what.c;
    p->w_bytes = fn_gpu_padded((size_t)count * sizeof(float));
    FN_TRY(fn_device_alloc(c->gpu->device, &p->w, p->w_bytes));
    FN_TRY(fn_device_alloc(c->gpu->device, &p->b, biases));
    return fn_device_zero(c->gpu->device, p->b, biases);
}

fn_status fn_conv_plans_open(fn_conv_plans *p, const fn_call *c, fn_cudnn_conv what,
                             int bias, int relu)
{
    FN_TRY(open_plan(&p->forward, c, what,
                     relu   ? FN_CUDNN_FORWARD_BIAS_RELU
                     : bias ? FN_CUDNN_FORWARD_BIAS
                            : FN_CUDNN_FORWARD));
    FN_TRY(claim_weights(p, c, what));
    if (!c->training)
        return FN_OK;
    FN_TRY(open_back_w(p, c, what));
    return open_plan(&p->back, c, what, FN_CUDNN_DGRAD);
}

void fn_conv_plans_release(fn_call *c)
{
    fn_conv_plans *p = c->state;
    if (!p)
        return;
    fn_device_free(c->gpu->device, p->w);
    fn_device_free(c->gpu->device, p->b);
    fn_cudnn_plan_close(p->forward);
    fn_cudnn_plan_close(p->back);
    fn_cudnn_plan_close(p->back_w);
    fn_free(p);
    c->state = NULL;
}

fn_status fn_conv_plans_prepare(fn_call *c, size_t bytes, fn_status (*open)(fn_call *c))
{
    c->state = fn_alloc(1, bytes);
    if (!c->state)
        return fn_fail(FN_ENOMEM, "no memory for its state");
    fn_status rc = open(c);
    if (rc != FN_OK)
        fn_conv_plans_release(c);
    return rc;
}

void fn_conv_plans_describe(const fn_call *c, char *text, size_t size)
{
    const fn_conv_plans *p = c->state;
    const fn_cudnn_plan *plan[] = {p->forward, p->back, p->back_w};
    static const char *const what[] = {"cudnn", "; bwd_d", "; bwd_w"};
    size_t at = 0;
    for (int i = 0; i < 3 && plan[i] && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s %lld", what[i],
                               (long long)fn_cudnn_plan_engine(plan[i])->id);
}
