/* conv_implicit -- a convolution by kernels/implicit.h. */
#include "kernels/conv_way.h"
#include "kernels/implicit_call.h"

#include <stdio.h>

typedef struct own {
    fn_conv_state common;
    fn_implicit_state state;
} own;

static fn_status own_prepare(fn_call *c, size_t masked)
{
    (void)masked;
    own *s = c->state;
    return fn_implicit_call_prepare(c, &s->state, c->attr, fn_tiles_best());
}

static fn_status own_load(fn_call *c)
{
    own *s = c->state;
    return fn_implicit_call_load(c, &s->state);
}

static fn_status own_forward(const fn_call *c)
{
    const own *s = c->state;
    fn_implicit_call_forward(c, &s->state);
    return FN_OK;
}

static fn_status own_backward(const fn_call *c)
{
    const own *s = c->state;
    fn_implicit_call_backward(c, &s->state);
    return FN_OK;
}

static void own_release(fn_call *c)
{
    own *s = c->state;
    fn_implicit_call_release(&s->state);
}

static void own_describe(const fn_call *c, char *text, size_t size)
{
    (void)c;
    snprintf(text, size, "own implicit gemm");
}

const fn_conv_way fn_conv_implicit = {
    .size = sizeof(own),
    .masks = true,
    .prepare = own_prepare,
    .load = own_load,
    .forward = own_forward,
    .backward = own_backward,
    .release = own_release,
    .describe = own_describe,
};
