/* test_mine.c -- mining against the definition as plain loops in
 * double, ties, every fallback, and any number of threads. */
#include "core/mem.h"
#include "kernels/threads.h"
#include "tests/rows.h"
#include "train/mine.h"

static const int teams[] = {1, 2, 3, 8};

enum { TEAMS = sizeof teams / sizeof *teams };

/* Mining of kind semihard. */
static fn_status mine_semihard(fn_triplets *t, const float *d, const int *label, int n,
                               float margin, fn_fallback fallback)
{
    fn_faces b = {.d = d, .label = label, .n = n};
    return fn_mine(t, &b, &(fn_mine_options){.fallback = fallback, .margin = margin});
}

/* --- the definition --- */

static bool nearer(const float *d, int a, int b)
{
    return b < 0 || (double)d[a] < (double)d[b];
}

static int plain_negative(const float *d, const int *label, int n, int a, int p,
                          double margin, fn_fallback fallback)
{
    const float *row = d + a * n;
    int semi = -1, hard = -1, far = -1;
    for (int k = 0; k < n; k++) {
        if (label[k] == label[a])
            continue;
        double d_ap = (double)row[p], d_an = (double)row[k];
        if (d_ap < d_an && d_an < d_ap + margin && nearer(row, k, semi))
            semi = k;
        if (nearer(row, k, hard))
            hard = k;
        if (far < 0 || nearer(row, far, k))
            far = k;
    }
    if (semi >= 0 || fallback == FN_FALLBACK_SKIP)
        return semi;
    return fallback == FN_FALLBACK_HARDEST ? hard : far;
}

/* How many of the triplets are as the definition says, in the order of (anchor, positive). */
static void check_definition(const fn_triplets *t, const float *d, const int *label, int n,
                             float margin, fn_fallback fallback)
{
    int64_t pairs = 0, at = 0, wrong = 0;
    for (int a = 0; a < n; a++)
        for (int p = 0; p < n; p++) {
            if (p == a || label[p] != label[a])
                continue;
            int k = plain_negative(d, label, n, a, p, (double)margin, fallback);
            pairs++;
            if (k < 0)
                continue;
            fn_triplet got = at < t->n ? t->triplet[at] : (fn_triplet){-1, -1, -1};
            wrong += got.anchor != a || got.positive != p || got.negative != k;
            at++;
        }
    CHECK_INT(t->pairs, pairs);
    CHECK_INT(t->n, at);
    CHECK_INT(wrong, 0);
}

static void check_all(const float *d, const int *label, int n, float margin)
{
    fn_triplets t = {0};
    for (int f = FN_FALLBACK_SKIP; f <= FN_FALLBACK_HARDEST; f++)
        for (int i = 0; i < TEAMS; i++) {
            fn_threads_set(teams[i]);
            CHECK_OK(mine_semihard(&t, d, label, n, margin, (fn_fallback)f));
            check_definition(&t, d, label, n, margin, (fn_fallback)f);
        }
    fn_threads_set(0);
    fn_triplets_free(&t);
}

static void check_rows(int n, int dim, double spread, float margin)
{
    int *label = fn_alloc((size_t)n, sizeof *label);
    float *d = fn_alloc((size_t)(n * n), sizeof *d);
    mixed_labels(label, n);
    float *e = clustered(label, n, dim, spread);
    CHECK_OK(fn_distances(d, e, n, dim));
    check_all(d, label, n, margin);
    fn_free(e);
    fn_free(d);
    fn_free(label);
}

TEST(mine_as_defined_on_random_rows)
{
    check_rows(97, 16, 30, 0.2f); /* the centres hardly count */
    check_rows(64, 128, 30, 0.05f);
}

TEST(mine_as_defined_on_clustered_rows)
{
    check_rows(97, 16, 0.3, 0.2f);
    check_rows(97, 16, 1, 0.2f);
    check_rows(50, 3, 0.02, 4);
}

TEST(mine_as_defined_on_rows_that_are_alike)
{
    check_rows(40, 8, 0, 0.2f);
}

TEST(mine_as_defined_on_tied_distances)
{
    enum { N = 61 };
    int label[N];
    static float d[N * N];
    mixed_labels(label, N);
    tied(d, N);
    check_all(d, label, N, 0.25f); /* the window's end is a distance: it is outside */
    check_all(d, label, N, 0.2f);
    check_all(d, label, N, 0.126f);
}

/* The window's end lies between two floats: rounded to the lower one it would close. */
TEST(mine_takes_the_end_of_the_window_exactly)
{
    const float ap = 1, an = nextafterf(1, 2), step = an - ap;
    const int label[] = {0, 0, 1};
    float d[] = {0, ap, an, ap, 0, 3, an, 3, 0};
    fn_triplets t = {0};
    CHECK_OK(mine_semihard(&t, d, label, 3, 1.375f * step, FN_FALLBACK_SKIP));
    CHECK_INT(t.n, 1);
    CHECK_OK(mine_semihard(&t, d, label, 3, step, FN_FALLBACK_SKIP));
    CHECK_INT(t.n, 0);
    CHECK_INT(t.pairs, 2);
    fn_triplets_free(&t);
}

/* --- the other choices --- */

static fn_triplet plain_hardest(const float *d, const int *label, int n, int a)
{
    fn_triplet k = {a, -1, -1};
    for (int i = 0; i < n; i++) {
        bool own = label[i] == label[a];
        if (own && i != a && (k.positive < 0 || d[a * n + i] > d[a * n + k.positive]))
            k.positive = i;
        if (!own && nearer(d + a * n, i, k.negative))
            k.negative = i;
    }
    return k;
}

static bool same_triplet(fn_triplet a, fn_triplet b)
{
    return a.anchor == b.anchor && a.positive == b.positive && a.negative == b.negative;
}

TEST(mine_hardest_as_defined)
{
    enum { N = 61 };
    int label[N];
    static float d[N * N];
    fn_triplets per_pair = {0}, per_anchor = {0};
    fn_faces b = {.d = d, .label = label, .n = N};
    mixed_labels(label, N);
    tied(d, N);
    for (int team = 0; team < TEAMS; team++) {
        int64_t pairs = 0, anchors = 0, wrong = 0;
        fn_threads_set(teams[team]);
        CHECK_OK(
            fn_mine(&per_pair, &b, &(fn_mine_options){.kind = FN_MINE_HARDEST_NEGATIVE}));
        CHECK_OK(fn_mine(&per_anchor, &b, &(fn_mine_options){.kind = FN_MINE_HARDEST}));
        for (int a = 0; a < N; a++) {
            fn_triplet want = plain_hardest(d, label, N, a);
            if (want.positive >= 0)
                wrong += !same_triplet(per_anchor.triplet[anchors++], want);
            for (int p = 0; p < N; p++)
                if (p != a && label[p] == label[a])
                    wrong += !same_triplet(per_pair.triplet[pairs++],
                                           (fn_triplet){a, p, want.negative});
        }
        CHECK_INT(wrong, 0);
        CHECK(per_pair.n == pairs && per_pair.pairs == pairs && per_pair.most == pairs);
        CHECK(per_anchor.n == anchors && per_anchor.most == anchors);
        CHECK(per_anchor.pairs == pairs && per_anchor.count == anchors);
    }
    fn_threads_set(0);
    fn_triplets_free(&per_pair);
    fn_triplets_free(&per_anchor);
}

/* Face 0 has one positive and nine negatives: each is drawn about as often. */
TEST(mine_random_draws_negatives_evenly)
{
    enum { N = 11, EACH = 1000, STEPS = 9 * EACH };
    const int label[N] = {5, 5, 1, 2, 3, 4, 6, 7, 8, 9, 10};
    float d[N * N];
    int seen[N] = {0};
    fn_triplets t = {0}, again = {0};
    fn_faces b = {.d = d, .label = label, .n = N};
    fn_mine_options o = {.kind = FN_MINE_RANDOM, .seed = 3};
    tied(d, N);
    for (; o.step < STEPS; o.step++) {
        fn_threads_set(teams[o.step % TEAMS]);
        CHECK_OK(fn_mine(&t, &b, &o));
        CHECK_INT(t.n, 2);
        seen[t.triplet[0].negative]++;
    }
    for (int i = 0; i < N; i++)
        CHECK_NEAR(seen[i], i < 2 ? 0 : EACH, i < 2 ? 0 : 5 * sqrt(EACH));
    o.step--;
    fn_threads_set(0);
    CHECK_OK(fn_mine(&again, &b, &o));
    CHECK(memcmp(again.triplet, t.triplet, 2 * sizeof *t.triplet) == 0);
    fn_triplets_free(&t);
    fn_triplets_free(&again);
}

/* --- odd input --- */

static void check_sane(const fn_triplets *t, const int *label, int n)
{
    for (int64_t i = 0; i < t->n; i++) {
        fn_triplet k = t->triplet[i];
        CHECK(k.anchor >= 0 && k.anchor < n && k.negative >= 0 && k.negative < n);
        CHECK(label[k.anchor] == label[k.positive] && k.anchor != k.positive);
        CHECK(label[k.anchor] != label[k.negative]);
    }
}

TEST(mine_never_takes_a_negative_at_nan)
{
    enum { N = 33, SICK = 5 };
    int label[N];
    float d[N * N];
    fn_triplets t = {0};
    for (int i = 0; i < N; i++)
        label[i] = i % 4;
    for (int f = FN_FALLBACK_SKIP; f <= FN_FALLBACK_HARDEST; f++) {
        tied(d, N);
        for (int i = 0; i < N; i++)
            d[SICK * N + i] = d[i * N + SICK] = NAN;
        CHECK_OK(mine_semihard(&t, d, label, N, 0.2f, (fn_fallback)f));
        CHECK(t.n > 0);
        check_sane(&t, label, N);
        for (int64_t i = 0; i < t.n; i++)
            CHECK(t.triplet[i].negative != SICK && t.triplet[i].anchor != SICK);
        for (int i = 0; i < N * N; i++)
            d[i] = NAN;
        CHECK_OK(mine_semihard(&t, d, label, N, 0.2f, (fn_fallback)f));
        CHECK_INT(t.n, 0);
        CHECK(t.pairs > 0);
    }
    fn_triplets_free(&t);
}

TEST(mine_refuses_a_batch_without_pairs_or_negatives)
{
    const int lonely[] = {3, 1, 2}, one[] = {7, 7, 7};
    float d[9] = {0};
    fn_triplets t = {.n = 5, .pairs = 5};
    CHECK_FAILS(mine_semihard(&t, d, lonely, 3, 0.2f, FN_FALLBACK_SKIP), FN_EINVAL,
                "no positive pair in a batch of 3 faces");
    CHECK_INT(t.n + t.pairs, 0);
    CHECK_FAILS(mine_semihard(&t, d, one, 3, 0.2f, FN_FALLBACK_SKIP), FN_EINVAL,
                "no negative in a batch of 3 faces");
    CHECK_FAILS(mine_semihard(&t, d, one, 1, 0.2f, FN_FALLBACK_SKIP), FN_EINVAL,
                "no positive pair");
    CHECK_FAILS(mine_semihard(&t, d, one, 0, 0.2f, FN_FALLBACK_SKIP), FN_EINVAL,
                "no positive pair");
}

TEST(people_alone_say_what_mine_would_refuse)
{
    const int lonely[] = {3, 1, 2}, one[] = {7, 7, 7}, late[] = {4, 5, 6, 5};
    CHECK_FAILS(fn_mine_accept(lonely, 3), FN_EINVAL,
                "no positive pair in a batch of 3 faces");
    CHECK_FAILS(fn_mine_accept(one, 3), FN_EINVAL, "no negative in a batch of 3 faces");
    CHECK_FAILS(fn_mine_accept(one, 1), FN_EINVAL, "no positive pair");
    CHECK_FAILS(fn_mine_accept(late, 3), FN_EINVAL, "no positive pair");
    CHECK_OK(fn_mine_accept(late, 4));
}

TEST(mine_survives_each_failed_allocation)
{
    const int label[] = {0, 0, 1};
    float d[9] = {0, 1, 2, 1, 0, 2, 2, 2, 0};
    int failures = 0;
    for (long n = 1;; n++) {
        fn_triplets t = {0};
        fn_fail_alloc(n);
        fn_status rc = mine_semihard(&t, d, label, 3, 2, FN_FALLBACK_SKIP);
        fn_fail_alloc(0);
        CHECK_INT(t.n, rc == FN_OK ? 2 : 0);
        fn_triplets_free(&t);
        if (rc == FN_OK)
            break;
        CHECK_INT(rc, FN_ENOMEM);
        failures++;
    }
    CHECK_INT(failures, 2);
}

TEST(mine_again_reuses_its_list)
{
    const int few[] = {0, 0, 1}, many[] = {0, 0, 1, 1, 0};
    float d[25];
    fn_triplets t = {0};
    tied(d, 5);
    CHECK_OK(mine_semihard(&t, d, many, 5, 2, FN_FALLBACK_FARTHEST));
    int64_t room = t.capacity;
    CHECK(room >= t.n && t.n == 8);
    tied(d, 3);
    CHECK_OK(mine_semihard(&t, d, few, 3, 2, FN_FALLBACK_FARTHEST));
    check_definition(&t, d, few, 3, 2, FN_FALLBACK_FARTHEST);
    CHECK_INT(t.capacity, room);
    fn_triplets_free(&t);
    CHECK(!t.triplet && t.n == 0 && t.capacity == 0);
}
