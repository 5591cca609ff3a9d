/* loss -- mean triplet loss and its gradient (Schroff et al. 2015, eq. 3). With d(i,j) =
 * |e_i - e_j|^2 and c(i,j) = how often (i,j) is anchor-positive minus how often anchor-negative
 * among the triplets whose term is positive, either way round:
 *   dL/de_i = 2/T sum over j of c(i,j) (e_i - e_j)
 * c is integer, so the order of counting cannot matter, and j runs upwards for every i. */
#include "train/loss.h"

#include "core/mem.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

typedef struct pair_counts {
    int32_t *c; /* [n, n], symmetric */
    int64_t n;
} pair_counts;

static void count(pair_counts *p, int i, int j, int32_t by)
{
    p->c[i * p->n + j] += by;
    p->c[j * p->n + i] += by;
}

static fn_loss sum_up(pair_counts *p, const float *d, const fn_triplets *t, double margin)
{
    fn_loss sum = {0};
    int64_t active = 0;
    for (int64_t i = 0; i < t->n; i++) {
        fn_triplet k = t->triplet[i];
        double d_ap = (double)d[k.anchor * p->n + k.positive];
        double d_an = (double)d[k.anchor * p->n + k.negative];
        double term = d_ap - d_an + margin;
        sum.d_ap += d_ap;
        sum.d_an += d_an;
        sum.loss += term <= 0 ? 0 : term; /* so NaN is not taken for 0 */
        if (!(term > 0))
            continue;
        active++;
        count(p, k.anchor, k.positive, 1);
        count(p, k.anchor, k.negative, -1);
    }
    double mean = t->n > 0 ? 1 / (double)t->n : 0;
    return (fn_loss){.loss = sum.loss * mean,
                     .active = t->pairs > 0 ? (double)active / (double)t->pairs : 0,
                     .d_ap = sum.d_ap * mean,
                     .d_an = sum.d_an * mean};
}

static void gradient_row(float *de, const float *e, const pair_counts *p, int64_t i,
                         int dim)
{
    const int32_t *c = p->c + i * p->n;
    const float *own = e + i * dim;
    memset(de, 0, (size_t)dim * sizeof *de);
    for (int64_t j = 0; j < p->n; j++) {
        const float *other = e + j * dim;
        float by = (float)c[j];
        if (c[j] == 0)
            continue;
#pragma omp simd
        for (int k = 0; k < dim; k++)
            de[k] += by * (own[k] - other[k]);
    }
}

static void gradient(float *de, const float *e, const pair_counts *p, int dim, float scale)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->n; i++) {
        float *row = de + i * dim;
        gradient_row(row, e, p, i, dim);
        for (int k = 0; k < dim; k++)
            row[k] *= scale;
    }
}

static bool all_finite(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

fn_status fn_triplet_loss(fn_loss *out, float *de, const float *e, const float *d, int n,
                          int dim, const fn_triplets *t, float margin)
{
    pair_counts p = {.n = n};
    *out = (fn_loss){0};
    p.c = fn_alloc((size_t)n * (size_t)n, sizeof *p.c);
    if (!p.c)
        return fn_fail(FN_ENOMEM, "no memory for the pairs of %d faces", n);
    *out = sum_up(&p, d, t, (double)margin);
    gradient(de, e, &p, dim, t->n > 0 ? 2 / (float)t->n : 0);
    fn_free(p.c);
    if (!all_finite(e, (int64_t)n * dim))
        out->loss = NAN; /* mining passes over NaN, and a loss of 0 would hide it */
    return FN_OK;
}
