/* verification.c -- thresholds, accuracy and the ROC curve of judged distances.
 *
 * The pairs are sorted by distance once; each fold is then one walk along them. Between two
 * neighbouring distances nothing changes, so the candidates for a threshold are the middles
 * of neighbours, "accept nothing" below and "accept everything" above. Equal distances cannot
 * be told apart: they are crossed in one step.
 *
 *   auc = sum over the different pairs of (same pairs nearer + half of those as near)
 *         / (same * different)                               (Mann and Whitney 1947) */
#include "eval/verification.h"

#include "core/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

typedef struct judged {
    float distance;
    int fold;
    bool same;
} judged;

enum { NO_FOLD = -1 };

static int by_distance(const void *a, const void *b)
{
    float x = ((const judged *)a)->distance, y = ((const judged *)b)->distance;
    return (x > y) - (x < y);
}

static fn_status collect(judged *j, const fn_pairs *p, const float *distance)
{
    for (int i = 0; i < p->n; i++) {
        const fn_pair *pair = &p->pair[i];
        if (!isfinite(distance[i]))
            return fn_fail(
                FN_ENUMERIC,
                "pair %d of %d (%s, %s) has the distance %g: an embedding is not "
                "finite, so the model is damaged or its training diverged",
                i + 1, p->n, p->path ? p->path[pair->a] : "drawn",
                p->path ? p->path[pair->b] : "drawn", (double)distance[i]);
        j[i] = (judged){distance[i], pair->fold, pair->same};
    }
    qsort(j, (size_t)p->n, sizeof *j, by_distance);
    return FN_OK;
}

/* Above everything, and still so when a model keeps it as a float. */
static double above(float distance)
{
    return (double)nextafterf(distance, INFINITY);
}

/* The first pair behind `i` that is not of the fold left out; n when there is none. */
static int next_of(const judged *j, int n, int i, int without)
{
    for (i++; i < n && j[i].fold == without; i++)
        continue;
    return i;
}

/* The lowest threshold that judges most pairs right, those of `without` not counted. `right`
 * is relative to accepting nothing, which is where it starts. */
static double best_threshold(const judged *j, int n, int without)
{
    int i = next_of(j, n, -1, without), right = 0, best = 0;
    double threshold = i < n ? (double)j[i].distance : 0;
    while (i < n) {
        int next = next_of(j, n, i, without);
        right += j[i].same ? 1 : -1;
        bool step = next == n || j[next].distance > j[i].distance;
        if (step && right > best) {
            best = right;
            threshold = next == n ? above(j[i].distance)
                                  : ((double)j[i].distance + (double)j[next].distance) / 2;
        }
        i = next;
    }
    return threshold;
}

static void judge_folds(fn_verification *v, const judged *j)
{
    int right[FN_MAX_FOLDS] = {0}, count[FN_MAX_FOLDS] = {0};
    for (int f = 0; f < v->folds; f++)
        v->fold_threshold[f] = best_threshold(j, v->pairs, v->folds > 1 ? f : NO_FOLD);
    for (int i = 0; i < v->pairs; i++) {
        int f = j[i].fold;
        count[f]++;
        right[f] += ((double)j[i].distance < v->fold_threshold[f]) == j[i].same;
    }
    for (int f = 0; f < v->folds; f++)
        v->fold_accuracy[f] = (double)right[f] / count[f];
}

static void summarise(fn_verification *v)
{
    double sum = 0, square = 0;
    for (int f = 0; f < v->folds; f++)
        sum += v->fold_accuracy[f];
    v->accuracy = sum / v->folds;
    for (int f = 0; f < v->folds; f++) {
        double off = v->fold_accuracy[f] - v->accuracy;
        square += off * off;
    }
    v->deviation = v->folds > 1 ? sqrt(square / (v->folds - 1)) : NAN;
    v->error = v->deviation / sqrt(v->folds);
}

/* One point a distinct distance, so pairs + 1 at most. */
static fn_status trace_roc(fn_verification *v, const judged *j)
{
    int64_t twice_area = 0;
    int same = 0, different = 0;
    v->roc = fn_alloc((size_t)v->pairs + 1, sizeof *v->roc);
    if (!v->roc)
        return fn_fail(FN_ENOMEM, "no memory for a curve of %d pairs", v->pairs);
    v->roc[v->n_roc++] = (fn_roc_point){(double)j[0].distance, 0, 0};
    for (int i = 0; i < v->pairs;) {
        int s = 0, d = 0;
        float here = j[i].distance;
        for (; i < v->pairs && j[i].distance <= here; i++) {
            s += j[i].same;
            d += !j[i].same;
        }
        twice_area += (int64_t)d * (2 * (int64_t)same + s);
        same += s;
        different += d;
        v->roc[v->n_roc++] = (fn_roc_point){
            i < v->pairs ? ((double)here + (double)j[i].distance) / 2 : above(here),
            (double)different / v->different, (double)same / v->same};
    }
    v->auc = (double)twice_area / (2.0 * v->same * v->different);
    return FN_OK;
}

/* Every fold needs pairs, or it has no accuracy; both kinds, or there is no curve. */
static fn_status count_pairs(fn_verification *v, const fn_pairs *p)
{
    int count[FN_MAX_FOLDS] = {0};
    if (p->folds < 1 || p->folds > FN_MAX_FOLDS)
        return fn_fail(FN_EINVAL, "%d folds; 1 to %d are possible", p->folds, FN_MAX_FOLDS);
    v->pairs = p->n;
    v->folds = p->folds;
    for (int i = 0; i < p->n; i++) {
        assert(p->pair[i].fold >= 0 && p->pair[i].fold < p->folds);
        v->same += p->pair[i].same;
        count[p->pair[i].fold]++;
    }
    v->different = v->pairs - v->same;
    if (!v->same || !v->different)
        return fn_fail(FN_EDATA,
                       "%d pairs of one person and %d of two: some of each are needed",
                       v->same, v->different);
    for (int f = 0; f < p->folds; f++)
        if (!count[f])
            return fn_fail(FN_EDATA, "fold %d of %d has no pair", f + 1, p->folds);
    return FN_OK;
}

fn_status fn_verify_pairs(fn_verification **out, const fn_pairs *p, const float *distance)
{
    judged *j = fn_alloc((size_t)p->n, sizeof *j);
    fn_verification *v = fn_alloc(1, sizeof *v);
    fn_status rc;
    *out = NULL;
    if (!j || !v) {
        rc = fn_fail(FN_ENOMEM, "no memory to judge %d pairs", p->n);
        goto out;
    }
    FN_GO(count_pairs(v, p));
    FN_GO(collect(j, p, distance));
    judge_folds(v, j);
    summarise(v);
    v->threshold = best_threshold(j, v->pairs, NO_FOLD);
    FN_GO(trace_roc(v, j));
    *out = v;
    v = NULL;
out:
    fn_verification_free(v);
    fn_free(j);
    return rc;
}

void fn_verification_free(fn_verification *v)
{
    if (!v)
        return;
    fn_free(v->roc);
    fn_free(v);
}
