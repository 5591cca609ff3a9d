/* pool.h -- what the three pools share: attributes, shapes and windows. */
#ifndef FN_KERNELS_POOL_H
#define FN_KERNELS_POOL_H

#include "kernels/window.h"

typedef struct fn_pool {
    int kernel, stride, pad; /* kernel 0: the whole plane; then stride and pad are unused */
    int norm;                /* l2pool only: FN_POOL_MEAN or FN_POOL_SUM */
} fn_pool;

enum { FN_POOL_MEAN, FN_POOL_SUM };

extern const fn_field fn_pool_fields[], fn_pool_l2_fields[];
fn_status fn_pool_infer(fn_call *c); /* sets keep to FN_KEEP_X | FN_KEEP_Y */

/* The rows [top, bottom) and columns [left, right) of the image under window (i, j). Never
 * empty: same-padding is at most kernel/2, so each window has a tap inside the image. */
typedef struct fn_pool_area {
    int64_t top, bottom, left, right;
} fn_pool_area;
fn_pool_area fn_pool_window(const fn_call *c, int64_t i, int64_t j);

/* Taps of a whole window, padding included: k*k, or H*W for the whole plane. */
int64_t fn_pool_taps(const fn_call *c);

extern const fn_kernel fn_avgpool_cpu, fn_maxpool_cpu, fn_l2pool_cpu;
extern const fn_kernel fn_avgpool_cuda, fn_maxpool_cuda, fn_l2pool_cuda;

/* --- for the reference kernels --- */

/* One output element and the part of the image under its window. */
typedef struct fn_pool_output {
    int64_t n, c, y; /* image, channel, index into y */
    fn_pool_area area;
    int64_t taps; /* inside the image */
} fn_pool_output;

/* Calls visit once for each output element. */
void fn_pool_each(const fn_call *c, void (*visit)(const fn_call *c, fn_pool_output o));

/* Index into x of the window's t-th tap, in row order. */
int64_t fn_pool_tap(const fn_call *c, fn_pool_output o, int64_t t);

#endif
