/* cublas.h -- matrix products on a GPU. */
#ifndef FN_KERNELS_CUBLAS_H
#define FN_KERNELS_CUBLAS_H

#include "kernels/op.h"

typedef struct fn_cublas fn_cublas;

/* On the current CUDA device; products run on `stream` (NULL: the default one), with a
 * workspace of their own: one that streams share gives other bits in every run, and one that
 * cuBLAS allocates grows with every captured CUDA graph. Errors: FN_EDEVICE, FN_ENOMEM. */
fn_status fn_cublas_open(fn_cublas **out, void *stream) FN_CHECKED;
void fn_cublas_close(fn_cublas *c);

/* c [m, n] = alpha op(a) [m, k] op(b) [k, n] + beta c, row-major in device memory; lda, ldb, ldc
 * are row strides. c is float, and so are a and b, but for BF16, where they are bfloat16. Sums
 * are float. FP32 rounds nothing else; TF32 rounds a and b to 10 bits of fraction. */
typedef struct fn_cublas_product {
    fn_precision precision;
    bool transpose_a, transpose_b;
    int64_t m, n, k;
    float alpha, beta;
    const void *a, *b;
    float *c;
    int64_t lda, ldb, ldc;
} fn_cublas_product;

/* Queues it; allocates and synchronises with nothing. Errors: FN_EDEVICE. */
fn_status fn_cublas_multiply(fn_cublas *c, const fn_cublas_product *p) FN_CHECKED;

#endif
