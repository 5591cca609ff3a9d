/* test_loss.c -- the loss and its gradient against the formula over the triplets in double and
 * its central differences; the same bits for any number of threads. */
#include "core/mem.h"
#include "core/rng.h"
#include "kernels/threads.h"
#include "tests/test.h"
#include "train/loss.h"

typedef struct batch {
    int n, dim;
    float *e, *d, *de;
    double *x; /* e in double */
    fn_triplets t;
} batch;

static void open_batch(batch *b, int n, int dim)
{
    size_t all = (size_t)n * (size_t)dim;
    *b = (batch){.n = n, .dim = dim};
    b->e = fn_alloc(all, sizeof *b->e);
    b->de = fn_alloc(all, sizeof *b->de);
    b->x = fn_alloc(all, sizeof *b->x);
    b->d = fn_alloc((size_t)n * (size_t)n, sizeof *b->d);
    fn_rng r = fn_rng_at(5, FN_RNG_TEST, (uint64_t)n, (uint32_t)dim);
    for (size_t i = 0; i < all; i++) {
        b->e[i] = (float)(fn_rng_normal(&r) / sqrt(dim));
        b->x[i] = (double)b->e[i];
        b->de[i] = 777; /* whatever was there before must not matter */
    }
    CHECK_OK(fn_distances(b->d, b->e, n, dim));
}

static void close_batch(batch *b)
{
    fn_free(b->e);
    fn_free(b->d);
    fn_free(b->de);
    fn_free(b->x);
    fn_triplets_free(&b->t);
}

/* Triplets of any rows: mining would never give such a mixture, nor one of them twice. */
static void any_triplets(batch *b, int count)
{
    fn_rng r = fn_rng_at(6, FN_RNG_TEST, 0, 0);
    b->t.triplet = fn_alloc((size_t)count, sizeof *b->t.triplet);
    b->t.n = b->t.capacity = count;
    b->t.count = count;
    b->t.pairs = b->t.most = 2 * count;
    for (int i = 0; i < count; i++) {
        int pick[3];
        for (int k = 0; k < 3; k++)
            pick[k] = (int)fn_rng_below(&r, (uint32_t)b->n);
        b->t.triplet[i] = (fn_triplet){pick[0], pick[1], pick[2]};
    }
}

static void mine(batch *b, int people, float margin, fn_fallback fallback)
{
    int *label = fn_alloc((size_t)b->n, sizeof *label);
    for (int i = 0; i < b->n; i++)
        label[i] = i % people;
    CHECK_OK(fn_mine(&b->t, &(fn_faces){b->e, b->d, label, b->n, b->dim},
                     &(fn_mine_options){.fallback = fallback, .margin = margin}));
    fn_free(label);
}

/* --- the formula --- */

static double plain_distance(const batch *b, int i, int j)
{
    double sum = 0;
    for (int k = 0; k < b->dim; k++) {
        double x = b->x[i * b->dim + k] - b->x[j * b->dim + k];
        sum += x * x;
    }
    return sum;
}

static fn_loss plain_loss(const batch *b, double margin)
{
    fn_loss l = {0};
    for (int64_t i = 0; i < b->t.n; i++) {
        fn_triplet k = b->t.triplet[i];
        double ap = plain_distance(b, k.anchor, k.positive);
        double an = plain_distance(b, k.anchor, k.negative);
        l.d_ap += ap / (double)b->t.n;
        l.d_an += an / (double)b->t.n;
        if (ap - an + margin > 0) {
            l.loss += (ap - an + margin) / (double)b->t.n;
            l.active += 1 / (double)b->t.pairs;
        }
    }
    return l;
}

static void check_gradient(batch *b, float margin)
{
    double worst = 0, scale = 0, h = 1e-6;
    for (int i = 0; i < b->n * b->dim; i++) {
        double keep = b->x[i];
        b->x[i] = keep + h;
        double above = plain_loss(b, (double)margin).loss;
        b->x[i] = keep - h;
        double want = (above - plain_loss(b, (double)margin).loss) / (2 * h);
        b->x[i] = keep;
        scale = fmax(scale, fabs(want));
        worst = fmax(worst, fabs(want - (double)b->de[i]));
    }
    CHECK(scale > 0);
    CHECK_NEAR(worst / scale, 0, 1e-5);
}

static void check_batch(batch *b, float margin)
{
    fn_loss got, want = plain_loss(b, (double)margin);
    CHECK_OK(fn_triplet_loss(&got, b->de, &(fn_faces){b->e, b->d, NULL, b->n, b->dim},
                             &b->t, margin, FN_REDUCE_MEAN));
    CHECK(b->t.n > 0);
    CHECK_NEAR(got.loss, want.loss, 2e-6);
    CHECK_NEAR(got.active, want.active, 1e-9);
    CHECK_NEAR(got.d_ap, want.d_ap, 2e-6);
    CHECK_NEAR(got.d_an, want.d_an, 2e-6);
    check_gradient(b, margin);
}

TEST(loss_of_any_triplets)
{
    static const struct {
        int n, dim, count;
        float margin;
    } all[] = {{6, 2, 7, 0.2f}, {9, 5, 200, 0.2f}, {33, 16, 100, 0.5f}, {20, 67, 1, 2}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        batch b;
        open_batch(&b, all[i].n, all[i].dim);
        any_triplets(&b, all[i].count);
        check_batch(&b, all[i].margin);
        close_batch(&b);
    }
}

TEST(loss_of_mined_triplets)
{
    for (int f = FN_FALLBACK_SKIP; f <= FN_FALLBACK_HARDEST; f++) {
        batch b;
        open_batch(&b, 26, 12);
        mine(&b, 5, 0.2f, (fn_fallback)f);
        check_batch(&b, 0.2f);
        close_batch(&b);
    }
}

/* The farthest negatives leave most terms at 0: they count in the mean, and nowhere else. */
TEST(loss_counts_what_is_not_active)
{
    batch b;
    fn_loss l;
    open_batch(&b, 26, 12);
    mine(&b, 5, 1e-3f, FN_FALLBACK_FARTHEST);
    CHECK_OK(fn_triplet_loss(&l, b.de, &(fn_faces){b.e, b.d, NULL, b.n, b.dim}, &b.t, 1e-3f,
                             FN_REDUCE_MEAN));
    CHECK_INT(b.t.n, b.t.pairs);
    CHECK(l.active > 0 && l.active < 0.5);
    check_batch(&b, 1e-3f);
    close_batch(&b);
}

TEST(loss_of_nothing_is_zero)
{
    batch b;
    fn_loss l = {9, 9, 9, 9};
    int64_t not_zero = 0;
    open_batch(&b, 8, 5);
    b.t.pairs = b.t.most = 4;
    CHECK_OK(fn_triplet_loss(&l, b.de, &(fn_faces){b.e, b.d, NULL, b.n, b.dim}, &b.t, 0.2f,
                             FN_REDUCE_MEAN));
    CHECK(l.loss == 0 && l.active == 0 && l.d_ap == 0 && l.d_an == 0);
    for (int i = 0; i < b.n * b.dim; i++)
        not_zero += b.de[i] != 0;
    CHECK_INT(not_zero, 0);
    close_batch(&b);
}

/* Mining finds nothing among NaN: the loss must tell all the same. */
TEST(loss_tells_of_numbers_that_are_not_finite)
{
    static const float sick[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        batch b;
        fn_loss l;
        open_batch(&b, 8, 5);
        b.e[8 * 5 - 1] = sick[i];
        CHECK_OK(fn_triplet_loss(&l, b.de, &(fn_faces){b.e, b.d, NULL, b.n, b.dim}, &b.t,
                                 0.2f, FN_REDUCE_MEAN));
        CHECK(isnan(l.loss));
        any_triplets(&b, 30);
        b.d[b.t.triplet[0].anchor * b.n + b.t.triplet[0].positive] = NAN;
        b.e[8 * 5 - 1] = 0;
        CHECK_OK(fn_triplet_loss(&l, b.de, &(fn_faces){b.e, b.d, NULL, b.n, b.dim}, &b.t,
                                 0.2f, FN_REDUCE_MEAN));
        CHECK(isnan(l.loss));
        close_batch(&b);
    }
}

TEST(loss_has_the_same_bits_for_any_number_of_threads)
{
    enum { N = 203, DIM = 128, BYTES = N * DIM * sizeof(float) };
    static const int teams[] = {1, 2, 3, 8};
    batch b;
    fn_loss first = {0}, l;
    float *want = fn_alloc(N * DIM, sizeof *want);
    open_batch(&b, N, DIM);
    mine(&b, 9, 0.2f, FN_FALLBACK_HARDEST);
    for (int i = 0; i < 4; i++) {
        fn_threads_set(teams[i]);
        memset(b.de, 0xff, BYTES);
        CHECK_OK(fn_triplet_loss(&l, b.de, &(fn_faces){b.e, b.d, NULL, b.n, b.dim}, &b.t,
                                 0.2f, FN_REDUCE_MEAN));
        if (i == 0) {
            first = l;
            memcpy(want, b.de, BYTES);
        }
        CHECK(memcmp(want, b.de, BYTES) == 0);
        CHECK(first.loss == l.loss && first.d_ap == l.d_ap && first.d_an == l.d_an);
    }
    fn_threads_set(0);
    fn_free(want);
    close_batch(&b);
}

TEST(loss_survives_a_failed_allocation)
{
    batch b;
    fn_loss l = {9, 9, 9, 9};
    open_batch(&b, 8, 5);
    fn_fail_alloc(1);
    CHECK_FAILS(fn_triplet_loss(&l, b.de, &(fn_faces){b.e, b.d, NULL, b.n, b.dim}, &b.t,
                                0.2f, FN_REDUCE_MEAN),
                FN_ENOMEM, "no memory for the pairs of 8 faces");
    fn_fail_alloc(0);
    CHECK(l.loss == 0);
    close_batch(&b);
}

/* Every triplet, counted, is what the list of every triplet gives. */
TEST(loss_of_every_triplet_is_that_of_their_list)
{
    enum { N = 21, DIM = 7, PEOPLE = 4 };
    for (int reduce = FN_REDUCE_MEAN; reduce <= FN_REDUCE_SUM; reduce++) {
        batch b;
        fn_loss want, got;
        float de[N * DIM];
        int label[N];
        open_batch(&b, N, DIM);
        any_triplets(&b, N * N * N);
        b.t.n = 0;
        for (int i = 0; i < N; i++)
            label[i] = i % PEOPLE;
        for (int i = 0; i < N * N * N; i++) {
            fn_triplet k = {i / N / N, i / N % N, i % N};
            if (k.anchor != k.positive && label[k.anchor] == label[k.positive] &&
                label[k.anchor] != label[k.negative])
                b.t.triplet[b.t.n++] = k;
        }
        b.t.count = b.t.most = b.t.n;
        fn_faces f = {b.e, b.d, label, N, DIM};
        fn_triplets every = {0};
        CHECK_OK(fn_triplet_loss(&want, b.de, &f, &b.t, 0.2f, (fn_reduce)reduce));
        CHECK_OK(fn_mine(&every, &f, &(fn_mine_options){.kind = FN_MINE_ALL}));
        CHECK(every.every && every.n == 0 && every.count == b.t.n);
        for (int threads = 1; threads <= 3; threads++) {
            fn_threads_set(threads);
            CHECK_OK(fn_triplet_loss(&got, de, &f, &every, 0.2f, (fn_reduce)reduce));
            CHECK_NEAR(got.loss, want.loss, 1e-9 * want.loss);
            CHECK_NEAR(got.active, want.active, 1e-12);
            CHECK_NEAR(got.d_an, want.d_an, 1e-9);
            CHECK(memcmp(de, b.de, sizeof de) == 0);
        }
        fn_threads_set(0);
        close_batch(&b);
    }
}

TEST(loss_is_scaled_as_told)
{
    batch b;
    fn_loss mean, active, sum;
    open_batch(&b, 26, 12);
    mine(&b, 5, 1e-3f, FN_FALLBACK_FARTHEST);
    fn_faces f = {b.e, b.d, NULL, 26, 12};
    CHECK_OK(fn_triplet_loss(&mean, b.de, &f, &b.t, 1e-3f, FN_REDUCE_MEAN));
    int at = 0;
    for (int i = 0; i < 26 * 12; i++)
        at = fabsf(b.de[i]) > fabsf(b.de[at]) ? i : at;
    float of_mean = b.de[at];
    CHECK_OK(fn_triplet_loss(&active, b.de, &f, &b.t, 1e-3f, FN_REDUCE_ACTIVE));
    CHECK_NEAR(active.loss, mean.loss / mean.active, 1e-9);
    CHECK_OK(fn_triplet_loss(&sum, b.de, &f, &b.t, 1e-3f, FN_REDUCE_SUM));
    CHECK_NEAR(sum.loss, mean.loss * (double)b.t.n, 1e-9);
    CHECK(of_mean != 0);
    CHECK_NEAR(b.de[at] / of_mean, b.t.n, 1e-3);
    close_batch(&b);
}
