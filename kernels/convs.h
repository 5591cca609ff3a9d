/* convs.h -- the attributes of the internal op `convs`. */
#ifndef FN_KERNELS_CONVS_H
#define FN_KERNELS_CONVS_H

#include "kernels/op.h"

enum { FN_MOST_CONVS = 3 };

typedef struct fn_convs {
    int n, out[FN_MOST_CONVS]; /* 2 or more; channels of each, multiples of 8 */
    int bias, relu;            /* of all */
} fn_convs;

/* Where the kernel of convolution i is among the weights; its bias is the next. */
static inline int fn_convs_kernel(const fn_convs *a, int i)
{
    return a->bias ? 2 * i : i;
}

extern const fn_kernel fn_convs_cpu, fn_convs_cuda;

#endif
