/* gemm.h -- row-major single-precision matrix product on the CPU (oneDNN's dnnl_sgemm). */
#ifndef FN_KERNELS_GEMM_H
#define FN_KERNELS_GEMM_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

/* c [m, n] = alpha op(a) [m, k] op(b) [k, n] + beta c; lda, ldb, ldc are row strides. */
fn_status fn_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                  float alpha, const float *a, int64_t lda, const float *b, int64_t ldb,
                  float beta, float *c, int64_t ldc) FN_CHECKED;

#endif
