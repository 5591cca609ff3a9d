/* loss -- triplet loss and its gradient (Schroff et al. 2015, eq. 3). With d(i,j) =
 * |e_i - e_j|^2 and c(i,j) = how often i is the anchor of the positive j minus how often of the
 * negative j, among the triplets whose term is above 0:
 *   dL/de_i = 2 s sum over j of (c(i,j) + c(j,i)) (e_i - e_j)
 * c is integer, so the order of counting cannot matter, and j runs upwards for every i. It holds
 * every triplet of a batch in N^2 numbers. */
#include "train/loss.h"

#include "core/mem.h"

#include <math.h>
#include <string.h>

/* Of one anchor, or of all. */
typedef struct sums {
    double loss, d_ap, d_an;
    int64_t active;
} sums;

/* `d` and `c` are the anchor's rows. */
static void add_term(sums *s, int32_t *c, const float *d, int p, int n, double margin)
{
    double d_ap = (double)d[p], d_an = (double)d[n], term = d_ap - d_an + margin;
    s->d_ap += d_ap;
    s->d_an += d_an;
    s->loss += term <= 0 ? 0 : term; /* so NaN is not taken for 0 */
    if (!(term > 0))
        return;
    s->active++;
    c[p]++;
    c[n]--;
}

static sums sum_list(int32_t *c, const fn_faces *b, const fn_triplets *t, double margin)
{
    sums s = {0};
    for (int64_t i = 0; i < t->n; i++) {
        fn_triplet k = t->triplet[i];
        int64_t row = (int64_t)k.anchor * b->n;
        add_term(&s, c + row, b->d + row, k.positive, k.negative, margin);
    }
    return s;
}

static sums sum_anchor(int32_t *c, const fn_faces *b, int64_t anchor, double margin)
{
    const float *d = b->d + anchor * b->n;
    const int *label = b->label;
    int own = label[anchor];
    sums s = {0};
    for (int p = 0; p < b->n; p++)
        for (int n = 0; n < b->n && label[p] == own && p != anchor; n++)
            if (label[n] != own)
                add_term(&s, c, d, p, n, margin);
    return s;
}

static sums sum_every(int32_t *c, sums *of, const fn_faces *b, double margin)
{
    sums s = {0};
#pragma omp parallel for schedule(dynamic)
    for (int64_t a = 0; a < b->n; a++)
        of[a] = sum_anchor(c + a * b->n, b, a, margin);
    for (int a = 0; a < b->n; a++) {
        s.loss += of[a].loss;
        s.d_ap += of[a].d_ap;
        s.d_an += of[a].d_an;
        s.active += of[a].active;
    }
    return s;
}

static double scale_of(fn_reduce reduce, int64_t count, int64_t active)
{
    int64_t by = reduce == FN_REDUCE_MEAN ? count : reduce == FN_REDUCE_ACTIVE ? active : 1;
    return by > 0 ? 1 / (double)by : 0;
}

static void gradient_row(float *de, const fn_faces *b, const int32_t *c, int64_t i)
{
    const float *own = b->e + i * b->dim;
    memset(de, 0, (size_t)b->dim * sizeof *de);
    for (int64_t j = 0; j < b->n; j++) {
        const float *other = b->e + j * b->dim;
        int32_t both = c[i * b->n + j] + c[j * b->n + i];
        float by = (float)both;
        if (both == 0)
            continue;
#pragma omp simd
        for (int k = 0; k < b->dim; k++)
            de[k] += by * (own[k] - other[k]);
    }
}

static void gradient(float *de, const fn_faces *b, const int32_t *c, float scale)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < b->n; i++) {
        float *row = de + i * b->dim;
        gradient_row(row, b, c, i);
        for (int k = 0; k < b->dim; k++)
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

fn_status fn_triplet_loss(fn_loss *out, float *de, const fn_faces *b, const fn_triplets *t,
                          float margin, fn_reduce reduce)
{
    size_t n = (size_t)b->n;
    int32_t *c = fn_alloc(n * n, sizeof *c);
    sums *of = t->every ? fn_alloc(n, sizeof *of) : NULL;
    fn_status rc = FN_OK;
    *out = (fn_loss){0};
    if (!c || (t->every && !of)) {
        rc = fn_fail(FN_ENOMEM, "no memory for the pairs of %d faces", b->n);
        goto out;
    }
    sums s = t->every ? sum_every(c, of, b, (double)margin)
                      : sum_list(c, b, t, (double)margin);
    double scale = scale_of(reduce, t->count, s.active);
    double mean = scale_of(FN_REDUCE_MEAN, t->count, 0);
    gradient(de, b, c, (float)(2 * scale));
    *out = (fn_loss){.loss = s.loss * scale,
                     .active = t->most > 0 ? (double)s.active / (double)t->most : 0,
                     .d_ap = s.d_ap * mean,
                     .d_an = s.d_an * mean};
    if (!all_finite(b->e, (int64_t)b->n * b->dim))
        out->loss = NAN; /* mining passes over NaN, and a loss of 0 would hide it */
out:
    fn_free(c);
    fn_free(of);
    return rc;
}
