/* poolnorm.h -- the attributes of the internal op `poolnorm`. */
#ifndef FN_KERNELS_POOLNORM_H
#define FN_KERNELS_POOLNORM_H

#include "kernels/lrn.h"
#include "kernels/pool.h"

typedef struct fn_poolnorm {
    fn_pool pool; /* kernel 3, stride 2, pad same */
    fn_lrn norm;  /* size 5 */
    int norm_first, bias, relu;
} fn_poolnorm;

/* Whether the op can be made of the two: their attributes, and channels in multiples of 8. */
bool fn_poolnorm_fits(const fn_pool *pool, const fn_lrn *norm, int64_t channels);

extern const fn_kernel fn_poolnorm_cuda;

#endif
