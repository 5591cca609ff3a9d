/* judged.h -- pairs with their distances, the nearest first: what thresholds, curves and
 * intervals walk along. For eval/ alone. */
#ifndef FN_EVAL_JUDGED_H
#define FN_EVAL_JUDGED_H

#include "eval/verification.h"

typedef struct fn_judged {
    float distance;
    int pair, fold;
    int weight; /* how often it counts: 1, but in a bootstrap draw */
    bool same;
} fn_judged;

/* *j [p->n] is the caller's (fn_free). Errors: FN_ENUMERIC when a distance is not finite. */
fn_status fn_judged_sort(fn_judged **j, const fn_pairs *p,
                         const float *distance) FN_CHECKED;

/* Fills all of `v` from the n >= 1 pairs, whose weights are above 0. v->folds is given, and
 * v->roc has room for n + 1. False when pairs of one kind are missing: v is then of no use. */
bool fn_judged_measure(fn_verification *v, const fn_judged *j, int n);

typedef struct fn_mean {
    double mean, deviation, error; /* of the sample; standard error of the mean */
    int count;
} fn_mean;

/* Of those that are not NAN; what cannot be said of so few is NAN. */
fn_mean fn_judged_mean(const double *x, int n);

#endif
