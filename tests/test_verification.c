/* test_verification.c -- thresholds, accuracy, spread and ROC: by hand, and against loops that
 * try everything. tests/test_verification.py compares with scikit-learn. */
#include "core/mem.h"
#include "core/rng.h"
#include "eval/verification.h"
#include "tests/test.h"

enum { MOST = 400 };

/* A protocol written down pair by pair. */
typedef struct protocol {
    fn_pair pair[MOST];
    float distance[MOST];
    fn_pairs pairs;
} protocol;

static void add(protocol *p, int fold, bool same, float distance)
{
    p->pair[p->pairs.n] = (fn_pair){.fold = fold, .same = same};
    p->distance[p->pairs.n++] = distance;
    p->pairs.pair = p->pair;
    if (p->pairs.folds <= fold)
        p->pairs.folds = fold + 1;
}

static fn_verification *verify(protocol *p)
{
    fn_verification *v;
    CHECK_OK(fn_verify_pairs(&v, &p->pairs, p->distance));
    return v;
}

static void check_point(const fn_verification *v, int i, double threshold, double far,
                        double tpr)
{
    CHECK_NEAR(v->roc[i].threshold, threshold, 1e-12);
    CHECK_NEAR(v->roc[i].far, far, 1e-12);
    CHECK_NEAR(v->roc[i].tpr, tpr, 1e-12);
}

TEST(one_fold_by_hand)
{
    protocol p = {.pairs = {.n = 0}};
    add(&p, 0, false, 1.5F);
    add(&p, 0, true, 0.25F);
    add(&p, 0, true, 1.0F);
    add(&p, 0, false, 0.75F);
    add(&p, 0, true, 0.5F);
    add(&p, 0, false, 1.25F);
    fn_verification *v = verify(&p);
    CHECK_INT(v->pairs, 6);
    CHECK_INT(v->folds, 1);
    CHECK_INT(v->same, 3);
    CHECK_INT(v->different, 3);
    /* 0.625 and 1.125 both judge 5 of 6 right: the lower one is taken. */
    CHECK_NEAR(v->threshold, 0.625, 0);
    CHECK_NEAR(v->fold_threshold[0], 0.625, 0);
    CHECK_NEAR(v->accuracy, 5.0 / 6, 1e-15);
    CHECK(isnan(v->error) && isnan(v->deviation));
    CHECK_NEAR(v->auc, 8.0 / 9, 1e-15);
    CHECK_NEAR(v->eer, 1.0 / 3, 1e-15);
    CHECK_INT(v->n_roc, 7);
    check_point(v, 0, 0.25, 0, 0);
    check_point(v, 1, 0.375, 0, 1.0 / 3);
    check_point(v, 2, 0.625, 0, 2.0 / 3);
    check_point(v, 3, 0.875, 1.0 / 3, 2.0 / 3);
    check_point(v, 4, 1.125, 1.0 / 3, 1);
    check_point(v, 5, 1.375, 2.0 / 3, 1);
    CHECK(v->roc[6].threshold > 1.5 && v->roc[6].threshold < 1.5001);
    CHECK_NEAR(v->roc[6].far, 1, 0);
    CHECK_NEAR(v->roc[6].tpr, 1, 0);
    fn_verification_free(v);
}

/* The curve passes from (1/3, 1/2) to (2/3, 1/2): both errors are 1/2 on the way. */
TEST(equal_error_between_two_points)
{
    protocol p = {.pairs = {.n = 0}};
    for (int i = 0; i < 5; i++)
        add(&p, 0, i % 2, (float)i);
    fn_verification *v = verify(&p);
    CHECK_NEAR(v->eer, 0.5, 1e-15);
    fn_verification_free(v);
}

TEST(equal_distances_are_crossed_together)
{
    protocol p = {.pairs = {.n = 0}};
    add(&p, 0, true, 0.5F);
    add(&p, 0, false, 0.5F);
    add(&p, 0, true, 0.5F);
    add(&p, 0, false, 0.75F);
    fn_verification *v = verify(&p);
    CHECK_NEAR(v->threshold, 0.625, 0);
    CHECK_NEAR(v->accuracy, 0.75, 0);
    CHECK_NEAR(v->auc, 0.75, 0); /* (half of 2 + 2) / 4 */
    CHECK_INT(v->n_roc, 3);
    check_point(v, 1, 0.625, 0.5, 1);
    fn_verification_free(v);
}

TEST(all_distances_equal)
{
    protocol p = {.pairs = {.n = 0}};
    add(&p, 0, true, 2);
    add(&p, 0, false, 2);
    fn_verification *v = verify(&p);
    CHECK_NEAR(v->threshold, 2, 0); /* accepts nothing */
    CHECK_NEAR(v->accuracy, 0.5, 0);
    CHECK_NEAR(v->auc, 0.5, 0);
    CHECK_INT(v->n_roc, 2);
    fn_verification_free(v);
}

TEST(accepting_nothing_or_everything_can_be_best)
{
    protocol p = {.pairs = {.n = 0}}, q = {.pairs = {.n = 0}};
    add(&p, 0, false, 0.125F);
    add(&p, 0, false, 0.25F);
    add(&p, 0, true, 0.375F);
    fn_verification *v = verify(&p);
    CHECK_NEAR(v->threshold, 0.125, 0);
    CHECK_NEAR(v->accuracy, 2.0 / 3, 1e-15);
    CHECK_NEAR(v->auc, 0, 0);
    fn_verification_free(v);
    add(&q, 0, true, 0.125F);
    add(&q, 0, false, 0.25F);
    add(&q, 0, true, 0.375F);
    add(&q, 0, true, 0.5F);
    v = verify(&q);
    CHECK(v->threshold > 0.5 && (float)v->threshold > 0.5F && v->threshold < 0.50001);
    CHECK_NEAR(v->accuracy, 0.75, 0);
    fn_verification_free(v);
}

TEST(thresholds_come_from_the_other_folds)
{
    protocol p = {.pairs = {.n = 0}};
    add(&p, 0, true, 0.125F);
    add(&p, 0, false, 0.875F);
    add(&p, 1, true, 0.25F);
    add(&p, 1, false, 0.4375F);
    fn_verification *v = verify(&p);
    CHECK_NEAR(v->fold_threshold[0], 0.34375, 0);
    CHECK_NEAR(v->fold_threshold[1], 0.5, 0);
    CHECK_NEAR(v->fold_accuracy[0], 1, 0);
    CHECK_NEAR(v->fold_accuracy[1], 0.5, 0);
    CHECK_NEAR(v->accuracy, 0.75, 0);
    CHECK_NEAR(v->deviation, sqrt(0.125), 1e-15);
    CHECK_NEAR(v->error, 0.25, 1e-15);
    CHECK_NEAR(v->threshold, 0.34375, 0);
    fn_verification_free(v);
}

/* The threshold of fold 1 is 0.5 again, and its pairs lie exactly there: not accepted. */
TEST(a_distance_at_the_threshold_is_not_accepted)
{
    protocol p = {.pairs = {.n = 0}};
    add(&p, 0, true, 0.125F);
    add(&p, 0, false, 0.875F);
    add(&p, 1, true, 0.5F);
    add(&p, 1, false, 0.5F);
    add(&p, 1, false, 0.5F);
    fn_verification *v = verify(&p);
    CHECK_NEAR(v->fold_accuracy[1], 2.0 / 3, 1e-15);
    fn_verification_free(v);
}

/* Folds of 1, 2 and 3 pairs count the same: the mean is of folds, not of pairs. */
TEST(folds_of_unequal_size)
{
    protocol p = {.pairs = {.n = 0}};
    add(&p, 0, true, 1);
    add(&p, 1, true, 0.125F);
    add(&p, 1, false, 0.75F);
    add(&p, 2, true, 0.25F);
    add(&p, 2, true, 0.375F);
    add(&p, 2, false, 0.875F);
    fn_verification *v = verify(&p);
    CHECK_NEAR(v->fold_accuracy[0], 0, 0);
    CHECK_NEAR(v->accuracy,
               (v->fold_accuracy[0] + v->fold_accuracy[1] + v->fold_accuracy[2]) / 3,
               1e-15);
    CHECK_NEAR(v->error, v->deviation / sqrt(3), 1e-15);
    fn_verification_free(v);
}

/* --- against loops that try everything --- */

static int right_at(const protocol *p, double threshold, int fold, bool inside)
{
    int right = 0;
    for (int i = 0; i < p->pairs.n; i++)
        if ((p->pair[i].fold == fold) == inside)
            right += ((double)p->distance[i] < threshold) == p->pair[i].same;
    return right;
}

/* The next higher distance outside the fold; INFINITY when there is none. */
static double neighbour(const protocol *p, float distance, int fold)
{
    double next = INFINITY;
    for (int i = 0; i < p->pairs.n; i++)
        if (p->pair[i].fold != fold && p->distance[i] > distance)
            next = fmin(next, (double)p->distance[i]);
    return next;
}

static double slow_threshold(const protocol *p, int fold)
{
    double best = INFINITY;
    int most = -1;
    for (int i = 0; i < p->pairs.n; i++) {
        if (p->pair[i].fold == fold)
            continue;
        double d = (double)p->distance[i], next = neighbour(p, p->distance[i], fold);
        double at[2] = {
            isinf(next) ? (double)nextafterf(p->distance[i], 9) : (d + next) / 2, d};
        bool lowest = !(neighbour(p, -1, fold) < d); /* then d accepts nothing */
        for (int k = 0; k < (lowest ? 2 : 1); k++) {
            int right = right_at(p, at[k], fold, false);
            if (right > most || (right == most && at[k] < best)) {
                most = right;
                best = at[k];
            }
        }
    }
    return best;
}

static double slow_auc(const protocol *p, int same, int different)
{
    double sum = 0;
    for (int i = 0; i < p->pairs.n; i++)
        for (int k = 0; k < p->pairs.n; k++)
            if (p->pair[i].same && !p->pair[k].same)
                sum += p->distance[i] < p->distance[k]   ? 1
                       : p->distance[i] > p->distance[k] ? 0
                                                         : 0.5;
    return sum / same / different;
}

static void check_curve(const protocol *p, const fn_verification *v)
{
    for (int i = 0; i < v->n_roc; i++) {
        int far = 0, tpr = 0;
        for (int k = 0; k < p->pairs.n; k++) {
            bool accept = (double)p->distance[k] < v->roc[i].threshold;
            far += accept && !p->pair[k].same;
            tpr += accept && p->pair[k].same;
        }
        CHECK_NEAR(v->roc[i].far, (double)far / v->different, 1e-15);
        CHECK_NEAR(v->roc[i].tpr, (double)tpr / v->same, 1e-15);
        CHECK(i == 0 || v->roc[i].threshold > v->roc[i - 1].threshold);
    }
}

/* `levels` distances in all: few levels give many ties. */
static void check_random(uint32_t index, int n, int folds, int levels)
{
    protocol p = {.pairs = {.n = 0}};
    fn_rng r = fn_rng_at(11, FN_RNG_TEST, 0, index);
    for (int i = 0; i < n; i++) {
        bool same = fn_rng_below(&r, 2);
        double d = (same ? 0.8 : 1.2) + 0.5 * fn_rng_normal(&r);
        add(&p, i % folds, same, (float)(rint(fmax(d, 0) * levels) / levels));
    }
    fn_verification *v = verify(&p);
    if (!v)
        return;
    for (int f = 0; f < folds; f++) {
        double threshold = slow_threshold(&p, f);
        int count = n / folds + (f < n % folds);
        CHECK_NEAR(v->fold_threshold[f], threshold, 0);
        CHECK_NEAR(v->fold_accuracy[f], (double)right_at(&p, threshold, f, true) / count,
                   1e-15);
    }
    CHECK_NEAR(v->threshold, slow_threshold(&p, -1), 0);
    CHECK_NEAR(v->auc, slow_auc(&p, v->same, v->different), 1e-12);
    CHECK_NEAR(v->roc[0].far + v->roc[0].tpr, 0, 0);
    CHECK_NEAR(v->roc[v->n_roc - 1].far + v->roc[v->n_roc - 1].tpr, 2, 0);
    check_curve(&p, v);
    fn_verification_free(v);
}

TEST(random_protocols_against_plain_loops)
{
    for (uint32_t i = 0; i < 20; i++) {
        check_random(3 * i, 150, 10, 1000000);
        check_random(3 * i + 1, 97, 4, 8);
        check_random(3 * i + 2, 60, 7, 2);
    }
}

TEST(the_order_of_pairs_does_not_matter)
{
    protocol p = {.pairs = {.n = 0}}, q = {.pairs = {.n = 0}};
    fn_rng r = fn_rng_at(12, FN_RNG_TEST, 0, 0);
    for (int i = 0; i < 200; i++)
        add(&p, i % 5, fn_rng_below(&r, 2), (float)fn_rng_below(&r, 12) / 8);
    for (int i = 199; i >= 0; i--)
        add(&q, p.pair[i].fold, p.pair[i].same, p.distance[i]);
    fn_verification *v = verify(&p), *w = verify(&q);
    CHECK(memcmp(v->fold_threshold, w->fold_threshold, sizeof v->fold_threshold) == 0);
    CHECK(memcmp(v->fold_accuracy, w->fold_accuracy, sizeof v->fold_accuracy) == 0);
    CHECK_NEAR(v->auc, w->auc, 0);
    CHECK_INT(v->n_roc, w->n_roc);
    CHECK(memcmp(v->roc, w->roc, (size_t)v->n_roc * sizeof *v->roc) == 0);
    fn_verification_free(v);
    fn_verification_free(w);
}

TEST(refuses_what_cannot_be_judged)
{
    protocol p = {.pairs = {.n = 0}};
    fn_verification *v = NULL;
    char *path[] = {"a/a_0001.jpg", "b/b_0001.jpg"};
    CHECK_FAILS(fn_verify_pairs(&v, &p.pairs, p.distance), FN_EINVAL, "0 folds");
    add(&p, 0, true, 1);
    CHECK_FAILS(fn_verify_pairs(&v, &p.pairs, p.distance), FN_EDATA,
                "1 pairs of one person and 0 of two");
    add(&p, 0, false, NAN);
    CHECK_FAILS(fn_verify_pairs(&v, &p.pairs, p.distance), FN_ENUMERIC, "pair 2 of 2");
    CHECK(!v);
    p.distance[1] = INFINITY;
    p.pair[1].b = 1;
    p.pairs.path = path;
    CHECK_FAILS(fn_verify_pairs(&v, &p.pairs, p.distance), FN_ENUMERIC,
                "(a/a_0001.jpg, b/b_0001.jpg) has the distance inf");
    p.distance[1] = 2;
    p.pairs.folds = 3;
    CHECK_FAILS(fn_verify_pairs(&v, &p.pairs, p.distance), FN_EDATA, "fold 2 of 3 has no");
    p.pairs.folds = FN_MAX_FOLDS + 1;
    CHECK_FAILS(fn_verify_pairs(&v, &p.pairs, p.distance), FN_EINVAL, "101 folds");
    p.pairs.folds = 1;
    for (long k = 1;; k++) {
        fn_fail_alloc(k);
        fn_status rc = fn_verify_pairs(&v, &p.pairs, p.distance);
        fn_fail_alloc(0);
        if (rc == FN_OK)
            break;
        CHECK_INT(rc, FN_ENOMEM);
        CHECK(!v && k < 20);
    }
    CHECK_NEAR(v->accuracy, 1, 0);
    fn_verification_free(v);
}
