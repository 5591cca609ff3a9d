/* concat.h -- the kernel of our own. */
#ifndef FN_KERNELS_CONCAT_H
#define FN_KERNELS_CONCAT_H

#include "kernels/op.h"

extern const fn_kernel fn_concat_cpu, fn_concat_cuda;

#endif
