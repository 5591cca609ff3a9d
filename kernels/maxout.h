/* maxout.h -- the attributes of maxout, for layers, export and kernels. */
#ifndef FN_KERNELS_MAXOUT_H
#define FN_KERNELS_MAXOUT_H

#include "kernels/op.h"

typedef struct fn_maxout {
    int pieces;
} fn_maxout;

extern const fn_kernel fn_maxout_cpu, fn_maxout_cuda;

#endif
