/* mine -- the triplets of a batch (Schroff et al. 2015, section 3.2). Anchors do not know each
 * other: each fills its own places of the list, one scan of its row of distances per pair, so
 * pairs * N steps and no memory but the list.
 * A comparison with NaN is false: such distances are never chosen. */
#include "train/mine.h"

#include "core/mem.h"
#include "core/rng.h"

#include <math.h>

/* One anchor's view of the batch. */
typedef struct row {
    const float *d;   /* [n], from the anchor */
    const int *label; /* [n] */
    int n, anchor, own;
} row;

static row row_of(const fn_faces *b, int anchor)
{
    return (row){b->d + (int64_t)anchor * b->n, b->label, b->n, anchor, b->label[anchor]};
}

static bool is_positive(const row *r, int k)
{
    return r->label[k] == r->own && k != r->anchor;
}

void fn_triplets_free(fn_triplets *t)
{
    fn_free(t->triplet);
    *t = (fn_triplets){.triplet = NULL};
}

/* --- one negative; -1: there is none --- */

static int first_negative_at(const row *r, float distance)
{
    for (int k = 0; k < r->n; k++)
        if (r->d[k] == distance && r->label[k] != r->own)
            return k;
    return -1;
}

/* The nearest negative that is farther than `floor`. */
static int nearest_beyond(const row *r, float floor)
{
    const float *d = r->d;
    const int *label = r->label;
    int own = r->own;
    float best = INFINITY;
#pragma omp simd reduction(min : best)
    for (int k = 0; k < r->n; k++) {
        float far = (d[k] > floor) & (label[k] != own) ? d[k] : INFINITY;
        best = far < best ? far : best;
    }
    return first_negative_at(r, best);
}

static int nearest_negative(const row *r)
{
    return nearest_beyond(r, -1);
}

static int farthest_negative(const row *r)
{
    float best = -1;
    for (int k = 0; k < r->n; k++)
        if (r->d[k] > best && r->label[k] != r->own)
            best = r->d[k];
    return first_negative_at(r, best);
}

static int farthest_positive(const row *r)
{
    int best = -1;
    for (int k = 0; k < r->n; k++)
        if (is_positive(r, k) && r->d[k] > (best < 0 ? -1 : r->d[best]))
            best = k;
    return best;
}

static int negative_number(const row *r, uint32_t i)
{
    for (int k = 0; k < r->n; k++)
        if (r->label[k] != r->own && i-- == 0)
            return k;
    return -1;
}

/* --- one anchor: fills its places of the list --- */

typedef struct job {
    const fn_faces *b;
    const fn_mine_options *o;
} job;

/* What the pairs without a semi-hard negative take. */
static int fallback_negative(const row *r, fn_fallback fallback)
{
    switch (fallback) {
    case FN_FALLBACK_FARTHEST:
        return farthest_negative(r);
    case FN_FALLBACK_HARDEST:
        return nearest_negative(r);
    case FN_FALLBACK_SKIP:
        break;
    }
    return -1;
}

/* The window's end is exact in double, and the loss says the same. */
static int semihard_negative(const row *r, int positive, float margin, int otherwise)
{
    int n = nearest_beyond(r, r->d[positive]);
    bool inside = n >= 0 && (double)r->d[n] < (double)r->d[positive] + (double)margin;
    return inside ? n : otherwise;
}

static void mine_semihard(const job *j, int anchor, fn_triplet *to)
{
    row r = row_of(j->b, anchor);
    int otherwise = fallback_negative(&r, j->o->fallback);
    for (int p = 0; p < r.n; p++)
        if (is_positive(&r, p))
            *to++ = (fn_triplet){anchor, p,
                                 semihard_negative(&r, p, j->o->margin, otherwise)};
}

static void mine_hardest_negative(const job *j, int anchor, fn_triplet *to)
{
    row r = row_of(j->b, anchor);
    int nearest = nearest_negative(&r);
    for (int p = 0; p < r.n; p++)
        if (is_positive(&r, p))
            *to++ = (fn_triplet){anchor, p, nearest};
}

static void mine_hardest(const job *j, int anchor, fn_triplet *to)
{
    row r = row_of(j->b, anchor);
    int positive = farthest_positive(&r);
    *to = (fn_triplet){anchor, positive, positive < 0 ? -1 : nearest_negative(&r)};
}

static void mine_random(const job *j, int anchor, fn_triplet *to)
{
    row r = row_of(j->b, anchor);
    fn_rng rng = fn_rng_at(j->o->seed, FN_RNG_MINE, j->o->step, (uint32_t)anchor);
    uint32_t negatives = 0;
    for (int k = 0; k < r.n; k++)
        negatives += r.label[k] != r.own;
    for (int p = 0; p < r.n; p++)
        if (is_positive(&r, p))
            *to++ = (fn_triplet){anchor, p,
                                 negative_number(&r, fn_rng_below(&rng, negatives))};
}

/* --- the batch --- */

static const struct {
    void (*mine)(const job *j, int anchor, fn_triplet *to); /* NULL: no list */
    bool one; /* an anchor gives one triplet */
} kinds[] = {[FN_MINE_SEMIHARD] = {mine_semihard, false},
             [FN_MINE_HARDEST_NEGATIVE] = {mine_hardest_negative, false},
             [FN_MINE_HARDEST] = {mine_hardest, true},
             [FN_MINE_RANDOM] = {mine_random, false},
             [FN_MINE_ALL] = {NULL, false}};

/* Counts, and start[a]: places of the anchors before a; start[n]: of all. So the list's order
 * does not depend on the threads. */
static void count(fn_triplets *t, int64_t *start, const fn_faces *b, fn_mining kind)
{
    start[0] = 0;
    for (int a = 0; a < b->n; a++) {
        int64_t positives = -1;
        for (int k = 0; k < b->n; k++)
            positives += b->label[k] == b->label[a];
        t->pairs += positives;
        t->count += positives * (b->n - 1 - positives);
        start[a + 1] = start[a] + (kinds[kind].one ? positives > 0 : positives);
    }
    t->every = kind == FN_MINE_ALL;
    t->most = t->every ? t->count : start[b->n];
}

fn_status fn_mine_check(int64_t pairs, int n)
{
    if (pairs == 0)
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

fn_status fn_mine_accept(const int *label, int n)
{
    int64_t alike = 0, pairs = 0;
    for (int k = 0; k < n; k++)
        alike += label[k] == label[0];
    for (int a = 0; a < n && pairs == 0; a++)
        for (int k = a + 1; k < n && pairs == 0; k++)
            pairs = label[k] == label[a];
    return fn_mine_check(alike == n ? alike * (n - 1) : pairs, n);
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

static void drop_skipped(fn_triplets *t)
{
    for (int64_t i = 0; i < t->most; i++)
        if (t->triplet[i].negative >= 0)
            t->triplet[t->n++] = t->triplet[i];
    t->count = t->n;
}

static fn_status make_list(fn_triplets *t, const int64_t *start, const job *j)
{
    FN_TRY(reserve(t, t->most));
#pragma omp parallel for schedule(static)
    for (int a = 0; a < j->b->n; a++)
        if (start[a + 1] > start[a])
            kinds[j->o->kind].mine(j, a, t->triplet + start[a]);
    drop_skipped(t);
    return FN_OK;
}

fn_status fn_mine(fn_triplets *t, const fn_faces *b, const fn_mine_options *o)
{
    int64_t *start = fn_alloc((size_t)b->n + 1, sizeof *start);
    *t = (fn_triplets){.triplet = t->triplet, .capacity = t->capacity};
    if (!start)
        return fn_fail(FN_ENOMEM, "no memory to mine a batch of %d faces", b->n);
    count(t, start, b, o->kind);
    fn_status rc = fn_mine_check(t->pairs, b->n);
    if (rc == FN_OK && !t->every)
        rc = make_list(t, start, &(job){b, o});
    if (rc != FN_OK)
        *t = (fn_triplets){.triplet = t->triplet, .capacity = t->capacity};
    fn_free(start);
    return rc;
}
