/* linear.h -- the attributes of a fully connected layer. */
#ifndef FN_KERNELS_LINEAR_H
#define FN_KERNELS_LINEAR_H

#include "kernels/op.h"

typedef struct fn_linear {
    int out, bias;
} fn_linear;

extern const fn_kernel fn_linear_cpu, fn_linear_cuda;

#endif
