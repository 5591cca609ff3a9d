/* relu.h -- the kernel of our own. */
#ifndef FN_KERNELS_RELU_H
#define FN_KERNELS_RELU_H

#include "kernels/op.h"

/* The gradient that a ReLU lets through: to[i] is dy[i] where y[i] > 0, else 0; all of dy's type,
 * y's format and shape. */
void fn_relu_mask(void *to, fn_tensor y, fn_tensor dy);

extern const fn_kernel fn_relu_cpu, fn_relu_cuda;

#endif
