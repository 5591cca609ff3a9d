/* rows.h -- embeddings, labels and distances for the tests of mining. */
#ifndef FN_TESTS_ROWS_H
#define FN_TESTS_ROWS_H

#include "core/mem.h"
#include "core/rng.h"
#include "tests/test.h"

static inline void unit_row(float *e, const double *x, int dim)
{
    double squares = 0;
    for (int k = 0; k < dim; k++)
        squares += x[k] * x[k];
    for (int k = 0; k < dim; k++)
        e[k] = (float)(x[k] / sqrt(squares));
}

/* Unit rows that lie around a centre of their label; spread 0: all alike. */
static inline float *clustered(const int *label, int n, int dim, double spread)
{
    float *e = fn_alloc((size_t)n * (size_t)dim, sizeof *e);
    double *x = fn_alloc((size_t)dim, sizeof *x);
    for (int i = 0; i < n; i++) {
        fn_rng centre = fn_rng_at(1, FN_RNG_TEST, 1, (uint32_t)label[i]);
        fn_rng own = fn_rng_at(1, FN_RNG_TEST, 2, (uint32_t)i);
        for (int k = 0; k < dim; k++)
            x[k] = fn_rng_normal(&centre) + spread * fn_rng_normal(&own);
        unit_row(e + (size_t)i * (size_t)dim, x, dim);
    }
    fn_free(x);
    return e;
}

/* Labels in any order, of any size: some people have one face, some numbers are negative. */
static inline void mixed_labels(int *label, int n)
{
    fn_rng r = fn_rng_at(3, FN_RNG_TEST, 0, 0);
    for (int i = 0; i < n; i++)
        label[i] = 1000 * ((int)fn_rng_below(&r, 1 + fn_rng_below(&r, 12)) - 5);
}

/* Symmetric distances among few values, so that most comparisons meet a tie. */
static inline void tied(float *d, int n)
{
    fn_rng r = fn_rng_at(4, FN_RNG_TEST, 0, 0);
    for (int i = 0; i < n; i++)
        for (int j = i; j < n; j++)
            d[i * n + j] = d[j * n + i] = i == j ? 0 : (float)fn_rng_below(&r, 9) / 8;
}

#endif
