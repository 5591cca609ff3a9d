/* fork -- one value, several readers: y[i] = x.
 *
 * Backward is the sum of the readers' gradients, so that no other kernel ever has to add to
 * what is there. Forward is a copy here; the plan lets the outputs share x instead.
 * x, y[i] of any one shape */
#include "kernels/fork.h"

#include "kernels/ref.h"

#include <string.h>

static fn_status fork_infer(fn_call *c)
{
    const fn_fork *a = c->attr;
    if (a->ways < 2 || a->ways > FN_MAX_OUT)
        return fn_fail(FN_EUNSUPPORTED, "a value has %d readers: 2 to %d can share one",
                       a->ways, FN_MAX_OUT);
    c->n_y = a->ways;
    c->n_w = 0;
    for (int i = 0; i < a->ways; i++)
        c->y[i].shape = c->x[0].shape;
    c->keep = FN_KEEP_NONE;
    return FN_OK;
}

static fn_status fork_forward(const fn_call *c)
{
    size_t bytes = (size_t)fn_numel(c->x[0].shape) * sizeof(double);
    for (int i = 0; i < c->n_y; i++)
        memcpy(c->y[i].data, c->x[0].data, bytes);
    return FN_OK;
}

static fn_status fork_backward(const fn_call *c)
{
    fn_ref_zero(c->dx[0]);
    for (int i = 0; c->dx[0].data && i < c->n_y; i++)
        for (int64_t k = 0; k < fn_numel(c->x[0].shape); k++)
            fn_f64(c->dx[0])[k] += fn_f64(c->dy[i])[k];
    return FN_OK;
}

static const fn_kernel fork_ref = {.forward = fork_forward, .backward = fork_backward};

static const fn_fork two = {2}, three = {3}, all = {FN_MAX_OUT};
static const fn_sample samples[] = {
    {&two, 1, {FN_NCHW(2, 3, 3, 2)}, FN_FILL_UNIFORM},
    {&three, 1, {FN_NCHW(2, 24, 7, 7)}, FN_FILL_UNIFORM},
    {&all, 1, {FN_NCHW(1, 32, 3, 5)}, FN_FILL_UNIFORM},
    {&two, 1, {FN_NC(3, 7)}, FN_FILL_UNIFORM},
    {0},
};

const fn_op fn_op_fork = {
    .name = "fork",
    .attr_size = sizeof(fn_fork),
    .internal = true,
    .infer = fork_infer,
    .kernel = {&fork_ref, &fn_fork_cpu, FN_CUDA_KERNEL(fn_fork_cuda)},
    .sample = samples,
};
