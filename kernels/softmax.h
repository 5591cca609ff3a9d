/* softmax.h -- the kernel of our own. */
#ifndef FN_KERNELS_SOFTMAX_H
#define FN_KERNELS_SOFTMAX_H

#include "kernels/op.h"

extern const fn_kernel fn_softmax_cpu, fn_softmax_cuda;

#endif
