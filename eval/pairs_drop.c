/* pairs_drop.c -- leaves out the pairs whose images are missing, and keeps the ledger. */
#include "core/mem.h"
#include "eval/pairs.h"

/* Moves the paths that are still named by a pair to the front, in their order. place[i] becomes
 * the new index of image i, or -1. */
static void keep_images(fn_pairs *p, int *place)
{
    int n = 0;
    for (int i = 0; i < p->n_path; i++) {
        if (place[i] < 0) {
            fn_free(p->path[i]);
            continue;
        }
        place[i] = n;
        p->path[n++] = p->path[i];
    }
    p->n_path = n;
    for (int i = 0; i < p->n; i++) {
        p->pair[i].a = place[p->pair[i].a];
        p->pair[i].b = place[p->pair[i].b];
    }
}

/* place[i]: -2 missing, -1 not named by a pair that stays, 0 named. */
static void keep_pairs(fn_pairs *p, int *place)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        const fn_pair *pair = &p->pair[i];
        if (place[pair->a] == -2 || place[pair->b] == -2)
            continue;
        place[pair->a] = place[pair->b] = 0;
        p->pair[n++] = *pair;
    }
    p->dropped += p->n - n;
    p->n = n;
}

fn_status fn_pairs_drop(fn_pairs *p, const int *missing, int n)
{
    int *place = fn_alloc((size_t)p->n_path, sizeof *place);
    char **absent = fn_grow(p->absent, (size_t)(p->n_absent + n) + 1, sizeof *absent);
    if (absent)
        p->absent = absent;
    if (!place || !absent) {
        fn_free(place);
        return fn_fail(FN_ENOMEM, "no memory to leave out %d images", n);
    }
    for (int i = 0; i < p->n_path; i++)
        place[i] = -1;
    for (int i = 0; i < n; i++)
        place[missing[i]] = -2;
    keep_pairs(p, place);
    for (int i = 0; i < n; i++) {
        p->absent[p->n_absent++] = p->path[missing[i]];
        p->path[missing[i]] = NULL;
    }
    keep_images(p, place);
    fn_free(place);
    return FN_OK;
}
