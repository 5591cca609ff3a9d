/* fork.h -- the attributes of the internal op `fork`. */
#ifndef FN_KERNELS_FORK_H
#define FN_KERNELS_FORK_H

#include "kernels/op.h"

typedef struct fn_fork {
    int ways; /* readers, 2 to FN_MAX_OUT */
} fn_fork;

extern const fn_kernel fn_fork_cpu, fn_fork_cuda;

#endif
