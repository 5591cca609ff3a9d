/* loss.h -- triplet loss on squared distances and its gradient (Schroff et al. 2015, eq. 3):
 *   L = s sum over triplets of [ |a-p|^2 - |a-n|^2 + margin ]_+
 * where s is 1 / T for T triplets (mean), 1 / those with a term above 0 (active), or 1 (sum).
 * DEVIATION: the paper sums; the mean keeps the rate independent of the batch. */
#ifndef FN_TRAIN_LOSS_H
#define FN_TRAIN_LOSS_H

#include "train/mine.h"

typedef enum fn_reduce { FN_REDUCE_MEAN, FN_REDUCE_ACTIVE, FN_REDUCE_SUM } fn_reduce;

typedef struct fn_loss {
    double loss;       /* L; 0 when nothing was mined, NaN when e is not finite */
    double active;     /* share of the triplets that mining seeks with a term above 0 */
    double d_ap, d_an; /* mean squared distances of the triplets */
} fn_loss;

/* de [n, dim] receives dL/de. Sums run in a fixed order: the same bits for any number of
 * threads. Of `t` that is `every`, the labels say which. */
fn_status fn_triplet_loss(fn_loss *out, float *de, const fn_faces *b, const fn_triplets *t,
                          float margin, fn_reduce reduce) FN_CHECKED;

#endif
