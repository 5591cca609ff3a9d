/* bootstrap.c -- draws people, weighs pairs, judges again. */
#include "eval/bootstrap.h"

#include "core/mem.h"
#include "core/rng.h"
#include "eval/judged.h"

#include <math.h>
#include <stdlib.h>

enum { SEED = 1, FIGURES = 3 };

typedef struct work {
    fn_judged *all, *drawn;  /* [pairs]; drawn: those that count */
    int *count;              /* [people] */
    double *figure[FIGURES]; /* [draws] each: accuracy, auc, eer */
    fn_roc_point *roc;
} work;

static void work_free(work *w)
{
    fn_free(w->all);
    fn_free(w->drawn);
    fn_free(w->count);
    for (int k = 0; k < FIGURES; k++)
        fn_free(w->figure[k]);
    fn_free(w->roc);
}

static fn_status allocate(work *w, const fn_pairs *p, int people, int draws)
{
    bool ok = true;
    w->drawn = fn_alloc((size_t)p->n, sizeof *w->drawn);
    w->count = fn_alloc((size_t)people, sizeof *w->count);
    w->roc = fn_alloc((size_t)p->n + 1, sizeof *w->roc);
    for (int k = 0; k < FIGURES; k++) {
        w->figure[k] = fn_alloc((size_t)draws, sizeof *w->figure[k]);
        ok = ok && w->figure[k];
    }
    if (ok && w->drawn && w->count && w->roc)
        return FN_OK;
    return fn_fail(FN_ENOMEM, "no memory for an interval over %d people", people);
}

static void draw_people(int *count, int people, int draw)
{
    fn_rng r = fn_rng_at(SEED, FN_RNG_BOOTSTRAP, (uint64_t)draw, 0);
    for (int i = 0; i < people; i++)
        count[i] = 0;
    for (int i = 0; i < people; i++)
        count[fn_rng_below(&r, (uint32_t)people)]++;
}

/* The pairs that count, in the order of their distances; how many. */
static int weigh(work *w, const fn_pairs *p, const int *person)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        const fn_pair *pair = &p->pair[w->all[i].pair];
        int a = w->count[person[pair->a]], b = w->count[person[pair->b]];
        int weight = pair->same ? a : a * b;
        if (weight > 0) {
            w->drawn[n] = w->all[i];
            w->drawn[n++].weight = weight;
        }
    }
    return n;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static fn_interval middle(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, ascending);
    return (fn_interval){x[(int)floor(0.025 * (n - 1))], x[(int)ceil(0.975 * (n - 1))]};
}

static void summarise(fn_bootstrap *b, work *w, int draws)
{
    const fn_interval none = {(double)NAN, (double)NAN};
    b->accuracy = b->auc = b->eer = none;
    if (b->draws * 10 <= draws * 9)
        return;
    b->accuracy = middle(w->figure[0], b->draws);
    b->auc = middle(w->figure[1], b->draws);
    b->eer = middle(w->figure[2], b->draws);
}

fn_status fn_bootstrap_people(fn_bootstrap *b, const fn_pairs *p, const float *distance,
                              const int *person, int people, int draws)
{
    work w = {.all = NULL};
    fn_status rc;
    *b = (fn_bootstrap){.people = people};
    FN_GO(fn_judged_sort(&w.all, p, distance));
    FN_GO(allocate(&w, p, people, draws));
    fn_verification v = {.folds = p->folds, .roc = w.roc};
    for (int i = 0; i < draws; i++) {
        draw_people(w.count, people, i);
        int n = weigh(&w, p, person);
        if (n == 0 || !fn_judged_measure(&v, w.drawn, n))
            continue;
        w.figure[0][b->draws] = v.accuracy;
        w.figure[1][b->draws] = v.auc;
        w.figure[2][b->draws++] = v.eer;
    }
    summarise(b, &w, draws);
out:
    work_free(&w);
    return rc;
}
