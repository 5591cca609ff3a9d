/* linear on the CPU: three matrix products on the canonical weights, which are not packed.
 *
 *   Y = X W^T    dX = dY W    dW = dY^T X    X [N, K], W [O, K], Y [N, O]
 *
 * K counts in the order C,H,W. An image larger than one pixel lies in another order: it is
 * the image that is turned around, in the workspace, since it is far smaller than W. */
#include "kernels/format.h"
#include "kernels/gemm.h"
#include "kernels/linear.h"

typedef struct sizes {
    int64_t n, o, k, plane; /* plane: pixels of an image */
} sizes;

static sizes sizes_of(const fn_call *c)
{
    fn_shape x = c->x[0].shape;
    int64_t plane = x.dim[2] * x.dim[3];
    return (sizes){x.dim[0], c->y[0].shape.dim[1], x.dim[1] * plane, plane};
}

/* Blocks would have to be taken apart twice; and it is floats that it multiplies. */
static void linear_choose(fn_call *c)
{
    c->x[0].format = c->y[0].format = FN_PLAIN;
    c->x[0].type = FN_F32;
}

static fn_status linear_prepare(fn_call *c)
{
    sizes s = sizes_of(c);
    c->workspace_bytes = s.plane > 1 ? (size_t)(s.n * s.k) * sizeof(float) : 0;
    return FN_OK;
}

/* Each image [rows, columns] becomes [columns, rows]. */
static void transpose(float *to, const float *from, int64_t images, int64_t rows,
                      int64_t columns)
{
#pragma omp parallel for collapse(2)
    for (int64_t n = 0; n < images; n++)
        for (int64_t j = 0; j < columns; j++)
            for (int64_t i = 0; i < rows; i++)
                to[(n * columns + j) * rows + i] = from[(n * rows + i) * columns + j];
}

/* x with its features in the order of W's. */
static const float *x_in_order(const fn_call *c, sizes s)
{
    if (s.plane == 1)
        return fn_f32(c->x[0]);
    transpose(c->workspace, fn_f32(c->x[0]), s.n, s.plane, s.k / s.plane);
    return c->workspace;
}

static fn_status linear_forward(const fn_call *c)
{
    const fn_linear *a = c->attr;
    sizes s = sizes_of(c);
    float *y = fn_f32(c->y[0]);
    for (int64_t i = 0; a->bias && i < s.n * s.o; i++)
        y[i] = fn_f32(c->w[1])[i % s.o];
    return fn_gemm(false, true, s.n, s.o, s.k, 1, x_in_order(c, s), s.k, fn_f32(c->w[0]),
                   s.k, a->bias ? 1 : 0, y, s.o);
}

static void add_up_columns(float *sum, const float *dy, sizes s)
{
    for (int64_t o = 0; o < s.o; o++)
        sum[o] = dy[o];
    for (int64_t n = 1; n < s.n; n++)
        for (int64_t o = 0; o < s.o; o++)
            sum[o] += dy[n * s.o + o];
}

static fn_status back(const fn_call *c, sizes s)
{
    float *dx = fn_f32(c->dx[0]), *in_order = s.plane == 1 ? dx : c->workspace;
    FN_TRY(fn_gemm(false, false, s.n, s.k, s.o, 1, fn_f32(c->dy[0]), s.o, fn_f32(c->w[0]),
                   s.k, 0, in_order, s.k));
    if (s.plane > 1)
        transpose(dx, in_order, s.n, s.k / s.plane, s.plane);
    return FN_OK;
}

static fn_status linear_backward(const fn_call *c)
{
    sizes s = sizes_of(c);
    const float *dy = fn_f32(c->dy[0]);
    if (c->n_w > 1 && c->dw[1].data)
        add_up_columns(fn_f32(c->dw[1]), dy, s);
    if (c->dw[0].data)
        FN_TRY(fn_gemm(true, false, s.o, s.k, s.n, 1, dy, s.o, x_in_order(c, s), s.k, 0,
                       fn_f32(c->dw[0]), s.k));
    return c->dx[0].data ? back(c, s) : FN_OK;
}

const fn_kernel fn_linear_cpu = {
    .choose = linear_choose,
    .prepare = linear_prepare,
    .forward = linear_forward,
    .backward = linear_backward,
};
