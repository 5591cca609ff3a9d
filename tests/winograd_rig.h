/* winograd_rig.h -- a convolution of 3x3 or 5x5 by its definition, in double. */
#ifndef FN_TESTS_WINOGRAD_RIG_H
#define FN_TESTS_WINOGRAD_RIG_H

#include "core/mem.h"
#include "kernels/conv.h"
#include "kernels/winograd.h"
#include "kernels/winograd_stages.h"
#include "tests/nets.h"
#include "tests/test.h"

/* 9x7 pixels are 3x2 tiles, of which the last row and column stick out; 72 tiles are more
 * than go through at a time. */
enum { N = 12, C = 48, H = 9, W = 7 };
static const fn_shape x_shape = FN_NCHW(N, C, H, W);
static int64_t O = 72; /* output channels: also 80 */
static int64_t K = 3;  /* the kernel: also 5 */

static fn_call conv_call(const fn_conv *a, fn_shape x, fn_format f)
{
    fn_call c = {.attr = a, .training = true, .n_x = 1};
    c.x[0].shape = x;
    CHECK_OK(fn_op_find("conv")->infer(&c));
    c.x[0].format = c.y[0].format = f;
    return c;
}

static float *random_numbers(int64_t n, uint32_t seed)
{
    float *x = fn_alloc((size_t)n, sizeof *x);
    fn_test_fill(x, n, seed);
    return x;
}

/* Visits every product of the convolution: y[n, o, i, j] += w[o, c, u, v] x[n, c, r, k]. */
typedef struct tensors {
    const float *x, *w, *dy; /* plain */
    const float *raw, *mask; /* raw is dy where mask is positive; elsewhere dy is 0 */
    double *y, *dx, *dw, *db;
} tensors;

static void convolve_at(tensors *t, int64_t n, int64_t i, int64_t j)
{
    int64_t at = (n * H + i) * W + j;
    for (int64_t tap = 0; tap < K * K; tap++) {
        int64_t r = i + tap / K - K / 2, k = j + tap % K - K / 2,
                from = (n * H + r) * W + k;
        if (r < 0 || r >= H || k < 0 || k >= W)
            continue;
        for (int64_t o = 0; o < O; o++)
            for (int64_t c = 0; c < C; c++) {
                double x = (double)t->x[from * C + c], g = (double)t->dy[at * O + o];
                double w = (double)t->w[(o * C + c) * K * K + tap];
                t->y[at * O + o] += w * x;
                t->dx[from * C + c] += w * g;
                t->dw[(o * C + c) * K * K + tap] += g * x;
            }
    }
    for (int64_t o = 0; o < O; o++)
        t->db[o] += (double)t->dy[at * O + o];
}

static tensors expected(void)
{
    int64_t count = N * O * H * W;
    float *dy = random_numbers(count, 3), *raw = random_numbers(count, 3);
    float *mask = random_numbers(count, 4);
    for (int64_t i = 0; i < count; i++)
        dy[i] = mask[i] > 0 ? raw[i] : 0;
    tensors t = {.x = random_numbers(N * C * H * W, 1),
                 .w = random_numbers(O * C * K * K, 2),
                 .dy = dy,
                 .raw = raw,
                 .mask = mask,
                 .y = fn_alloc((size_t)count, sizeof(double)),
                 .dx = fn_alloc(N * C * H * W, sizeof(double)),
                 .dw = fn_alloc((size_t)(O * C * K * K), sizeof(double)),
                 .db = fn_alloc((size_t)O, sizeof(double))};
    for (int64_t n = 0; n < N; n++)
        for (int64_t i = 0; i < H * W; i++)
            convolve_at(&t, n, i / W, i % W);
    return t;
}

static void forget(tensors t)
{
    const void *all[] = {t.x, t.w, t.dy, t.raw, t.mask, t.y, t.dx, t.dw, t.db};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fn_free((void *)(uintptr_t)all[i]);
}

enum { SAME_AS_DOUBLE = 20 }; /* millionths of the largest value */

typedef struct gradients {
    float *dx, *dw, *db;
} gradients;

static void drop(gradients d)
{
    fn_free(d.dx);
    fn_free(d.dw);
    fn_free(d.db);
}

#endif
