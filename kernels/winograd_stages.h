/* winograd_stages.h -- what kernels/winograd.c does with some tiles, compiled for several
 * instruction sets from kernels/winograd_stages_body.h; private to them. */
#ifndef FN_KERNELS_WINOGRAD_STAGES_H
#define FN_KERNELS_WINOGRAD_STAGES_H

#include <stdbool.h>
#include <stdint.h>

/* One side of the convolution as it lies in memory. */
typedef struct fn_winograd_side {
    int64_t channels;
    int64_t lanes;         /* channels that lie together: numbers from pixel to pixel */
    int64_t height, width; /* of an image */
    int64_t high, wide;    /* of an image, in tiles */
    bool low;              /* bf16, else float */
} fn_winograd_side;

/* The transforms of some tiles: 36 matrices [groups][channels / lanes][rows][lanes] of a row a
 * tile, `step` floats from one to the next. A group is what a product takes at once. */
typedef struct fn_winograd_matrices {
    float *at;
    int64_t rows, step;
} fn_winograd_matrices;

typedef struct fn_winograd_tiles {
    int64_t first, count;
} fn_winograd_tiles;

/* What becomes of the sums. */
typedef struct fn_winograd_ending {
    const float *bias; /* NULL: none */
    bool relu;
} fn_winograd_ending;

/* What tiles add to the gradient of some output channels. */
typedef struct fn_winograd_panel {
    int64_t rows, count; /* tiles: for which there is place, which there are */
    int64_t in, out;     /* channels; `out` is `channels_back` of the stages, or the rest */
    bool add;            /* else what was there is forgotten */
} fn_winograd_panel;

typedef struct fn_winograd_stages {
    int lanes; /* channels of a vector, which divide those of both sides */
    int out;   /* pixels of a tile, along a side: 7 less the kernel's */
    int rows;  /* tiles at a time in `multiply` */
    /* Output channels at a time, a few vectors; and in `multiply_back`. */
    int channels, channels_back;

    /* Of one vector of columns of the kernel, from `column` on; see `pack` and `back_w` of
     * kernels/winograd.h. u[columns / lanes][36][rows][lanes], du[36][o / lanes][c][lanes]. */
    void (*pack)(float *u, const float *w, int64_t o, int64_t c, bool back, int64_t column);
    void (*unpack)(float *dw, float *du, int64_t o, int64_t c, int64_t column);

    /* B' x B and A dy A' of some tiles; where y is not NULL, of what has y > 0 alone. */
    void (*lay_input)(fn_winograd_matrices to, const fn_winograd_side *s, const void *x,
                      const void *y, fn_winograd_tiles t);
    void (*lay_gradient)(fn_winograd_matrices to, const fn_winograd_side *s, const void *dy,
                         const void *y, fn_winograd_tiles t);
    /* A' m A; m has `channels` channels, which are y's from `channel` on. */
    void (*give_output)(void *y, const fn_winograd_side *s, fn_winograd_matrices m,
                        int64_t channel, int64_t channels, fn_winograd_tiles t,
                        fn_winograd_ending e);

    /* m = v u; v's groups have `rows` tiles, m is one group; u as above, of `out` channels. */
    void (*multiply)(fn_winograd_matrices m, fn_winograd_matrices v, int64_t count,
                     const float *u, int64_t in, int64_t out);
    /* du[out / lanes][in][lanes] = or += v' m, of one of the 36, with all tiles in one group */
    void (*multiply_back)(float *du, const float *v, const float *m, fn_winograd_panel p);
    /* db[out] = or += the sums of m's tiles */
    void (*sum_rows)(float *db, const float *m, fn_winograd_panel p);
} fn_winograd_stages;

extern const fn_winograd_stages fn_winograd_avx512, fn_winograd_avx2, fn_winograd_any;
extern const fn_winograd_stages fn_winograd5_avx512,
    fn_winograd5_avx2; /* for 5x5 kernels */

#endif
