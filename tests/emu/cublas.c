/* kernels/cublas.h by plain loops. */
#include "kernels/cublas.h"

#include "core/device.h"
#include "core/mem.h"
#include "kernels/bf16.h"
#include "tests/emu/fault.h"
#include "tests/emu/queue.h"

#include <stdlib.h>

struct fn_cublas {
    int nothing;
};

fn_status fn_cublas_open(fn_cublas **out, void *stream)
{
    (void)stream;
    *out = fn_alloc(1, sizeof **out);
    return *out ? FN_OK : fn_fail(FN_ENOMEM, "no memory for cuBLAS");
}

void fn_cublas_close(fn_cublas *c)
{
    fn_free(c);
}

static double get(const void *from, int64_t row, int64_t column, int64_t ld,
                  bool transposed, fn_precision p)
{
    int64_t i = transposed ? column * ld + row : row * ld + column;
    return (double)(p == FN_PRECISION_BF16 ? fn_bf16_float(((const uint16_t *)from)[i])
                                           : ((const float *)from)[i]);
}

static void multiply(void *ctx)
{
    const fn_cublas_product *p = ctx;
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < p->k; k++)
                sum += get(p->a, i, k, p->lda, p->transpose_a, p->precision) *
                       get(p->b, k, j, p->ldb, p->transpose_b, p->precision);
            float *to = p->c + i * p->ldc + j;
            *to = (float)((double)p->alpha * sum +
                          (p->beta != 0 ? (double)p->beta * (double)*to : 0));
        }
}

fn_status fn_cublas_multiply(fn_cublas *c, const fn_cublas_product *p)
{
    (void)c;
    FN_TRY(fn_device_check(fn_emu_work(), "a product"));
    fn_cublas_product *own = malloc(sizeof *own); /* not one that a test fails */
    if (!own)
        abort();
    *own = *p;
    fn_emu_queue(0, multiply, free, own);
    return FN_OK;
}
