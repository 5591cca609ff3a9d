/* batchnorm.h -- attributes; `relu` is set by nn/lower.c. */
#ifndef FN_KERNELS_BATCHNORM_H
#define FN_KERNELS_BATCHNORM_H

#include "kernels/op.h"

typedef struct fn_batchnorm {
    float eps;
    int relu;
} fn_batchnorm;

/* The order of its weights, [C] each. */
enum { FN_BN_GAIN, FN_BN_SHIFT, FN_BN_MEAN, FN_BN_VAR };

extern const fn_kernel fn_batchnorm_cpu, fn_batchnorm_cuda;

#endif
