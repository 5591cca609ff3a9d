/* pool.h -- what the three pools share: attributes and shapes. */
#ifndef FN_KERNELS_POOL_H
#define FN_KERNELS_POOL_H

#include "kernels/window.h"

typedef struct fn_pool {
    int kernel, stride, pad; /* kernel 0: the whole plane */
    int norm;                /* l2pool only: FN_POOL_MEAN or FN_POOL_SUM */
} fn_pool;

enum { FN_POOL_MEAN, FN_POOL_SUM };

extern const fn_field fn_pool_fields[];
fn_status fn_pool_infer(fn_call *c); /* sets keep to FN_KEEP_X | FN_KEEP_Y */

extern const fn_kernel fn_avgpool_cpu, fn_maxpool_cpu, fn_l2pool_cpu;

#endif
