/* bnjoin.h -- the attributes of the internal op `bnjoin`. */
#ifndef FN_KERNELS_BNJOIN_H
#define FN_KERNELS_BNJOIN_H

#include "kernels/op.h"

enum { FN_MOST_NORMS = FN_MAX_WEIGHT / 4 };

typedef struct fn_bnjoin {
    int norm, relu; /* bit i: input i gets one here; a relu only with a norm */
    int ways;       /* readers, 1 to FN_MAX_OUT */
    float eps;      /* of every norm */
} fn_bnjoin;

/* Of the inputs before i, those that are normalised. */
static inline int fn_bnjoin_norms(const fn_bnjoin *a, int i)
{
    int n = 0;
    for (int k = 0; k < i; k++)
        n += a->norm >> k & 1;
    return n;
}

extern const fn_kernel fn_bnjoin_cuda;

#endif
