/* rng.h -- counter-based random numbers: Philox 4x32-10 (Salmon et al. 2011).
 *
 * A draw is a pure function of (seed, purpose, step, index): no state to save, and the
 * same numbers for any number of threads or ranks. A generator made with fn_rng_at walks
 * the draws of one such place; it is a value, copy it freely. */
#ifndef FN_CORE_RNG_H
#define FN_CORE_RNG_H

#include <stdint.h>

/* What the draws are for: places with different purposes never share numbers. */
typedef enum fn_purpose {
    FN_RNG_INIT = 1, /* weights; index = parameter */
    FN_RNG_PEOPLE,   /* which people make a batch */
    FN_RNG_FACES,    /* which faces of a person; index = slot of the person */
    FN_RNG_AUGMENT,  /* crop, flip, light; index = slot of the image in the batch */
    FN_RNG_SPLIT,    /* data split */
    FN_RNG_SYNTH,    /* drawn faces */
    FN_RNG_TEST,
    FN_RNG_MINE = 9, /* negatives of random mining; index = anchor */
    FN_RNG_DEGRADE,  /* blur, compression; index = slot of the image in the batch */
} fn_purpose;

typedef struct fn_rng {
    uint32_t key[2], counter[4], out[4];
    int left;
} fn_rng;

/* The raw function: 10 rounds. Known answers in tests/test_rng.c. */
void fn_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

fn_rng fn_rng_at(uint64_t seed, fn_purpose purpose, uint64_t step, uint32_t index);
uint32_t fn_rng_u32(fn_rng *r);
double fn_rng_uniform(fn_rng *r);                        /* [0, 1) */
double fn_rng_range(fn_rng *r, double low, double high); /* [low, high) */
uint32_t fn_rng_below(fn_rng *r, uint32_t n);            /* 0 .. n-1 without bias; n > 0 */
double fn_rng_normal(fn_rng *r);                         /* mean 0, deviation 1 */

/* Puts the first k elements of a random permutation of [0, n) in pick[0..k); 0 <= k <= n.
 * `pick` has room for n. */
void fn_rng_choose(fn_rng *r, int *pick, int n, int k);

#endif
