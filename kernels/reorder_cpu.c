#include "kernels/format.h"

static void reorder_choose(fn_call *c)
{
    const fn_reorder *a = c->attr;
    c->y[0].format = c->x[0].shape.rank == 4 ? a->to : FN_PLAIN;
    c->y[0].type = a->type;
    c->y[0].step = a->step;
}

static fn_status reorder_forward(const fn_call *c)
{
    fn_format_convert(c->y[0], c->x[0]);
    return FN_OK;
}

static fn_status reorder_backward(const fn_call *c)
{
    if (c->dx[0].data)
        fn_format_convert(c->dx[0], c->dy[0]);
    return FN_OK;
}

const fn_kernel fn_reorder_cpu = {
    .bytes = true,
    .choose = reorder_choose,
    .forward = reorder_forward,
    .backward = reorder_backward,
};
