/* hardest.h -- the triplets of a step that cost most: the largest d(a,p) - d(a,n). */
#ifndef FN_TRAIN_HARDEST_H
#define FN_TRAIN_HARDEST_H

#include "train/mine.h"

/* Puts the hardest of t in hardest[0..k), hardest first, at most one a person that is their
 * anchor: the rest of a hard face's triplets would show the same. Those without a loss are
 * left out. d [n, n], label [n]; returns how many there are. */
int fn_hardest_triplets(fn_triplet *hardest, int k, const fn_triplets *t, const float *d,
                        const int *label, int n, float margin);

#endif
