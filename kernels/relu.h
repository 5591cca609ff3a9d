/* relu.h -- the kernel of our own. */
#ifndef FN_KERNELS_RELU_H
#define FN_KERNELS_RELU_H

#include "kernels/op.h"

extern const fn_kernel fn_relu_cpu, fn_relu_cuda;

#endif
