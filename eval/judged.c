/* judged.c -- sorts pairs by distance; the mean over folds. */
#include "eval/judged.h"

#include "core/mem.h"

#include <math.h>
#include <stdlib.h>

/* Equal distances stay in the order of the file, so that a result does not depend on qsort. */
static int by_distance(const void *a, const void *b)
{
    const fn_judged *x = a, *y = b;
    int order = (x->distance > y->distance) - (x->distance < y->distance);
    return order ? order : (x->pair > y->pair) - (x->pair < y->pair);
}

fn_status fn_judged_sort(fn_judged **j, const fn_pairs *p, const float *distance)
{
    fn_judged *all = fn_alloc((size_t)p->n, sizeof *all);
    *j = NULL;
    if (!all)
        return fn_fail(FN_ENOMEM, "no memory to judge %d pairs", p->n);
    for (int i = 0; i < p->n; i++) {
        const fn_pair *pair = &p->pair[i];
        if (!isfinite(distance[i])) {
            fn_free(all);
            return fn_fail(
                FN_ENUMERIC,
                "pair %d of %d (%s, %s) has the distance %g: an embedding is not "
                "finite, so the model is damaged or its training diverged",
                i + 1, p->n, p->path ? p->path[pair->a] : "drawn",
                p->path ? p->path[pair->b] : "drawn", (double)distance[i]);
        }
        all[i] = (fn_judged){distance[i], i, pair->fold, pair->same};
    }
    qsort(all, (size_t)p->n, sizeof *all, by_distance);
    *j = all;
    return FN_OK;
}

fn_mean fn_judged_mean(const double *x, int n)
{
    fn_mean m = {.count = 0};
    double square = 0;
    for (int i = 0; i < n; i++)
        if (!isnan(x[i])) {
            m.mean += x[i];
            m.count++;
        }
    m.mean = m.count ? m.mean / m.count : (double)NAN;
    for (int i = 0; i < n; i++)
        if (!isnan(x[i]))
            square += (x[i] - m.mean) * (x[i] - m.mean);
    m.deviation = m.count > 1 ? sqrt(square / (m.count - 1)) : (double)NAN;
    m.error = m.deviation / sqrt(m.count);
    return m;
}
