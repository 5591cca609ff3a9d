/* bnpool.h -- the attributes of the internal op `bnpool`. */
#ifndef FN_KERNELS_BNPOOL_H
#define FN_KERNELS_BNPOOL_H

#include "kernels/batchnorm.h"
#include "kernels/pool.h"

typedef struct fn_bnpool {
    fn_batchnorm norm;
    fn_pool pool; /* kernel 3, stride 2, pad same */
} fn_bnpool;

/* Whether the op can be made of a batchnorm of so many channels and this pool. */
bool fn_bnpool_fits(const fn_pool *pool, fn_shape x);

extern const fn_kernel fn_bnpool_cuda;

#endif
