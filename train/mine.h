/* mine.h -- online triplet mining over one batch (Schroff et al. 2015, section 3.2).
 *
 * Semi-hard, exactly: for every (anchor, positive) the hardest negative n with
 * d(a,p) < d(a,n) < d(a,p) + margin, d squared; where there is none the pair is skipped, or
 * takes the farthest or the hardest negative of all (`fallback`). Ties go to the lowest
 * index. Every anchor-positive pair is used, both ways. docs/mining.md works an example. */
#ifndef FN_TRAIN_MINE_H
#define FN_TRAIN_MINE_H

#include "core/status.h"

#include <stdint.h>

typedef struct fn_triplet {
    int anchor, positive, negative; /* rows of the batch */
} fn_triplet;

typedef struct fn_triplets {
    fn_triplet *triplet;
    int64_t n, capacity; /* capacity grows; fn_triplets_free */
    int64_t pairs;       /* anchor-positive pairs seen, skipped ones included */
} fn_triplets;

typedef enum fn_fallback {
    FN_FALLBACK_SKIP,
    FN_FALLBACK_FARTHEST,
    FN_FALLBACK_HARDEST
} fn_fallback;

void fn_triplets_free(fn_triplets *t);

/* d [n, n] squared distances of unit rows e [n, dim]: exactly symmetric, 0 on the diagonal,
 * never negative. */
fn_status fn_distances(float *d, const float *e, int n, int dim) FN_CHECKED;

/* d [n, n], label [n]. Same answer for any number of threads. Errors: FN_ENOMEM; FN_EINVAL
 * when no label occurs twice or all are one label. */
fn_status fn_mine_semihard(fn_triplets *t, const float *d, const int *label, int n,
                           float margin, fn_fallback fallback) FN_CHECKED;

#endif
