/* clusters.c -- a square for each person counts every two pairs that share one once, and those
 * that share two people twice; a square for each couple takes the second count away:
 *
 *   V = sum over people (sum of their x)^2 - sum over couples (sum of their x)^2 */
#include "eval/clusters.h"

#include "core/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

typedef struct couple {
    int a, b, pair; /* two people, a < b */
} couple;

struct fn_clusters {
    const fn_pairs *p;
    const int *person;
    int people, couples; /* couples: pairs of two people */
    couple *couple;      /* [couples], the same two people next to each other */
    double *sum;         /* [people] */
};

static int by_people(const void *a, const void *b)
{
    const couple *x = a, *y = b;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    if (x->b != y->b)
        return x->b < y->b ? -1 : 1;
    return (x->pair > y->pair) - (x->pair < y->pair);
}

fn_status fn_clusters_open(fn_clusters **out, const fn_pairs *p, const int *person,
                           int people)
{
    fn_clusters *c = fn_alloc(1, sizeof *c);
    *out = NULL;
    if (c) {
        *c = (fn_clusters){.p = p, .person = person, .people = people};
        c->couple = fn_alloc((size_t)p->n, sizeof *c->couple);
        c->sum = fn_alloc((size_t)people, sizeof *c->sum);
    }
    if (!c || !c->couple || !c->sum) {
        fn_clusters_close(c);
        return fn_fail(FN_ENOMEM, "no memory for the people of %d pairs", p->n);
    }
    for (int i = 0; i < p->n; i++) {
        int a = person[p->pair[i].a], b = person[p->pair[i].b];
        assert(a >= 0 && a < people && b >= 0 && b < people);
        if (a != b)
            c->couple[c->couples++] = (couple){a < b ? a : b, a < b ? b : a, i};
    }
    qsort(c->couple, (size_t)c->couples, sizeof *c->couple, by_people);
    *out = c;
    return FN_OK;
}

void fn_clusters_close(fn_clusters *c)
{
    if (!c)
        return;
    fn_free(c->couple);
    fn_free(c->sum);
    fn_free(c);
}

int fn_clusters_people(const fn_clusters *c)
{
    return c->people;
}

static double squares_of_people(fn_clusters *c, const double *x)
{
    double total = 0;
    for (int i = 0; i < c->people; i++)
        c->sum[i] = 0;
    for (int i = 0; i < c->p->n; i++) {
        int a = c->person[c->p->pair[i].a], b = c->person[c->p->pair[i].b];
        c->sum[a] += x[i];
        c->sum[b] += a != b ? x[i] : 0;
    }
    for (int i = 0; i < c->people; i++)
        total += c->sum[i] * c->sum[i];
    return total;
}

static double squares_of_couples(const fn_clusters *c, const double *x)
{
    double total = 0;
    for (int i = 0; i < c->couples;) {
        const couple *first = &c->couple[i];
        double sum = 0;
        for (; i < c->couples && c->couple[i].a == first->a && c->couple[i].b == first->b;
             i++)
            sum += x[c->couple[i].pair];
        total += sum * sum;
    }
    return total;
}

double fn_clusters_variance(fn_clusters *c, const double *x)
{
    double alone = 0;
    for (int i = 0; i < c->p->n; i++)
        alone += x[i] * x[i];
    return fmax(squares_of_people(c, x) - squares_of_couples(c, x), alone);
}
