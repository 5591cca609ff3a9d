#include "kernels/gemm.h"

#include "kernels/dnnl.h"

/* NOLINTNEXTLINE(readability-function-size): the arguments that everyone knows from BLAS */
fn_status fn_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                  float alpha, const float *a, int64_t lda, const float *b, int64_t ldb,
                  float beta, float *c, int64_t ldc)
{
    return fn_dnnl_check(dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n,
                                    k, alpha, a, lda, b, ldb, beta, c, ldc),
                         "a matrix product");
}
