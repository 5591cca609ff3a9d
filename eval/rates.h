/* rates.h -- how many pairs of one person are accepted at a false accept rate that was asked
 * for: VAL and FAR as Schroff et al. 2015, eq. 1-2, and TAR of all pairs with its interval. */
#ifndef FN_EVAL_RATES_H
#define FN_EVAL_RATES_H

#include "eval/interval.h"

enum { FN_RATE_LEAST = 10, FN_RATE_REASON = 240 };

/* The rule: where a fold's threshold is chosen, FAR x (pairs of two people) must be 10 or more.
 * A rate that k events were counted for has a relative standard error of 1 / sqrt(k): with
 * fewer than 10 false accepts the FAR itself is unknown by a third and more, and what is
 * printed beside it says nothing. Such a rate is refused: all its figures are NAN. */
typedef struct fn_rate {
    double far;      /* asked for */
    double expected; /* false accepts at that rate, outside the largest fold */
    int outside;     /* pairs of two people there */
    bool supported;
    double val,
        val_error;  /* mean over folds and its standard error; the threshold of a fold is
                            * the highest one whose FAR in the other folds is no higher */
    double val_far; /* mean FAR that those thresholds meet in the folds left out */
    double tar, threshold; /* of all pairs at one threshold */
    fn_interval interval;  /* of tar, 95 % over people */
} fn_rate;

/* v and c are of the same pairs and distances. 0 < far < 1. */
fn_status fn_rates_measure(fn_rate *r, double far, const fn_verification *v,
                           const fn_pairs *p, const float *distance,
                           fn_clusters *c) FN_CHECKED;

/* One sentence: why the rate was refused. */
void fn_rates_reason(char reason[FN_RATE_REASON], const fn_rate *r);

#endif
