/* mine -- semi-hard triplets (Schroff et al. 2015, section 3.2): for every anchor a and
 * positive p the negative n that is nearest to a among
 *   d(a,p) < d(a,n) < d(a,p) + margin.
 * One scan of a row of distances per pair, so pairs * N steps and no memory but the triplets.
 * A comparison with NaN is false: such distances are never chosen. */
#include "train/mine.h"

#include "core/mem.h"

#include <math.h>
#include <stdbool.h>

typedef struct batch {
    const float *d;   /* [n, n] */
    const int *label; /* [n] */
    int n;
    double margin; /* the window's end is exact in double, and the loss says the same */
    fn_fallback fallback;
} batch;

void fn_triplets_free(fn_triplets *t)
{
    fn_free(t->triplet);
    *t = (fn_triplets){.triplet = NULL};
}

/* --- one anchor --- */

static int first_negative_at(const batch *b, int anchor, float distance)
{
    const float *d = b->d + (int64_t)anchor * b->n;
    for (int k = 0; k < b->n; k++)
        if (d[k] == distance && b->label[k] != b->label[anchor])
            return k;
    return -1;
}

/* The nearest negative that is farther than `floor`; -1: none. */
static int nearest_beyond(const batch *b, int anchor, float floor)
{
    const float *d = b->d + (int64_t)anchor * b->n;
    const int *label = b->label;
    int own = label[anchor];
    float best = INFINITY;
#pragma omp simd reduction(min : best)
    for (int k = 0; k < b->n; k++) {
        float far = (d[k] > floor) & (label[k] != own) ? d[k] : INFINITY;
        best = far < best ? far : best;
    }
    return first_negative_at(b, anchor, best);
}

static int farthest(const batch *b, int anchor)
{
    const float *d = b->d + (int64_t)anchor * b->n;
    float best = -1;
    for (int k = 0; k < b->n; k++)
        if (d[k] > best && b->label[k] != b->label[anchor])
            best = d[k];
    return first_negative_at(b, anchor, best);
}

/* What the anchor's pairs without a semi-hard negative take; -1: nothing. */
static int fallback_negative(const batch *b, int anchor)
{
    switch (b->fallback) {
    case FN_FALLBACK_FARTHEST:
        return farthest(b, anchor);
    case FN_FALLBACK_HARDEST:
        return nearest_beyond(b, anchor, -1);
    case FN_FALLBACK_SKIP:
        break;
    }
    return -1;
}

static int choose_negative(const batch *b, int anchor, int positive, int otherwise)
{
    const float *d = b->d + (int64_t)anchor * b->n;
    int n = nearest_beyond(b, anchor, d[positive]);
    bool inside = n >= 0 && (double)d[n] < (double)d[positive] + b->margin;
    return inside ? n : otherwise;
}

/* --- all pairs --- */

/* start[a]: pairs of the anchors before a. So every anchor knows its place in the list, and
 * the list's order does not depend on the threads. */
static int64_t count_pairs(int64_t *start, const int *label, int n)
{
    int64_t pairs = 0;
    for (int a = 0; a < n; a++) {
        int alike = 0;
        for (int p = 0; p < n; p++)
            alike += label[p] == label[a];
        start[a] = pairs;
        pairs += alike - 1;
    }
    return pairs;
}

static fn_status check_pairs(int64_t pairs, int n)
{
    if (pairs <= 0)
        return fn_fail(FN_EINVAL,
                       "no positive pair in a batch of %d faces: no person has two; give "
                       "each person more faces",
                       n);
    if (pairs == (int64_t)n * (n - 1))
        return fn_fail(FN_EINVAL,
                       "no negative in a batch of %d faces: all are one person; give it "
                       "more people",
                       n);
    return FN_OK;
}

static fn_status reserve(fn_triplets *t, int64_t n)
{
    if (n <= t->capacity)
        return FN_OK;
    fn_triplet *more = fn_grow(t->triplet, (size_t)n, sizeof *more);
    if (!more)
        return fn_fail(FN_ENOMEM, "no memory for %lld triplets", (long long)n);
    t->triplet = more;
    t->capacity = n;
    return FN_OK;
}

static void mine_anchor(const batch *b, int anchor, fn_triplet *to)
{
    int otherwise = fallback_negative(b, anchor);
    for (int p = 0; p < b->n; p++)
        if (p != anchor && b->label[p] == b->label[anchor])
            *to++ = (fn_triplet){anchor, p, choose_negative(b, anchor, p, otherwise)};
}

static void drop_skipped(fn_triplets *t)
{
    for (int64_t i = 0; i < t->pairs; i++)
        if (t->triplet[i].negative >= 0)
            t->triplet[t->n++] = t->triplet[i];
}

fn_status fn_mine_semihard(fn_triplets *t, const float *d, const int *label, int n,
                           float margin, fn_fallback fallback)
{
    batch b = {d, label, n, (double)margin, fallback};
    int64_t *start = fn_alloc((size_t)n, sizeof *start);
    fn_status rc;
    t->n = t->pairs = 0;
    if (!start)
        return fn_fail(FN_ENOMEM, "no memory to mine a batch of %d faces", n);
    int64_t pairs = count_pairs(start, label, n);
    FN_GO(check_pairs(pairs, n));
    FN_GO(reserve(t, pairs));
#pragma omp parallel for schedule(static)
    for (int a = 0; a < n; a++)
        mine_anchor(&b, a, t->triplet + start[a]);
    t->pairs = pairs;
    drop_skipped(t);
out:
    fn_free(start);
    return rc;
}
