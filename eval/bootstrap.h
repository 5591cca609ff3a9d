/* bootstrap.h -- how far the figures would move with other people: percentile intervals.
 *
 * People are drawn with replacement, as many as there are. A pair of one person counts as often
 * as that person was drawn, a pair of two people the product of both counts (the pigeonhole
 * bootstrap, Owen 2007; of vertices, Snijders and Borgatti 1999), because pairs that share a
 * person are right or wrong together. The whole protocol is repeated on each draw, thresholds
 * included. For pairs of two people the product is on the safe side: where they hardly share
 * people their part of the variance is taken up to three times as large as it is. */
#ifndef FN_EVAL_BOOTSTRAP_H
#define FN_EVAL_BOOTSTRAP_H

#include "eval/verification.h"

enum { FN_BOOTSTRAP_DRAWS = 2000 };

typedef struct fn_interval {
    double low, high;
} fn_interval;

typedef struct fn_bootstrap {
    int people, draws; /* draws that could be judged */
    fn_interval accuracy, auc,
        eer; /* 95 %; NAN when a tenth of the draws or more could not */
} fn_bootstrap;

/* person [images]: numbers below `people`. A function of the arguments alone. */
fn_status fn_bootstrap_people(fn_bootstrap *b, const fn_pairs *p, const float *distance,
                              const int *person, int people, int draws) FN_CHECKED;

#endif
