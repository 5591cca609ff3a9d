/* mine.h -- online triplet mining over one batch (Schroff et al. 2015, section 3.2).
 *
 *   semihard          for every (anchor, positive) the hardest negative n with
 *                     d(a,p) < d(a,n) < d(a,p) + margin, d squared; where there is none the
 *                     pair is skipped, or takes the farthest or the hardest negative of all
 *   hardest_negative  for every (anchor, positive) the nearest negative
 *   hardest           for every anchor its farthest positive and its nearest negative
 *   random            for every (anchor, positive) a negative drawn evenly
 *   all               every (anchor, positive, negative); counted, not listed
 *
 * Ties go to the lowest index. Every anchor-positive pair is used, both ways. A face alone of
 * its person is a negative to everybody, and never an anchor. docs/mining.md works an example. */
#ifndef FN_TRAIN_MINE_H
#define FN_TRAIN_MINE_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

/* The faces of one batch. All borrowed. */
typedef struct fn_faces {
    const float *e;   /* [n, dim], unit rows */
    const float *d;   /* [n, n], as fn_distances gives them */
    const int *label; /* [n] */
    int n, dim;
} fn_faces;

typedef struct fn_triplet {
    int anchor, positive, negative; /* rows of the batch */
} fn_triplet;

typedef struct fn_triplets {
    fn_triplet *triplet;
    int64_t n, capacity; /* of the list, which grows; fn_triplets_free */
    bool every;          /* all there are, and no list: n is 0 */
    int64_t count;       /* triplets: n, or of `every` */
    int64_t pairs;       /* anchor-positive pairs seen, skipped ones included */
    int64_t most;        /* what count is when nothing is skipped */
} fn_triplets;

typedef enum fn_mining {
    FN_MINE_SEMIHARD,
    FN_MINE_HARDEST_NEGATIVE,
    FN_MINE_HARDEST,
    FN_MINE_ALL,
    FN_MINE_RANDOM
} fn_mining;

typedef enum fn_fallback {
    FN_FALLBACK_SKIP,
    FN_FALLBACK_FARTHEST,
    FN_FALLBACK_HARDEST
} fn_fallback;

typedef struct fn_mine_options {
    fn_mining kind;
    fn_fallback fallback; /* semihard */
    float margin;         /* semihard */
    uint64_t seed, step;  /* random: its draws are a function of both and the anchor */
} fn_mine_options;

void fn_triplets_free(fn_triplets *t);

/* d [n, n] squared distances of unit rows e [n, dim]: exactly symmetric, 0 on the diagonal,
 * never negative. */
fn_status fn_distances(float *d, const float *e, int n, int dim) FN_CHECKED;

/* Reads d, label and n. The list is in the order of (anchor, positive), the same for any number
 * of threads. Errors: FN_ENOMEM; FN_EINVAL when no label occurs twice or all are one label. */
fn_status fn_mine(fn_triplets *t, const fn_faces *b, const fn_mine_options *o) FN_CHECKED;
/* The same refusals, of the anchor-positive pairs of n faces; and of their people [n] alone. */
fn_status fn_mine_check(int64_t pairs, int n) FN_CHECKED;
fn_status fn_mine_accept(const int *label, int n) FN_CHECKED;

#endif
