/* curve.h -- precision and recall of pairs as TensorBoard's pr_curves plugin wants them: at the
 * thresholds i / 200 of a score that is 1 where two faces are the same. Ours is 1 - d/4 for a
 * squared distance d, so a threshold s stands for d = 4 (1 - s). */
#ifndef FN_TRAIN_CURVE_H
#define FN_TRAIN_CURVE_H

#include "eval/pairs.h"

enum { FN_CURVE_POINTS = 201, FN_CURVE_ROWS = 6 };

typedef struct fn_curve {
    /* true positives, false positives, true negatives, false negatives, precision, recall;
     * a pair is positive where its score is at or above the threshold */
    float row[FN_CURVE_ROWS][FN_CURVE_POINTS];
} fn_curve;

/* distance [p->n]. Where nothing is positive, precision is 0, as in TensorBoard's own. */
void fn_curve_make(fn_curve *c, const fn_pairs *p, const float *distance);

#endif
