/* ref.h -- what the reference kernels share.
 *
 * A reference kernel is the definition of its op and the judge of every other kernel:
 * doubles, plain format, one thread, the formula written as loops. */
#ifndef FN_KERNELS_REF_H
#define FN_KERNELS_REF_H

#include "kernels/op.h"

/* Index of element (n, c, h, w) of a plain tensor [N, H, W, C]; [N, C] has h = w = 0. */
static inline int64_t fn_ref_at(fn_shape s, int64_t n, int64_t c, int64_t h, int64_t w)
{
    return ((n * s.dim[2] + h) * s.dim[3] + w) * s.dim[1] + c;
}

/* For gradients that are summed up; nothing to do where the tensor is not wanted. */
static inline void fn_ref_zero(fn_tensor t)
{
    for (int64_t i = 0; t.data && i < fn_numel(t.shape); i++)
        fn_f64(t)[i] = 0;
}

/* The gradient that reaches element i before a fused ReLU. */
static inline double fn_ref_relu_gradient(const fn_call *c, int relu, int64_t i)
{
    return relu && !(fn_f64(c->y[0])[i] > 0) ? 0 : fn_f64(c->dy[0])[i];
}

#endif
