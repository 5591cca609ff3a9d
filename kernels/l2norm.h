/* l2norm.h -- the kernel of our own. */
#ifndef FN_KERNELS_L2NORM_H
#define FN_KERNELS_L2NORM_H

#include "kernels/op.h"

extern const fn_kernel fn_l2norm_cpu, fn_l2norm_cuda;

#endif
