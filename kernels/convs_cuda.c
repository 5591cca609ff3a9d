/* convs on the GPU: one convolution of cuDNN's with all the kernels side by side, whose output is
 * then taken apart; backward puts the gradients together first, with the ReLUs' masks and the
 * biases' gradients. x is read once in each pass, and dx is the sum already.
 *
 * Taken apart, because cuDNN copies a slice of channels before it reads one. */
#include "kernels/conv_plans.h"
#include "kernels/convs.h"
#include "kernels/gpu.h"
#include "kernels/launch.h"

typedef struct state {
    fn_conv_plans plan; /* first: fn_conv_plans_prepare */
    int64_t k, rows;    /* channels of all outputs, pixels */
    fn_type type;       /* of x, y and the copies of the weights */
    size_t y_bytes;
} state;

static fn_status check(int error)
{
    return fn_device_check(error, "convs");
}

static void find_sizes(fn_call *c)
{
    const fn_convs *a = c->attr;
    const int64_t *x = c->x[0].shape.dim;
    state *s = c->state;
    for (int i = 0; i < a->n; i++)
        s->k += a->out[i];
    s->rows = x[0] * x[2] * x[3];
    s->type = c->x[0].type;
    s->y_bytes = fn_gpu_padded((size_t)(s->rows * s->k) * fn_type_bytes(s->type));
}

static void find_workspace(fn_call *c)
{
    const state *s = c->state;
    c->workspace_bytes = s->y_bytes + fn_cudnn_plan_workspace(s->plan.forward);
    if (!c->training)
        return;
    fn_conv_plans_want(c, s->y_bytes + FN_SUM_PARTS * (size_t)s->k * sizeof(float));
    fn_conv_plans_want(c, s->y_bytes + s->plan.w_bytes +
                              fn_cudnn_plan_workspace(s->plan.back_w));
    fn_conv_plans_want(c, s->y_bytes + fn_cudnn_plan_workspace(s->plan.back));
}

static fn_status open_all(fn_call *c)
{
    const fn_convs *a = c->attr;
    const int64_t *x = c->x[0].shape.dim;
    state *s = c->state;
    find_sizes(c);
    fn_cudnn_conv what = {
        .n = x[0], .c = x[1], .h = x[2], .w = x[3], .k = s->k, .kernel = 1, .stride = 1};
    FN_TRY(fn_conv_plans_open(&s->plan, c, what, a->bias, a->relu));
    find_workspace(c);
    return FN_OK;
}

static fn_status convs_prepare(fn_call *c)
{
    return fn_conv_plans_prepare(c, sizeof(state), open_all);
}

/* A kernel [O, C, 1, 1] lies as cuDNN wants it. */
static fn_status convs_load(fn_call *c)
{
    const fn_convs *a = c->attr;
    const state *s = c->state;
    char *w = s->plan.w, *b = s->plan.b;
    for (int i = 0; i < a->n; i++) {
        int k = fn_convs_kernel(a, i);
        int64_t count = fn_numel(c->w[k].shape);
        FN_TRY(
            check(fn_launch_cast(w, (int)s->type, c->w[k].data, FN_F32, count, c->stream)));
        w += (size_t)count * fn_type_bytes(s->type);
        if (!a->bias)
            continue;
        FN_TRY(check(fn_launch_cast(b, (int)s->type, c->w[k + 1].data, FN_F32, a->out[i],
                                    c->stream)));
        b += (size_t)a->out[i] * fn_type_bytes(s->type);
    }
    return FN_OK;
}

static fn_status convs_forward(const fn_call *c)
{
    const state *s = c->state;
    char *y = c->workspace;
    FN_TRY(
        fn_cudnn_plan_run(s->plan.forward, &(fn_cudnn_data){.x = c->x[0].data,
                                                            .w = s->plan.w,
                                                            .b = s->plan.b,
                                                            .y = y,
                                                            .workspace = y + s->y_bytes}));
    return check(fn_launch_concat_back(c->y, y, c->n_y, s->rows, c->stream));
}

/* All of dy at the beginning of the workspace, and the biases' gradients. */
static fn_status bring_dy(const fn_call *c)
{
    const fn_convs *a = c->attr;
    const state *s = c->state;
    fn_tensor sum[FN_MOST_CONVS];
    bool wanted = false;
    for (int i = 0; a->bias && i < a->n; i++) {
        sum[i] = c->dw[fn_convs_kernel(a, i) + 1];
        wanted = wanted || sum[i].data;
    }
    float *partial = (float *)((char *)c->workspace + s->y_bytes);
    return check(fn_launch_convs_gather(c->workspace, wanted ? sum : NULL, partial, c->dy,
                                        a->relu ? c->y : NULL, a->n, s->rows, c->stream));
}

static bool wants_kernel(const fn_call *c)
{
    const fn_convs *a = c->attr;
    for (int i = 0; i < a->n; i++)
        if (c->dw[fn_convs_kernel(a, i)].data)
            return true;
    return false;
}

static fn_status back_w(const fn_call *c)
{
    const fn_convs *a = c->attr;
    const state *s = c->state;
    char *dw = (char *)c->workspace + s->y_bytes;
    FN_TRY(fn_cudnn_plan_run(s->plan.back_w,
                             &(fn_cudnn_data){.x = c->x[0].data,
                                              .w = dw,
                                              .y = c->workspace,
                                              .workspace = dw + s->plan.w_bytes}));
    for (int i = 0; i < a->n; i++) {
        fn_tensor to = c->dw[fn_convs_kernel(a, i)];
        int64_t count = fn_numel(to.shape);
        if (to.data)
            FN_TRY(check(
                fn_launch_cast(to.data, FN_F32, dw, (int)s->plan.dw, count, c->stream)));
        dw += (size_t)count * fn_type_bytes(s->plan.dw);
    }
    return FN_OK;
}

static fn_status convs_backward(const fn_call *c)
{
    const state *s = c->state;
    char *dy = c->workspace;
    FN_TRY(bring_dy(c));
    if (wants_kernel(c))
        FN_TRY(back_w(c));
    if (!c->dx[0].data)
        return FN_OK;
    return fn_cudnn_plan_run(s->plan.back, &(fn_cudnn_data){.dx = c->dx[0].data,
                                                            .w = s->plan.w,
                                                            .y = dy,
                                                            .workspace = dy + s->y_bytes});
}

const fn_kernel fn_convs_cuda = {
    .prepare = convs_prepare,
    .load = convs_load,
    .forward = convs_forward,
    .backward = convs_backward,
    .release = fn_conv_plans_release,
    .describe = fn_conv_plans_describe,
};
