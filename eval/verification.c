/* verification.c -- thresholds, accuracy and the ROC curve of judged distances.
 *
 * Each fold is one walk along the pairs, the nearest first. Between two
 * neighbouring distances nothing changes, so the candidates for a threshold are the middles
 * of neighbours, "accept nothing" below and "accept everything" above. Equal distances cannot
 * be told apart: they are crossed in one step.
 *
 *   auc = sum over the different pairs of (same pairs nearer + half of those as near)
 *         / (same * different)                               (Mann and Whitney 1947)
 *
 *   eer = FAR where FAR = 1 - TAR, on the straight line between the two points around it */
#include "core/mem.h"
#include "eval/judged.h"

#include <assert.h>
#include <math.h>

enum { NO_FOLD = -1 };

/* Above everything, and still so when a model keeps it as a float. */
static double above(float distance)
{
    return (double)nextafterf(distance, INFINITY);
}

/* The first pair behind `i` that is not of the fold left out; n when there is none. */
static int next_of(const fn_judged *j, int n, int i, int without)
{
    for (i++; i < n && j[i].fold == without; i++)
        continue;
    return i;
}

/* The lowest threshold that judges most pairs right, those of `without` not counted. `right`
 * is relative to accepting nothing, which is where it starts. */
static double best_threshold(const fn_judged *j, int n, int without)
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

static void judge_folds(fn_verification *v, const fn_judged *j, int n)
{
    int right[FN_MAX_FOLDS] = {0}, count[FN_MAX_FOLDS] = {0};
    for (int f = 0; f < v->folds; f++)
        v->fold_threshold[f] = best_threshold(j, n, v->folds > 1 ? f : NO_FOLD);
    for (int i = 0; i < n; i++) {
        int f = j[i].fold;
        bool accept = (double)j[i].distance < v->fold_threshold[f];
        count[f]++;
        right[f] += accept == j[i].same;
    }
    for (int f = 0; f < v->folds; f++)
        v->fold_accuracy[f] = (double)right[f] / count[f];
}

/* One point a distinct distance, so n + 1 at most. */
static void trace_roc(fn_verification *v, const fn_judged *j, int n)
{
    int64_t twice_area = 0;
    int same = 0, different = 0;
    v->n_roc = 0;
    v->roc[v->n_roc++] = (fn_roc_point){(double)j[0].distance, 0, 0};
    for (int i = 0; i < n;) {
        int s = 0, d = 0;
        float here = j[i].distance;
        for (; i < n && j[i].distance <= here; i++) {
            s += j[i].same;
            d += !j[i].same;
        }
        twice_area += (int64_t)d * (2 * (int64_t)same + s);
        same += s;
        different += d;
        v->roc[v->n_roc++] = (fn_roc_point){
            i < n ? ((double)here + (double)j[i].distance) / 2 : above(here),
            (double)different / v->different, (double)same / v->same};
    }
    v->auc = (double)twice_area / (2.0 * v->same * v->different);
}

/* FAR - (1 - TAR) rises along the curve from -1 to 1. */
static double equal_error(const fn_roc_point *roc)
{
    while (roc[1].far + roc[1].tpr < 1)
        roc++;
    double before = roc[0].far + roc[0].tpr - 1, behind = roc[1].far + roc[1].tpr - 1;
    return roc[0].far - (roc[1].far - roc[0].far) * before / (behind - before);
}

/* From pairs of both kinds in every fold of v->folds; v->roc has room for n + 1. */
static void measure(fn_verification *v, const fn_judged *j, int n)
{
    v->pairs = n;
    v->same = 0;
    for (int i = 0; i < n; i++)
        v->same += j[i].same;
    v->different = n - v->same;
    judge_folds(v, j, n);
    fn_mean m = fn_judged_mean(v->fold_accuracy, v->folds);
    v->accuracy = m.mean;
    v->deviation = m.deviation;
    v->error = m.error;
    v->threshold = best_threshold(j, n, NO_FOLD);
    trace_roc(v, j, n);
    v->eer = equal_error(v->roc);
}

/* Every fold needs pairs, or it has no accuracy; both kinds, or there is no curve. */
static fn_status count_pairs(const fn_pairs *p)
{
    int count[FN_MAX_FOLDS] = {0}, same = 0;
    if (p->folds < 1 || p->folds > FN_MAX_FOLDS)
        return fn_fail(FN_EINVAL, "%d folds; 1 to %d are possible", p->folds, FN_MAX_FOLDS);
    for (int i = 0; i < p->n; i++) {
        assert(p->pair[i].fold >= 0 && p->pair[i].fold < p->folds);
        same += p->pair[i].same;
        count[p->pair[i].fold]++;
    }
    if (!same || same == p->n)
        return fn_fail(FN_EDATA,
                       "%d pairs of one person and %d of two: some of each are needed",
                       same, p->n - same);
    for (int f = 0; f < p->folds; f++)
        if (!count[f])
            return fn_fail(FN_EDATA, "fold %d of %d has no pair", f + 1, p->folds);
    return FN_OK;
}

fn_status fn_verify_pairs(fn_verification **out, const fn_pairs *p, const float *distance)
{
    fn_verification *v = fn_alloc(1, sizeof *v);
    fn_judged *j = NULL;
    fn_status rc;
    *out = NULL;
    if (v)
        v->roc = fn_alloc((size_t)p->n + 1, sizeof *v->roc);
    if (!v || !v->roc) {
        rc = fn_fail(FN_ENOMEM, "no memory to judge %d pairs", p->n);
        goto out;
    }
    v->folds = p->folds;
    FN_GO(count_pairs(p));
    FN_GO(fn_judged_sort(&j, p, distance));
    measure(v, j, p->n);
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
