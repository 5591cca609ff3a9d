/* loss.h -- triplet loss on squared distances and its gradient (Schroff et al. 2015, eq. 3):
 *   L = 1/T sum over triplets of [ |a-p|^2 - |a-n|^2 + margin ]_+ ,  T triplets mined.
 * DEVIATION: the paper sums; the mean keeps the rate independent of the batch. */
#ifndef FN_TRAIN_LOSS_H
#define FN_TRAIN_LOSS_H

#include "train/mine.h"

typedef struct fn_loss {
    double loss;   /* the mean above; 0 when nothing was mined, NaN when e is not finite */
    double active; /* share of anchor-positive pairs with a positive loss term */
    double d_ap, d_an; /* mean squared distances of the mined triplets */
} fn_loss;

/* de [n, dim] receives dL/de; d [n, n] as fn_distances gave it. The sum runs in a fixed order:
 * the same bits for any number of threads. */
fn_status fn_triplet_loss(fn_loss *out, float *de, const float *e, const float *d, int n,
                          int dim, const fn_triplets *t, float margin) FN_CHECKED;

#endif
