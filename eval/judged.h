/* judged.h -- pairs with their distances, the nearest first: what thresholds and curves walk
 * along. For eval/ alone. */
#ifndef FN_EVAL_JUDGED_H
#define FN_EVAL_JUDGED_H

#include "eval/verification.h"

typedef struct fn_judged {
    float distance;
    int pair, fold;
    bool same;
} fn_judged;

/* *j [p->n] is the caller's (fn_free). Errors: FN_ENUMERIC when a distance is not finite. */
fn_status fn_judged_sort(fn_judged **j, const fn_pairs *p,
                         const float *distance) FN_CHECKED;

typedef struct fn_mean {
    double mean, deviation, error; /* of the sample; standard error of the mean */
    int count;
} fn_mean;

/* Of those that are not NAN; what cannot be said of so few is NAN. */
fn_mean fn_judged_mean(const double *x, int n);

#endif
