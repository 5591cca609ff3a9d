/* join.h -- the attributes of the internal op `join`. */
#ifndef FN_KERNELS_JOIN_H
#define FN_KERNELS_JOIN_H

#include "kernels/op.h"

typedef struct fn_join {
    int bias, relu; /* bit i: input i gets one here */
    int ways;       /* readers, 1 to FN_MAX_OUT */
} fn_join;

extern const fn_kernel fn_join_cuda;

#endif
