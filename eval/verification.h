/* verification.h -- the LFW protocol on distances: the threshold of each fold is the best one
 * of the other folds; accuracy is the mean over folds, and +- is the standard error of that
 * mean (as in Schroff et al. 2015), with the deviation beside it. */
#ifndef FN_EVAL_VERIFICATION_H
#define FN_EVAL_VERIFICATION_H

#include "eval/pairs.h"

enum { FN_MAX_FOLDS = 100 };

typedef struct fn_roc_point {
    double threshold, far, tpr; /* accept where distance < threshold */
} fn_roc_point;

typedef struct fn_verification {
    int pairs, folds, same, different; /* same + different = pairs */
    double accuracy, error, deviation; /* mean, standard error, sample deviation: shares */
    double fold_accuracy[FN_MAX_FOLDS], fold_threshold[FN_MAX_FOLDS];
    double threshold;  /* best one of all pairs: the threshold to ship */
    double auc;        /* area under the ROC curve, ties counted half */
    double eer;        /* equal error rate: where FAR = 1 - TAR, between points in a line */
    fn_roc_point *roc; /* increasing far; from (0,0) to (1,1) */
    int n_roc;
} fn_verification;

/* distance [p->n]. Thresholds lie half-way between neighbouring distances; among equally good
 * ones the lowest. With one fold the threshold is of the same pairs, and `error` is NAN. */
fn_status fn_verify_pairs(fn_verification **out, const fn_pairs *p,
                          const float *distance) FN_CHECKED;
void fn_verification_free(fn_verification *v);

#endif
