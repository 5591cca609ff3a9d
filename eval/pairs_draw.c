/* pairs_draw.c -- a protocol like LFW's, drawn from labelled images.
 *
 * People are dealt to the folds, so that no person is in two. Within a fold, pairs of one
 * person visit its people in turn, and pairs of two people visit its couples in turn: each
 * visit gives one pair that was not given before, so people count evenly however many images
 * they have. */
#include "core/mem.h"
#include "core/rng.h"
#include "eval/pairs.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

typedef struct person {
    int first, count; /* in draw->image */
} person;

/* One fold's people are person[deal[f]], person[deal[f + folds]], ... */
typedef struct draw {
    int *image; /* images grouped by label */
    person *person;
    int *deal; /* people in random order, those with two images or more in front */
    int n_image, people, folds;
    uint64_t seed;
} draw;

typedef struct tagged {
    int label, image;
} tagged;

static int by_label(const void *a, const void *b)
{
    const tagged *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    return x->image < y->image ? -1 : 1;
}

static fn_status group(draw *d, const int *label)
{
    tagged *t = fn_alloc((size_t)d->n_image, sizeof *t);
    if (!t)
        return fn_fail(FN_ENOMEM, "no memory to group %d images", d->n_image);
    for (int i = 0; i < d->n_image; i++)
        t[i] = (tagged){label[i], i};
    qsort(t, (size_t)d->n_image, sizeof *t, by_label);
    for (int i = 0; i < d->n_image; i++) {
        d->image[i] = t[i].image;
        if (i == 0 || t[i].label != t[i - 1].label)
            d->person[d->people++] = (person){i, 0};
        d->person[d->people - 1].count++;
    }
    fn_free(t);
    return FN_OK;
}

/* Puts the people in random order, those who can make a pair alone in front: dealt in turn,
 * every fold gets its share of both sorts. Returns how many are in front. */
static int deal(draw *d, int *order)
{
    fn_rng r = fn_rng_at(d->seed, FN_RNG_SPLIT, 0, 0);
    int pairable = 0, n = 0;
    fn_rng_choose(&r, order, d->people, d->people);
    for (int several = 1; several >= 0; several--)
        for (int i = 0; i < d->people; i++)
            if ((d->person[order[i]].count >= 2) == several) {
                d->deal[n++] = order[i];
                pairable += several;
            }
    return pairable;
}

static fn_status prepare(draw *d, const int *label)
{
    d->image = fn_alloc((size_t)d->n_image, sizeof *d->image);
    d->person = fn_alloc((size_t)d->n_image, sizeof *d->person);
    d->deal = fn_alloc((size_t)d->n_image, sizeof *d->deal);
    int *order = fn_alloc((size_t)d->n_image, sizeof *order);
    fn_status rc = FN_OK;
    if (!d->image || !d->person || !d->deal || !order)
        rc = fn_fail(FN_ENOMEM, "no memory to draw pairs of %d images", d->n_image);
    if (rc == FN_OK)
        rc = group(d, label);
    if (rc == FN_OK) {
        int pairable = deal(d, order);
        if (pairable < d->folds || d->people < 2 * d->folds)
            rc = fn_fail(FN_EDATA,
                         "%d people, %d of them with two images or more, do not make %d "
                         "folds: at least %d and %d are needed; hold more people out "
                         "(facenet data split --share)",
                         d->people, pairable, d->folds, 2 * d->folds, d->folds);
    }
    fn_free(order);
    return rc;
}

static const person *member(const draw *d, int fold, int k)
{
    return &d->person[d->deal[fold + k * d->folds]];
}

static int members(const draw *d, int fold)
{
    return (d->people - fold + d->folds - 1) / d->folds;
}

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The k-th element of [0, n) in an order that (seed, a, b) choose: a stride without a common
 * factor with n visits everything once, and nothing needs to be remembered. */
static int64_t shuffled(const draw *d, int a, int b, int64_t n, int64_t k)
{
    fn_rng r = fn_rng_at(d->seed, FN_RNG_SPLIT, (uint64_t)a + 1, (uint32_t)b);
    uint32_t below = n < INT32_MAX ? (uint32_t)n : (uint32_t)INT32_MAX;
    int64_t start = fn_rng_below(&r, below), stride = 1 + fn_rng_below(&r, below);
    while (gcd(n, stride) != 1)
        stride = stride % below + 1;
    return (start + k * stride) % n;
}

/* Pair number t of the c (c - 1) / 2 pairs a < b of [0, c): (0,1) (0,2) (1,2) (0,3) ... */
static void unrank(int64_t t, int *a, int *b)
{
    int64_t high = (int64_t)sqrt(2.0 * (double)t); /* right, or one too low */
    while (high * (high + 1) / 2 <= t)
        high++;
    *b = (int)high;
    *a = (int)(t - high * (high - 1) / 2);
}

static int64_t choose_two(int64_t n)
{
    return n * (n - 1) / 2;
}

static void draw_same(const draw *d, int fold, fn_pair *out, int64_t want)
{
    int64_t got = 0;
    for (int64_t round = 0; got < want; round++)
        for (int k = 0; k < members(d, fold) && got < want; k++) {
            const person *who = member(d, fold, k);
            int64_t n = choose_two(who->count);
            int a, b;
            if (round >= n)
                continue;
            unrank(shuffled(d, who->first, who->first, n, round), &a, &b);
            out[got++] = (fn_pair){.a = d->image[who->first + a],
                                   .b = d->image[who->first + b],
                                   .fold = fold,
                                   .same = true};
        }
}

static void draw_different(const draw *d, int fold, fn_pair *out, int64_t want)
{
    int64_t couples = choose_two(members(d, fold)), got = 0;
    for (int64_t round = 0; got < want; round++)
        for (int64_t k = 0; k < couples && got < want; k++) {
            int i, j;
            unrank(shuffled(d, fold, INT32_MAX, couples, k), &i, &j);
            const person *a = member(d, fold, i), *b = member(d, fold, j);
            int64_t n = (int64_t)a->count * b->count;
            if (round >= n)
                continue;
            int64_t t = shuffled(d, a->first, b->first, n, round);
            out[got++] = (fn_pair){.a = d->image[a->first + t / b->count],
                                   .b = d->image[b->first + t % b->count],
                                   .fold = fold};
        }
}

/* How many pairs of each kind a fold gives: what is wanted, or what the rarer kind has. */
static int64_t half_of(const draw *d, int fold, int64_t want)
{
    int64_t same = 0, all = 0;
    for (int k = 0; k < members(d, fold); k++) {
        same += choose_two(member(d, fold, k)->count);
        all += member(d, fold, k)->count;
    }
    int64_t different = choose_two(all) - same;
    int64_t most = same < different ? same : different;
    return want < most ? want : most;
}

fn_status fn_pairs_draw(fn_pairs **out, const int *label, int n_image, int pairs, int folds,
                        uint64_t seed)
{
    draw d = {.n_image = n_image, .folds = folds, .seed = seed};
    fn_status rc;
    *out = NULL;
    assert(folds > 0 && n_image >= 0);
    if (pairs < 2 * folds)
        return fn_fail(FN_EINVAL, "%d pairs do not fill %d folds: at least %d are needed",
                       pairs, folds, 2 * folds);
    fn_pairs *p = fn_alloc(1, sizeof *p);
    if (!p)
        return fn_fail(FN_ENOMEM, "no memory to draw %d pairs", pairs);
    p->folds = folds;
    FN_GO(prepare(&d, label));
    p->pair = fn_alloc((size_t)pairs, sizeof *p->pair);
    if (!p->pair) {
        rc = fn_fail(FN_ENOMEM, "no memory for %d pairs", pairs);
        goto out;
    }
    for (int fold = 0; fold < folds; fold++) {
        int64_t half = half_of(&d, fold, pairs / 2 / folds + (fold < pairs / 2 % folds));
        draw_same(&d, fold, p->pair + p->n, half);
        draw_different(&d, fold, p->pair + p->n + half, half);
        p->n += (int)(2 * half);
    }
    *out = p;
    p = NULL;
out:
    fn_pairs_free(p);
    fn_free(d.image);
    fn_free(d.person);
    fn_free(d.deal);
    return rc;
}
