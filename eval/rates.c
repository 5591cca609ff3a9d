/* rates.c -- VAL and TAR at a false accept rate.
 *
 *   VAL(d) = accepted pairs of one person  / pairs of one person
 *   FAR(d) = accepted pairs of two people / pairs of two people
 *                                                      (Schroff et al. 2015, eq. 1-2) */
#include "eval/rates.h"

#include "core/mem.h"
#include "eval/judged.h"

#include <math.h>
#include <stdio.h>

typedef struct count {
    int same, different; /* pairs of a fold */
} count;

/* Rounding must not take away a false accept that the rate allows: 0.29 * 100 < 29. */
static int allowed(double far, int different)
{
    return (int)floor(far * different * (1 + 1e-12));
}

/* The end of the pairs that may be accepted: all distances nearer than that of j[end], so that
 * no more than `most` pairs of two people outside the fold are among them. */
static int accept_until(const fn_judged *j, int n, int without, int most)
{
    int end = 0, false_accepts = 0;
    for (int i = 0; i < n;) {
        float here = j[i].distance;
        for (; i < n && j[i].distance <= here; i++)
            false_accepts += j[i].fold != without && !j[i].same;
        if (false_accepts > most)
            break;
        end = i;
    }
    return end;
}

/* VAL and FAR of every fold by the threshold of the others; with one fold by its own. */
static void measure_folds(fn_rate *r, const fn_judged *j, int n, const count *c, int folds)
{
    double val[FN_MAX_FOLDS], far[FN_MAX_FOLDS];
    int different = 0;
    for (int f = 0; f < folds; f++)
        different += c[f].different;
    for (int f = 0; f < folds; f++) {
        int without = folds > 1 ? f : -1;
        int outside = different - (folds > 1 ? c[f].different : 0), same = 0, wrong = 0;
        int end = accept_until(j, n, without, allowed(r->far, outside));
        for (int i = 0; i < end; i++) {
            same += j[i].fold == f && j[i].same;
            wrong += j[i].fold == f && !j[i].same;
        }
        val[f] = c[f].same ? (double)same / c[f].same : (double)NAN;
        far[f] = c[f].different ? (double)wrong / c[f].different : (double)NAN;
    }
    fn_mean m = fn_judged_mean(val, folds);
    r->val = m.mean;
    r->val_error = m.error;
    r->val_far = fn_judged_mean(far, folds).mean;
}

/* At the last point of the curve whose FAR is low enough. */
static fn_status measure_all(fn_rate *r, const fn_verification *v, const fn_pairs *p,
                             const float *distance, fn_clusters *c)
{
    int i = 0;
    while (i + 1 < v->n_roc && v->roc[i + 1].far <= r->far * (1 + 1e-12))
        i++;
    r->tar = v->roc[i].tpr;
    r->threshold = v->roc[i].threshold;
    return fn_interval_tar(&r->interval, i, v, p, distance, c);
}

fn_status fn_rates_measure(fn_rate *r, double far, const fn_verification *v,
                           const fn_pairs *p, const float *distance, fn_clusters *c)
{
    const double none = (double)NAN;
    count of[FN_MAX_FOLDS] = {{0, 0}};
    int most = 0;
    fn_judged *j;
    for (int i = 0; i < p->n; i++) {
        of[p->pair[i].fold].same += p->pair[i].same;
        of[p->pair[i].fold].different += !p->pair[i].same;
    }
    for (int f = 0; f < p->folds && p->folds > 1; f++)
        most = of[f].different > most ? of[f].different : most;
    *r = (fn_rate){.far = far,
                   .outside = v->different - most,
                   .val = none,
                   .val_error = none,
                   .val_far = none,
                   .tar = none,
                   .threshold = none,
                   .interval = {none, none}};
    r->expected = far * r->outside;
    r->supported = r->expected * (1 + 1e-12) >= FN_RATE_LEAST;
    if (!r->supported)
        return FN_OK;
    FN_TRY(fn_judged_sort(&j, p, distance));
    measure_folds(r, j, p->n, of, p->folds);
    fn_free(j);
    return measure_all(r, v, p, distance, c);
}

void fn_rates_reason(char reason[FN_RATE_REASON], const fn_rate *r)
{
    snprintf(
        reason, FN_RATE_REASON,
        "a FAR of %g would rest on %.1f false accepts among the %d pairs of two people "
        "that a fold's threshold is chosen on; fewer than %d support no rate",
        r->far, r->expected, r->outside, FN_RATE_LEAST);
}
