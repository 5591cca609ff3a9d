/* reorder -- y = x, in another format or type. nn/lower.c puts one between two kernels that
 * want different ones. The gradient goes back as x lies; the reference kernel copies, because
 * it knows neither.
 * x, y of any one shape */
#include "kernels/format.h"
#include "kernels/ref.h"

#include <string.h>

static fn_status reorder_infer(fn_call *c)
{
    c->n_y = 1;
    c->n_w = 0;
    c->y[0].shape = c->x[0].shape;
    c->keep = FN_KEEP_NONE;
    return FN_OK;
}

static fn_status reorder_forward(const fn_call *c)
{
    memcpy(c->y[0].data, c->x[0].data, (size_t)fn_numel(c->x[0].shape) * sizeof(double));
    return FN_OK;
}

static fn_status reorder_backward(const fn_call *c)
{
    if (c->dx[0].data)
        memcpy(c->dx[0].data, c->dy[0].data,
               (size_t)fn_numel(c->x[0].shape) * sizeof(double));
    return FN_OK;
}

static const fn_kernel reorder_ref = {.forward = reorder_forward,
                                      .backward = reorder_backward};

static const fn_reorder plain = {.to = FN_PLAIN}, block8 = {.to = FN_BLOCK8},
                        block16 = {.to = FN_BLOCK16};
static const fn_sample samples[] = {
    {&plain, 1, {FN_NCHW(2, 24, 3, 5)}, FN_FILL_UNIFORM},
    {&block8, 1, {FN_NCHW(2, 19, 4, 3)}, FN_FILL_UNIFORM},
    {&block16, 1, {FN_NCHW(3, 3, 2, 2)}, FN_FILL_UNIFORM},
    {&block16, 1, {FN_NCHW(1, 40, 3, 3)}, FN_FILL_UNIFORM},
    {0},
};

const fn_op fn_op_reorder = {
    .name = "reorder",
    .attr_size = sizeof(fn_reorder),
    .internal = true,
    .infer = reorder_infer,
    .kernel = {[FN_REF] = &reorder_ref, [FN_CPU] = &fn_reorder_cpu},
    .sample = samples,
};
