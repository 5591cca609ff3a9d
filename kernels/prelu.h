/* prelu.h -- the kernel of our own. */
#ifndef FN_KERNELS_PRELU_H
#define FN_KERNELS_PRELU_H

#include "kernels/op.h"

extern const fn_kernel fn_prelu_cpu, fn_prelu_cuda;

#endif
