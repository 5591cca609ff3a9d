/* interval.h -- 95 % intervals: how far the figures would move with other people.
 *
 * The variance of a figure is that of the sum of what each pair adds to it, pairs that share a
 * person taken together (eval/clusters.h); Wilson's interval is then that of a share of as many
 * independent pairs as have this variance. docs/intervals.md has how often such intervals hold
 * the truth, and why people are not drawn with replacement. */
#ifndef FN_EVAL_INTERVAL_H
#define FN_EVAL_INTERVAL_H

#include "eval/clusters.h"
#include "eval/verification.h"

enum { FN_INTERVAL_PEOPLE = 10 }; /* fewer say nothing of others: every interval is NAN */

typedef struct fn_interval {
    double low, high;
} fn_interval;

typedef struct fn_intervals {
    int people;
    fn_interval accuracy, auc, eer;
} fn_intervals;

/* `v` and `c` are of these pairs, v of these distances too. */
fn_status fn_interval_figures(fn_intervals *out, const fn_verification *v,
                              const fn_pairs *p, const float *distance,
                              fn_clusters *c) FN_CHECKED;

/* Of the true accept rate at v->roc[point], a point that was chosen by its FAR: that the FAR
 * itself is known only so far moves the threshold, and with it the true accepts. */
fn_status fn_interval_tar(fn_interval *out, int point, const fn_verification *v,
                          const fn_pairs *p, const float *distance,
                          fn_clusters *c) FN_CHECKED;

/* Of a share among n > 0 independent cases (Wilson 1927). */
fn_interval fn_interval_wilson(double share, double n);

#endif
