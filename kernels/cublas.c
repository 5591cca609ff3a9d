#include "kernels/cublas.h"

#include "core/mem.h"

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

enum { WORKSPACE = 32 << 20 }; /* what NVIDIA recommends for compute capability 9.0 */

struct fn_cublas {
    cublasHandle_t handle;
    void *workspace; /* device memory */
};

static fn_status check(cublasStatus_t s, const char *doing)
{
    return s == CUBLAS_STATUS_SUCCESS
               ? FN_OK
               : fn_fail(FN_EDEVICE, "%s: %s", doing, cublasGetStatusString(s));
}

/* The stream first: setting it puts cuBLAS' own workspace back. */
static fn_status set_up(fn_cublas *c, cudaStream_t stream)
{
    int device;
    cudaError_t e = cudaGetDevice(&device);
    if (e != cudaSuccess)
        return fn_fail(FN_EDEVICE, "no CUDA device: %s", cudaGetErrorString(e));
    e = cudaMalloc(&c->workspace, WORKSPACE);
    if (e != cudaSuccess)
        return fn_fail(FN_ENOMEM, "no %d MiB of device memory for cuBLAS: %s",
                       WORKSPACE >> 20, cudaGetErrorString(e));
    FN_TRY(check(cublasCreate(&c->handle), "cuBLAS on this device"));
    FN_TRY(check(cublasSetStream(c->handle, stream), "cuBLAS' stream"));
    FN_TRY(
        check(cublasSetWorkspace(c->handle, c->workspace, WORKSPACE), "cuBLAS' workspace"));
    cublasMath_t mode = (cublasMath_t)(CUBLAS_DEFAULT_MATH |
                                       CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION);
    return check(cublasSetMathMode(c->handle, mode), "cuBLAS' mathematics");
}

fn_status fn_cublas_open(fn_cublas **out, void *stream)
{
    fn_cublas *c = fn_alloc(1, sizeof *c);
    *out = NULL;
    if (!c)
        return fn_fail(FN_ENOMEM, "no memory for cuBLAS' handle");
    fn_status rc = set_up(c, stream);
    if (rc != FN_OK)
        fn_cublas_close(c);
    else
        *out = c;
    return rc;
}

void fn_cublas_close(fn_cublas *c)
{
    if (!c)
        return;
    if (c->handle)
        cublasDestroy(c->handle);
    if (c->workspace)
        cudaFree(c->workspace);
    fn_free(c);
}

/* cuBLAS counts columns first. Row-major c is its c transposed, which is b a. */
fn_status fn_cublas_multiply(fn_cublas *c, const fn_cublas_product *p)
{
    cudaDataType_t type = p->precision == FN_PRECISION_BF16 ? CUDA_R_16BF : CUDA_R_32F;
    cublasComputeType_t compute = p->precision == FN_PRECISION_TF32
                                      ? CUBLAS_COMPUTE_32F_FAST_TF32
                                      : CUBLAS_COMPUTE_32F;
    cublasStatus_t s = cublasGemmEx_64(
        c->handle, p->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
        p->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, p->n, p->m, p->k, &p->alpha, p->b, type,
        p->ldb, p->a, type, p->lda, &p->beta, p->c, CUDA_R_32F, p->ldc, compute,
        CUBLAS_GEMM_DEFAULT);
    if (s == CUBLAS_STATUS_SUCCESS)
        return FN_OK;
    return fn_fail(FN_EDEVICE, "the product [%lld, %lld] x [%lld, %lld]: %s",
                   (long long)p->m, (long long)p->k, (long long)p->k, (long long)p->n,
                   cublasGetStatusString(s));
}
