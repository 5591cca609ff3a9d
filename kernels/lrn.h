/* lrn.h -- attributes of the normalisation across channels. */
#ifndef FN_KERNELS_LRN_H
#define FN_KERNELS_LRN_H

#include "kernels/op.h"

typedef struct fn_lrn {
    int size; /* odd */
    float alpha, beta, k;
} fn_lrn;

extern const fn_kernel fn_lrn_cpu, fn_lrn_cuda;

#endif
