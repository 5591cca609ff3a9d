/* gpu_roof.c -- the two ceilings of the GPU that is here, a line of JSON: bytes that a copy within
 * its memory reads and writes a second, and products in bf16.
 *
 *     gpu_roof [MB [SIDE]]     of a copy, 4096; of the matrices, 8192 */
#include "bench/bench.h"
#include "core/clock.h"
#include "kernels/bf16.h"
#include "kernels/cublas.h"

enum { ROUNDS = 7, TIMES = 8 };

typedef struct roof {
    fn_gpu *gpu;
    void *from, *to; /* of the device */
    size_t bytes;
    fn_cublas_product product;
} roof;

static fn_status copy(roof *r)
{
    return fn_device_copy(r->gpu->device, r->to, r->from, r->bytes);
}

static fn_status multiply(roof *r)
{
    return fn_cublas_multiply(r->gpu->cublas, &r->product);
}

/* Seconds of one run: the median of the rounds. */
static fn_status measure(double *seconds, roof *r, fn_status (*run)(roof *r))
{
    double spent[ROUNDS];
    for (int i = -1; i < ROUNDS; i++) {
        double before = fn_clock();
        for (int k = 0; k < TIMES; k++)
            FN_TRY(run(r));
        FN_TRY(fn_gpu_wait(r->gpu));
        if (i >= 0)
            spent[i] = (fn_clock() - before) / TIMES;
    }
    *seconds = fn_bench_median(spent, ROUNDS);
    return FN_OK;
}

/* Random numbers: a GPU multiplies zeros faster. */
static fn_status bring(roof *r, void **out, int64_t count)
{
    fn_status rc;
    float *x = fn_bench_numbers(count);
    uint16_t *b = fn_alloc_aligned((size_t)count * sizeof *b);
    if (!x || !b)
        FN_GO(fn_fail(FN_ENOMEM, "no memory for %lld numbers", (long long)count));
    for (int64_t i = 0; i < count; i++)
        b[i] = fn_bf16_of(x[i]);
    FN_GO(fn_gpu_alloc(r->gpu, out, (size_t)count * sizeof *b));
    FN_GO(fn_device_upload(r->gpu->device, *out, b, (size_t)count * sizeof *b));
    rc = fn_gpu_wait(r->gpu);
out:
    fn_free(x);
    fn_free(b);
    return rc;
}

static fn_status measure_copy(double *per_second, roof *r, size_t bytes)
{
    double seconds;
    r->bytes = bytes;
    FN_TRY(fn_gpu_alloc(r->gpu, &r->from, bytes));
    FN_TRY(fn_gpu_alloc(r->gpu, &r->to, bytes));
    FN_TRY(fn_gpu_zero(r->gpu, r->from, bytes));
    FN_TRY(measure(&seconds, r, copy));
    *per_second = 2 * (double)bytes / seconds;
    return FN_OK;
}

static fn_status measure_products(double *per_second, roof *r, int64_t side)
{
    void *a = NULL, *b = NULL, *c = NULL;
    double seconds, n = (double)side;
    fn_status rc;
    FN_GO(bring(r, &a, side * side));
    FN_GO(bring(r, &b, side * side));
    FN_GO(fn_gpu_alloc(r->gpu, &c, (size_t)(side * side) * sizeof(float)));
    r->product = (fn_cublas_product){.precision = FN_PRECISION_BF16,
                                     .transpose_b = true,
                                     .m = side,
                                     .n = side,
                                     .k = side,
                                     .alpha = 1,
                                     .a = a,
                                     .b = b,
                                     .c = c,
                                     .lda = side,
                                     .ldb = side,
                                     .ldc = side};
    FN_GO(measure(&seconds, r, multiply));
    *per_second = 2 * n * n * n / seconds;
out:
    fn_gpu_free(r->gpu, a);
    fn_gpu_free(r->gpu, b);
    fn_gpu_free(r->gpu, c);
    return rc;
}

int main(int argc, char **argv)
{
    roof r = {.gpu = NULL};
    double bytes = 0, products = 0;
    long mb = argc > 1 ? strtol(argv[1], NULL, 10) : 4096;
    long side = argc > 2 ? strtol(argv[2], NULL, 10) : 8192;
    fn_status rc;
    if (mb < 1 || side < 1) {
        fprintf(stderr, "usage: gpu_roof [MB [SIDE]]\n");
        return 64;
    }
    FN_GO(fn_gpu_open(&r.gpu, 0));
    FN_GO(measure_copy(&bytes, &r, (size_t)mb << 20));
    FN_GO(measure_products(&products, &r, side));
    printf("{\"copy_gb_per_s\": %.1f, \"copy_mb\": %ld, \"bf16_tflops\": %.1f, "
           "\"side\": %ld}\n",
           bytes / 1e9, mb, products / 1e12, side);
out:
    if (rc != FN_OK)
        fprintf(stderr, "gpu_roof: %s\n", fn_last_error());
    if (r.gpu) {
        fn_gpu_free(r.gpu, r.from);
        fn_gpu_free(r.gpu, r.to);
    }
    fn_gpu_close(r.gpu);
    return fn_exit_code(rc);
}
