/* implicit_call.h -- a call of conv or convs by kernels/implicit.h: its packed kernels and its
 * scratch. Functions as in fn_kernel, with a state that its owner makes, zeroed, and frees. */
#ifndef FN_KERNELS_IMPLICIT_CALL_H
#define FN_KERNELS_IMPLICIT_CALL_H

#include "kernels/implicit.h"

typedef struct fn_implicit_state {
    fn_implicit sizes;
    float *packed, *packed_back; /* the kernels for forward; for dx, when that is wanted */
} fn_implicit_state;

/* Of `a` everything but `out` counts. */
fn_status fn_implicit_call_prepare(fn_call *c, fn_implicit_state *s, const fn_conv *a,
                                   const fn_tiles *tiles) FN_CHECKED;
fn_status fn_implicit_call_load(fn_call *c, fn_implicit_state *s) FN_CHECKED;
void fn_implicit_call_forward(const fn_call *c, const fn_implicit_state *s);
void fn_implicit_call_backward(const fn_call *c, const fn_implicit_state *s);
void fn_implicit_call_release(fn_implicit_state *s);

#endif
