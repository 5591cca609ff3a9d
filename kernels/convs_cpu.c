/* convs on the CPU: one convolution with all the kernels side by side (kernels/implicit.h), which
 * reads x once in each pass and makes one dx. */
#include "core/mem.h"
#include "kernels/convs.h"
#include "kernels/implicit_call.h"

static fn_status convs_prepare(fn_call *c)
{
    const fn_convs *a = c->attr;
    const fn_conv each = {.kernel = 1, .stride = 1, .bias = a->bias, .relu = a->relu};
    fn_implicit_state *s = fn_alloc(1, sizeof *s);
    if (!s)
        return fn_fail(FN_ENOMEM, "no memory for its state");
    fn_status rc = fn_implicit_call_prepare(c, s, &each, fn_tiles_best());
    c->state = rc == FN_OK ? s : NULL;
    if (rc != FN_OK)
        fn_free(s);
    return rc;
}

static fn_status convs_load(fn_call *c)
{
    return fn_implicit_call_load(c, c->state);
}

static fn_status convs_forward(const fn_call *c)
{
    fn_implicit_call_forward(c, c->state);
    return FN_OK;
}

static fn_status convs_backward(const fn_call *c)
{
    fn_implicit_call_backward(c, c->state);
    return FN_OK;
}

static void convs_release(fn_call *c)
{
    if (c->state)
        fn_implicit_call_release(c->state);
    fn_free(c->state);
    c->state = NULL;
}

const fn_kernel fn_convs_cpu = {
    .prepare = convs_prepare,
    .load = convs_load,
    .forward = convs_forward,
    .backward = convs_backward,
    .release = convs_release,
};
