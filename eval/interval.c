/* interval.c -- what a pair adds to each figure.
 *
 *   accuracy   right or wrong by the threshold of its fold. How thresholds move with the other
 *              folds is left out: at the best threshold accuracy is flat.
 *   AUC        share of the other kind that it is on the right side of (DeLong et al. 1988)
 *   TAR, FAR   accepted or not
 *   TAR at FAR TAR - s FAR, where s = dTAR / dFAR is the slope of the ROC curve
 *   EER        (s FAR - TAR) / (s + 1): the threshold follows FAR + TAR = 1 */
#include "eval/interval.h"

#include "core/mem.h"

#include <math.h>

static const double z = 1.959963984540054; /* 97.5 % of the normal distribution */

typedef struct sample {
    const fn_verification *v;
    const fn_pairs *p;
    const float *distance;
    fn_clusters *clusters;
    double *x; /* [pairs]: what each adds */
} sample;

fn_interval fn_interval_wilson(double share, double n)
{
    double scale = 1 + z * z / n, centre = share + z * z / (2 * n);
    double half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    return (fn_interval){fmax((centre - half) / scale, 0),
                         fmin((centre + half) / scale, 1)};
}

/* From s->x. A figure of 0 or 1 shows no variance: it is a share of all n, then. */
static fn_interval around(const sample *s, double share, int n)
{
    double variance = fn_clusters_variance(s->clusters, s->x);
    double spread = share * (1 - share);
    if (fn_clusters_people(s->clusters) < FN_INTERVAL_PEOPLE)
        return (fn_interval){(double)NAN, (double)NAN};
    return fn_interval_wilson(share, variance > 0 && spread > 0 ? spread / variance : n);
}

static void add_to_accuracy(const sample *s)
{
    const fn_verification *v = s->v;
    int count[FN_MAX_FOLDS] = {0};
    for (int i = 0; i < s->p->n; i++)
        count[s->p->pair[i].fold]++;
    for (int i = 0; i < s->p->n; i++) {
        const fn_pair *pair = &s->p->pair[i];
        bool accept = (double)s->distance[i] < v->fold_threshold[pair->fold];
        double right = accept == pair->same ? 1 : 0;
        s->x[i] = (right - v->accuracy) / v->folds / count[pair->fold];
    }
}

/* The first point of the curve that accepts this distance; the point before does not. */
static int first_accepting(const fn_verification *v, float distance)
{
    int before = 0, at = v->n_roc - 1;
    while (at - before > 1) {
        int middle = (before + at) / 2;
        if ((double)distance < v->roc[middle].threshold)
            at = middle;
        else
            before = middle;
    }
    return at;
}

static void add_to_auc(const sample *s)
{
    const fn_verification *v = s->v;
    for (int i = 0; i < s->p->n; i++) {
        const fn_roc_point *at = &v->roc[first_accepting(v, s->distance[i])];
        double nearer = (at[-1].tpr + at->tpr) / 2,
               farther = 1 - (at[-1].far + at->far) / 2;
        s->x[i] = s->p->pair[i].same ? (farther - v->auc) / v->same
                                     : (nearer - v->auc) / v->different;
    }
}

/* same * TAR + different * FAR at a point */
static void add_to_rates(const sample *s, int point, double same, double different)
{
    const fn_verification *v = s->v;
    const fn_roc_point *at = &v->roc[point];
    for (int i = 0; i < s->p->n; i++) {
        double accept = (double)s->distance[i] < at->threshold ? 1 : 0;
        s->x[i] = s->p->pair[i].same ? same * (accept - at->tpr) / v->same
                                     : different * (accept - at->far) / v->different;
    }
}

/* Of the ROC curve at a point: of the chord between the FARs that the point could as well have
 * had, two standard errors each way. */
static double slope(const sample *s, int point)
{
    const fn_verification *v = s->v;
    add_to_rates(s, point, 0, 1);
    double reach = 2 * sqrt(fn_clusters_variance(s->clusters, s->x));
    double least = 1.0 / v->different, far = v->roc[point].far;
    int low = point, high = point;
    reach = fmax(reach, least);
    while (low > 0 && v->roc[low].far > fmax(far - reach, 0))
        low--;
    while (high < v->n_roc - 1 && v->roc[high].far < far + reach)
        high++;
    return (v->roc[high].tpr - v->roc[low].tpr) / (v->roc[high].far - v->roc[low].far);
}

static int equal_error(const fn_verification *v)
{
    int i = 0;
    while (v->roc[i].far + v->roc[i].tpr < 1)
        i++;
    return i;
}

static fn_status allocate(sample *s)
{
    s->x = fn_alloc((size_t)s->p->n, sizeof *s->x);
    return s->x ? FN_OK
                : fn_fail(FN_ENOMEM, "no memory for the intervals of %d pairs", s->p->n);
}

fn_status fn_interval_figures(fn_intervals *out, const fn_verification *v,
                              const fn_pairs *p, const float *distance, fn_clusters *c)
{
    sample s = {v, p, distance, c, NULL};
    int fewer = v->same < v->different ? v->same : v->different;
    FN_TRY(allocate(&s));
    out->people = fn_clusters_people(c);
    add_to_accuracy(&s);
    out->accuracy = around(&s, v->accuracy, v->pairs);
    add_to_auc(&s);
    out->auc = around(&s, v->auc, fewer);
    int point = equal_error(v);
    double steep = slope(&s, point);
    add_to_rates(&s, point, -1 / (1 + steep), steep / (1 + steep));
    out->eer = around(&s, v->eer, fewer);
    fn_free(s.x);
    return FN_OK;
}

fn_status fn_interval_tar(fn_interval *out, int point, const fn_verification *v,
                          const fn_pairs *p, const float *distance, fn_clusters *c)
{
    sample s = {v, p, distance, c, NULL};
    FN_TRY(allocate(&s));
    double steep = slope(&s, point);
    add_to_rates(&s, point, 1, -steep);
    *out = around(&s, v->roc[point].tpr, v->same);
    fn_free(s.x);
    return FN_OK;
}
