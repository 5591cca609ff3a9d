/* implicit_tiles.h -- the products that kernels/implicit*.c are made of, compiled for AVX-512, for
 * AVX2 and for anything from kernels/implicit_tiles_body.h; private to them. */
#ifndef FN_KERNELS_IMPLICIT_TILES_H
#define FN_KERNELS_IMPLICIT_TILES_H

#include "kernels/implicit.h"

enum {
    FN_TILE_LINE = 16, /* floats of a line of the cache */
    /* Floats between rows that fall into one set of the first cache; how many of them it holds. */
    FN_TILE_ALIAS = 1024,
    FN_TILE_WAYS = 8
};

/* y[r] = bias + sum over k of a[r][k] b[k], ReLU. */
typedef struct fn_tile {
    const float *a; /* the first row; what follows these is asked for */
    int64_t row;    /* floats to the next */
    int64_t pieces, length,
        pitch;         /* of a row: stretches of `length` floats, `pitch` apart */
    const float *b;    /* [pieces][length][columns, filled up to a vector] */
    const float *bias; /* of `columns`, or NULL: none */
    float *y;
    int64_t y_row, columns;
    bool relu;
} fn_tile;

/* d[r] = or += sum over pixels of a[pixel][r] b[pixel], of whole vectors. */
typedef struct fn_tile_back {
    const float *a, *b;      /* b [lines][pixels][columns] */
    int64_t a_pixel, a_line; /* floats to the next */
    int64_t lines, pixels;
    float *d;
    int64_t d_row, columns;
    bool add; /* else what was there is forgotten */
} fn_tile_back;

struct fn_tiles {
    int rows, lanes; /* of a tile at most; floats of a vector. Columns: two vectors */
    void (*multiply)(const fn_tile *t, int rows);
    void (*multiply_back)(const fn_tile_back *t, int rows);
    /* to[pixels][rows] = a[pixel][r], `pixel` floats apart */
    void (*gather)(float *to, const float *a, int64_t pixel, int64_t pixels, int rows);
    /* to[i] = dy[i] where y[i] > 0, else 0; y NULL: dy[i] */
    void (*mask)(float *to, const float *dy, const float *y, int64_t count);
    /* sum[columns] = or += the pixels of t->b; `a` and `d` are not looked at */
    void (*add_up)(float *sum, const fn_tile_back *t);
};

extern const fn_tiles fn_tiles_avx512, fn_tiles_avx2, fn_tiles_any;

#endif
