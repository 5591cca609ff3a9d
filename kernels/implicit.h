/* implicit.h -- direct convolutions on AVX-512 and AVX2, of floats in N,H,W,C, as products of
 * matrices that are never laid out (implicit GEMM). Several 1x1 convolutions of one value are
 * one. */
#ifndef FN_KERNELS_IMPLICIT_H
#define FN_KERNELS_IMPLICIT_H

#include "kernels/conv.h"

enum { FN_IMPLICIT_PARTS = 3 };

typedef struct fn_tiles fn_tiles; /* kernels/implicit_tiles.h */

/* `parts` convolutions of one x, side by side. Those of 1x1 and stride 1 do not know images:
 * their pixels are one image, of lines as long as suits. */
typedef struct fn_implicit {
    int64_t images, in, x_high, x_wide, y_high, y_wide;
    int64_t kernel, stride, pad;
    int64_t part[FN_IMPLICIT_PARTS]; /* channels of each y */
    int64_t out;                     /* of all of them, each filled up to vectors */
    int parts, threads;              /* threads: at most, when it runs */
    bool relu, flat;                 /* flat: 1x1 of stride 1, without padding */
    const fn_tiles *tiles;           /* for the processor */
} fn_implicit;

/* The fastest that this processor has. */
const fn_tiles *fn_tiles_best(void);
/* Whether it is faster than oneDNN: on AVX-512 and AVX2. */
bool fn_implicit_gains(void);
/* Whether x and y are what it reads and writes. */
bool fn_implicit_fits(const fn_call *c);
/* y[i] of the call is part i; of `a` everything but `out` counts. The tiles are
 * the best ones, but in tests. */
fn_implicit fn_implicit_of(const fn_call *c, const fn_conv *a, const fn_tiles *tiles);

/* Floats of the kernels packed, for forward with the biases, and for the gradient of x;
 * w[parts] [O, C, k, k], bias[parts] [O] or NULL. */
int64_t fn_implicit_floats(const fn_implicit *g);
int64_t fn_implicit_floats_back(const fn_implicit *g);
void fn_implicit_pack(float *u, const fn_implicit *g, const float *const *w,
                      const float *const *bias);
void fn_implicit_pack_back(float *u, const fn_implicit *g, const float *const *w);

/* Bytes of scratch. */
size_t fn_implicit_scratch(const fn_implicit *g);
size_t fn_implicit_scratch_back(const fn_implicit *g);

void fn_implicit_forward(const fn_implicit *g, float *const *y, const float *x,
                         const float *u, void *scratch);

/* Each of dx, dw and db may be NULL: not wanted. */
typedef struct fn_implicit_gradients {
    float *dx, *dw[FN_IMPLICIT_PARTS], *db[FN_IMPLICIT_PARTS];
    const float *x, *u, *dy[FN_IMPLICIT_PARTS];
    /* dy counts where this is positive; NULL: everywhere */
    const float *y[FN_IMPLICIT_PARTS];
} fn_implicit_gradients;
void fn_implicit_back(const fn_implicit *g, const fn_implicit_gradients *d, void *scratch);

#endif
