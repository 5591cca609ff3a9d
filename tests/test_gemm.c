/* test_gemm.c -- fn_gemm against three loops, with rows longer than they have to be. */
#include "core/rng.h"
#include "kernels/gemm.h"
#include "kernels/threads.h"
#include "tests/fence.h"
#include "tests/test.h"

typedef struct product {
    bool transpose_a, transpose_b;
    int64_t m, n, k, extra; /* extra: floats between one row and the next */
    float alpha, beta;
} product;

/* A matrix of random numbers; between its rows is NaN, which nobody may read. */
static float *matrix(fn_rng *r, int64_t rows, int64_t columns, int64_t stride)
{
    float *a = fn_fence_open((size_t)(rows * stride) * sizeof *a, false);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            a[i * stride + j] = (float)fn_rng_range(r, -1, 1);
    return a;
}

static double dot(const product *p, const float *a, int64_t lda, const float *b,
                  int64_t ldb, int64_t at)
{
    int64_t i = at / p->n, j = at % p->n;
    double sum = 0;
    for (int64_t k = 0; k < p->k; k++)
        sum += (double)a[p->transpose_a ? k * lda + i : i * lda + k] *
               (double)b[p->transpose_b ? j * ldb + k : k * ldb + j];
    return sum;
}

static void check_product(product p)
{
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    int64_t lda = (p.transpose_a ? p.m : p.k) + p.extra;
    int64_t ldb = (p.transpose_b ? p.k : p.n) + 2 * p.extra, ldc = p.n + 3 * p.extra;
    float *a = matrix(&r, p.transpose_a ? p.k : p.m, lda - p.extra, lda);
    float *b = matrix(&r, p.transpose_b ? p.n : p.k, ldb - 2 * p.extra, ldb);
    float *c = matrix(&r, p.m, p.beta != 0 ? p.n : 0, ldc); /* beta 0: c is not read */
    double *want = fn_fence_open((size_t)(p.m * p.n) * sizeof *want, false), worst = 0;
    int64_t touched = 0;
    for (int64_t at = 0; at < p.m * p.n; at++) {
        want[at] = (double)p.alpha * dot(&p, a, lda, b, ldb, at);
        if (p.beta != 0)
            want[at] += (double)p.beta * (double)c[at / p.n * ldc + at % p.n];
    }
    CHECK_OK(fn_gemm(p.transpose_a, p.transpose_b, p.m, p.n, p.k, p.alpha, a, lda, b, ldb,
                     p.beta, c, ldc));
    for (int64_t at = 0; at < p.m * ldc; at++) {
        int64_t i = at / ldc, j = at % ldc;
        if (j >= p.n) {
            touched += !isnan(c[at]);
            continue;
        }
        double e = fabs((double)c[at] - want[i * p.n + j]);
        worst = e > worst || isnan(e) ? e : worst;
    }
    if (!(worst < 1e-4) || touched || !fn_fence_holds())
        FN_TEST_FAIL("[%lld, %lld] over %lld%s%s, beta %g: off by %g, %lld touched",
                     (long long)p.m, (long long)p.n, (long long)p.k,
                     p.transpose_a ? ", A^T" : "", p.transpose_b ? ", B^T" : "",
                     (double)p.beta, worst, (long long)touched);
    fn_fence_close(0);
}

static void check_all(int64_t m, int64_t n, int64_t k)
{
    for (int bits = 0; bits < 16; bits++) {
        product p = {bits & 1, bits & 2, m, n, k, bits & 4 ? 3 : 0, 1, 0};
        if (bits & 8) {
            p.alpha = -0.5f;
            p.beta = 2;
        }
        check_product(p);
    }
}

TEST(every_product_is_that_of_three_loops)
{
    static const int64_t size[][3] = {{1, 1, 1},  {3, 5, 7},     {16, 32, 8},
                                      {1, 9, 33}, {2, 128, 576}, {70, 1, 65}};
    for (int threads = 1; threads <= 3; threads += 2) {
        fn_threads_set(threads);
        for (int i = 0; i < (int)(sizeof size / sizeof *size); i++)
            check_all(size[i][0], size[i][1], size[i][2]);
    }
    fn_threads_set(0);
}

TEST(rows_shorter_than_the_matrix_are_refused)
{
    float a[4] = {0}, b[4] = {0}, c[4];
    CHECK_FAILS(fn_gemm(false, false, 2, 2, 2, 1, a, 1, b, 2, 0, c, 2), FN_EINTERNAL,
                "a matrix product");
}
