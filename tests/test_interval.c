/* test_interval.c -- intervals over people: what they are made of, by hand, and how often they
 * hold the truth in worlds that are known. tests/test_verification.py has them again from the
 * plain double sum.
 *
 *   FN_WORLDS=2000 test_interval hold     the table of docs/intervals.md */
#include "core/mem.h"
#include "core/rng.h"
#include "eval/interval.h"
#include "tests/test.h"

enum { FOLDS = 10, MOST_PAIRS = 6000, MOST_PEOPLE = 4300, IMAGES = 8, MOST_WORLDS = 10000 };

/* --- by hand --- */

TEST(wilson_by_hand)
{
    fn_interval i = fn_interval_wilson(0.5, 10);
    CHECK_NEAR(i.low, 0.2366, 5e-5);
    CHECK_NEAR(i.high, 0.7634, 5e-5);
    i = fn_interval_wilson(1, 10);
    CHECK_NEAR(i.low, 0.7225, 5e-5);
    CHECK_NEAR(i.high, 1, 1e-12);
    i = fn_interval_wilson(0, 10);
    CHECK_NEAR(i.low, 0, 1e-12);
}

static double variance_of(const fn_pair *pair, int n, const double *x)
{
    static const int person[] = {0, 1, 2, 3, 0};
    fn_pairs p = {.pair = (fn_pair *)pair, .n = n};
    fn_clusters *c;
    CHECK_OK(fn_clusters_open(&c, &p, person, 4));
    double v = fn_clusters_variance(c, x);
    fn_clusters_close(c);
    return v;
}

/* Each two pairs that share somebody count once, whomever else they share. Image 4 is another
 * one of person 0. */
TEST(pairs_that_share_people_go_together)
{
    static const fn_pair apart[] = {{.a = 0, .b = 1}, {.a = 2, .b = 3}};
    static const fn_pair chain[] = {{.a = 0, .b = 1}, {.a = 1, .b = 2}, {.a = 2, .b = 3}};
    static const fn_pair twice[] = {{.a = 0, .b = 1}, {.a = 1, .b = 4}};
    static const fn_pair same[] = {{.a = 0, .b = 4, .same = true}, {.a = 4, .b = 1}};
    static const double x[] = {2, 3, 5}, against[] = {2, -1.75};
    CHECK_NEAR(variance_of(apart, 2, x), 4 + 9, 0);
    CHECK_NEAR(variance_of(chain, 3, x), 4 + 9 + 25 + 2 * (2 * 3 + 3 * 5), 1e-12);
    CHECK_NEAR(variance_of(twice, 2, x), 25, 1e-12);
    CHECK_NEAR(variance_of(same, 2, x), 25, 1e-12);
    CHECK_NEAR(variance_of(twice, 2, against), 4 + 1.75 * 1.75, 1e-12); /* not 0.0625 */
}

/* --- worlds --- */

/* A protocol like LFW's. People differ in how far their own images lie apart and in how near
 * others come; images differ too. */
typedef struct kind {
    const char *name;
    int people, several,
        each;     /* in a fold: people, those with several images, pairs a kind */
    double skew;  /* the k-th of them is in k^-skew as many pairs */
    double apart; /* distance of the two kinds' means, in deviations */
} kind;

typedef struct world {
    fn_pair pair[MOST_PAIRS];
    float distance[MOST_PAIRS];
    int person[MOST_PEOPLE * IMAGES];
    double own[MOST_PEOPLE], near[MOST_PEOPLE], image[MOST_PEOPLE * IMAGES];
    fn_pairs p;
} world;

static int draw_person(fn_rng *r, const kind *k)
{
    for (;;) { /* the k-th is taken with probability k^-skew */
        int i = (int)fn_rng_below(r, (uint32_t)k->several);
        if (fn_rng_uniform(r) < pow(i + 1, -k->skew))
            return i;
    }
}

static fn_pair draw_pair(fn_rng *r, const kind *k, int fold, bool same)
{
    int a = same ? draw_person(r, k) : (int)fn_rng_below(r, (uint32_t)k->people);
    int b = same ? a : (a + 1 + (int)fn_rng_below(r, (uint32_t)k->people - 1)) % k->people;
    int first = fold * k->people;
    return (fn_pair){.a = (first + a) * IMAGES + (int)fn_rng_below(r, IMAGES),
                     .b = (first + b) * IMAGES + (int)fn_rng_below(r, IMAGES),
                     .fold = fold,
                     .same = same};
}

static double draw_distance(fn_rng *r, const kind *k, const world *w, const fn_pair *p)
{
    int a = w->person[p->a], b = w->person[p->b];
    double images = sqrt(0.05) * (w->image[p->a] + w->image[p->b]);
    double people = p->same ? sqrt(0.3) * w->own[a]
                            : k->apart - sqrt(0.15) * (w->near[a] + w->near[b]);
    return 10 + people + images + sqrt(0.6) * fn_rng_normal(r);
}

static void draw_world(world *w, const kind *k, uint32_t number)
{
    fn_rng r = fn_rng_at(5, FN_RNG_TEST, number, 0);
    int people = FOLDS * k->people;
    w->p = (fn_pairs){.pair = w->pair, .folds = FOLDS, .n_path = people * IMAGES};
    for (int i = 0; i < people; i++) {
        w->own[i] = fn_rng_normal(&r);
        w->near[i] = fn_rng_normal(&r);
    }
    for (int i = 0; i < people * IMAGES; i++) {
        w->person[i] = i / IMAGES;
        w->image[i] = fn_rng_normal(&r);
    }
    for (int i = 0; i < FOLDS * 2 * k->each; i++) {
        fn_pair *p = &w->pair[w->p.n];
        *p = draw_pair(&r, k, i / (2 * k->each), i % 2);
        w->distance[w->p.n++] = (float)draw_distance(&r, k, w, p);
    }
}

/* --- coverage --- */

enum { ACCURACY, AUC, EER, TAR, FIGURES };
static const char *const figure_name[] = {"accuracy", "AUC", "EER", "TAR at FAR 0.1"};

typedef struct tally {
    double figure[FIGURES][MOST_WORLDS];
    fn_interval interval[FIGURES][MOST_WORLDS];
} tally;

/* The last point at a FAR of 0.1, as eval/rates.c takes it. */
static int tenth(const fn_verification *v)
{
    int i = 0;
    while (v->roc[i + 1].far <= 0.1)
        i++;
    return i;
}

static void judge_world(tally *t, int number, const kind *k)
{
    static world w;
    fn_verification *v;
    fn_clusters *c;
    fn_intervals i;
    draw_world(&w, k, (uint32_t)number);
    CHECK_OK(fn_verify_pairs(&v, &w.p, w.distance));
    CHECK_OK(fn_clusters_open(&c, &w.p, w.person, FOLDS * k->people));
    CHECK_OK(fn_interval_figures(&i, v, &w.p, w.distance, c));
    CHECK_OK(fn_interval_tar(&t->interval[TAR][number], tenth(v), v, &w.p, w.distance, c));
    t->figure[ACCURACY][number] = v->accuracy;
    t->interval[ACCURACY][number] = i.accuracy;
    t->figure[AUC][number] = v->auc;
    t->interval[AUC][number] = i.auc;
    t->figure[EER][number] = v->eer;
    t->interval[EER][number] = i.eer;
    t->figure[TAR][number] = v->roc[tenth(v)].tpr;
    fn_clusters_close(c);
    fn_verification_free(v);
}

/* The truth is the figure's mean over all worlds: what the protocol gives of people who are
 * drawn anew. 95 % of the intervals are to hold it. */
static void check_coverage(const tally *t, int figure, int worlds, const char *name,
                           double least, double most)
{
    double truth = 0, width = 0;
    int below = 0, above = 0;
    for (int i = 0; i < worlds; i++)
        truth += t->figure[figure][i] / worlds;
    for (int i = 0; i < worlds; i++) {
        fn_interval at = t->interval[figure][i];
        below += at.high < truth;
        above += at.low > truth;
        width += (at.high - at.low) / worlds;
        CHECK(at.low <= t->figure[figure][i] && t->figure[figure][i] <= at.high);
    }
    double held = 1 - (double)(below + above) / worlds;
    printf("# %-6s %-14s %7.2f %%: held by %5.1f %% (missed %.1f below, %.1f above), width "
           "%.2f %%\n",
           name, figure_name[figure], 100 * truth, 100 * held, 100.0 * below / worlds,
           100.0 * above / worlds, 100 * width);
    CHECK(held >= least && held <= most);
}

static void check_kind(const kind *k, double least, double most)
{
    tally *t = fn_alloc(1, sizeof *t);
    const char *given = getenv("FN_WORLDS");
    int worlds = given ? atoi(given) : 200;
    worlds = worlds > MOST_WORLDS ? MOST_WORLDS : worlds;
    CHECK(t);
    for (int i = 0; t && i < worlds; i++)
        judge_world(t, i, k);
    for (int f = 0; t && f < FIGURES; f++)
        check_coverage(t, f, worlds, k->name, least, most);
    fn_free(t);
}

/* Of 200 worlds 95 % is 190; three standard errors are 4.6 %. */
TEST(intervals_of_lfw_hold_the_truth)
{
    static const double apart[] = {0.1, 0.5, 1.5, 3, 5};
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
        check_kind(&(kind){"LFW", 430, 170, 300, 0.6, apart[i]}, 0.904, 0.995);
}

/* Few people in many pairs each: 20 people a fold, of whom everybody meets everybody. */
TEST(intervals_of_few_people_hold_the_truth)
{
    static const double apart[] = {0.1, 1.5, 3};
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
        check_kind(&(kind){"dense", 20, 20, 100, 0, apart[i]}, 0.904, 0.995);
}

/* --- edges --- */

/* Nothing is wrong: a share of 1 of as many independent pairs. */
TEST(perfect_figures_have_an_interval)
{
    static world w;
    fn_verification *v;
    fn_clusters *c;
    fn_intervals i;
    fn_interval tar;
    draw_world(&w, &(kind){"", 20, 20, 100, 0, 40}, 0);
    CHECK_OK(fn_verify_pairs(&v, &w.p, w.distance));
    CHECK_OK(fn_clusters_open(&c, &w.p, w.person, 200));
    CHECK_OK(fn_interval_figures(&i, v, &w.p, w.distance, c));
    CHECK_INT(i.people, 200);
    CHECK_NEAR(v->accuracy, 1, 0);
    CHECK_NEAR(i.accuracy.low, fn_interval_wilson(1, 2000).low, 0);
    CHECK_NEAR(i.auc.low, fn_interval_wilson(1, 1000).low, 0);
    CHECK_NEAR(i.eer.high, fn_interval_wilson(0, 1000).high, 0);
    CHECK_NEAR(i.accuracy.high, 1, 1e-12);
    CHECK_NEAR(i.auc.high, 1, 1e-12);
    CHECK_NEAR(i.eer.low, 0, 1e-12);
    CHECK_OK(fn_interval_tar(&tar, tenth(v), v, &w.p, w.distance, c));
    CHECK_NEAR(tar.low, fn_interval_wilson(1, 1000).low, 0);
    fn_clusters_close(c);
    fn_verification_free(v);
}

TEST(nine_people_have_no_interval_and_ten_do)
{
    static world w;
    fn_verification *v;
    fn_clusters *c;
    fn_intervals i;
    draw_world(&w, &(kind){"", 20, 20, 100, 0, 1}, 0);
    CHECK_OK(fn_verify_pairs(&v, &w.p, w.distance));
    for (int people = 9; people <= 10; people++) {
        for (int k = 0; k < 200 * IMAGES; k++)
            w.person[k] = k / IMAGES % people;
        CHECK_OK(fn_clusters_open(&c, &w.p, w.person, people));
        CHECK_OK(fn_interval_figures(&i, v, &w.p, w.distance, c));
        CHECK(isnan(i.accuracy.low) == (people == 9) && isnan(i.auc.high) == (people == 9));
        CHECK(isnan(i.eer.low) == (people == 9));
        CHECK_INT(i.people, people);
        fn_clusters_close(c);
    }
    fn_verification_free(v);
}

static fn_status measure(const world *w, const fn_verification *v)
{
    fn_clusters *c = NULL;
    fn_intervals i;
    fn_interval tar;
    fn_status rc = fn_clusters_open(&c, &w->p, w->person, 200);
    CHECK((rc == FN_OK) == (c != NULL));
    if (rc == FN_OK)
        rc = fn_interval_figures(&i, v, &w->p, w->distance, c);
    if (rc == FN_OK)
        rc = fn_interval_tar(&tar, 1, v, &w->p, w->distance, c);
    fn_clusters_close(c);
    return rc;
}

TEST(failed_allocations)
{
    static world w;
    fn_verification *v;
    fn_status rc = FN_ENOMEM;
    long n = 0;
    draw_world(&w, &(kind){"", 20, 20, 100, 0, 1}, 0);
    CHECK_OK(fn_verify_pairs(&v, &w.p, w.distance));
    while (rc == FN_ENOMEM && ++n < 100) {
        fn_fail_alloc(n);
        rc = measure(&w, v);
        fn_fail_alloc(0);
    }
    CHECK_OK(rc);
    CHECK_INT(n, 6); /* the clusters' three, and one a measurement */
    fn_verification_free(v);
}
