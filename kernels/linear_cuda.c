/* linear on the GPU: three products of cuBLAS, as in kernels/linear_cpu.c. What they are made of
 * is bf16 or float; what they give is float. Under bf16 rows are rounded in the workspace, and
 * the weights' copy is; an input of several pixels is met by weights turned to its order. */
#include "core/mem.h"
#include "kernels/cublas.h"
#include "kernels/gpu.h"
#include "kernels/launch.h"
#include "kernels/linear.h"

typedef struct state {
    int64_t n, o, k, plane; /* as in linear_cpu.c */
    fn_type type;           /* of what is multiplied */
    void *w; /* the copy [O, plane, C]; NULL: the weights as they are will do */
    size_t x_bytes, y_bytes, w_bytes; /* of x and of dy rounded, of dw turned */
} state;

static fn_status check(int error)
{
    return fn_device_check(error, "linear");
}

static fn_status linear_prepare(fn_call *c)
{
    fn_shape x = c->x[0].shape;
    state *s = c->state = fn_alloc(1, sizeof *s);
    if (!s)
        return fn_fail(FN_ENOMEM, "no memory for its state");
    s->n = x.dim[0];
    s->o = c->y[0].shape.dim[1];
    s->plane = x.dim[2] * x.dim[3];
    s->k = x.dim[1] * s->plane;
    s->type = c->precision == FN_PRECISION_BF16 ? FN_BF16 : FN_F32;
    size_t each = fn_type_bytes(s->type);
    s->x_bytes = fn_gpu_padded((size_t)(s->n * s->k) * sizeof(float));
    s->y_bytes = s->type == FN_BF16 ? fn_gpu_padded((size_t)(s->n * s->o) * each) : 0;
    s->w_bytes = s->plane > 1 ? fn_gpu_padded((size_t)(s->o * s->k) * sizeof(float)) : 0;
    size_t sums = fn_gpu_padded(FN_SUM_PARTS * (size_t)s->o * sizeof(float));
    c->workspace_bytes = s->x_bytes + s->y_bytes + (sums > s->w_bytes ? sums : s->w_bytes);
    if (s->plane == 1 && s->type == FN_F32)
        return FN_OK;
    fn_status rc = fn_device_alloc(c->gpu->device, &s->w, (size_t)(s->o * s->k) * each);
    if (rc != FN_OK) {
        fn_free(s);
        c->state = NULL;
    }
    return rc;
}

static void linear_release(fn_call *c)
{
    state *s = c->state;
    if (s)
        fn_device_free(c->gpu->device, s->w);
    fn_free(s);
    c->state = NULL;
}

static fn_status linear_load(fn_call *c)
{
    const state *s = c->state;
    if (!s->w)
        return FN_OK;
    return check(fn_launch_linear_pack(s->w, fn_f32(c->w[0]), s->o * s->k, s->k / s->plane,
                                       s->plane, (int)s->type, c->stream));
}

/* `from` [count] in the type of the products: itself, or rounded to `place`. */
static fn_status in_type(const fn_call *c, const void **out, fn_tensor from, void *place)
{
    const state *s = c->state;
    *out = from.data;
    if (from.type == s->type)
        return FN_OK;
    *out = place;
    return check(fn_launch_cast(place, (int)s->type, from.data, (int)from.type,
                                fn_numel(from.shape), c->stream));
}

static fn_cublas_product product(const fn_call *c)
{
    return (fn_cublas_product){.precision = c->precision, .alpha = 1};
}

static const void *weights(const fn_call *c)
{
    const state *s = c->state;
    return s->w ? s->w : c->w[0].data;
}

/* Y = X W^T + b */
static fn_status linear_forward(const fn_call *c)
{
    const fn_linear *a = c->attr;
    const state *s = c->state;
    fn_cublas_product p = product(c);
    FN_TRY(in_type(c, &p.a, c->x[0], c->workspace));
    p.b = weights(c);
    p.transpose_b = true;
    p.m = s->n;
    p.n = s->o;
    p.k = p.lda = p.ldb = s->k;
    p.c = fn_f32(c->y[0]);
    p.ldc = s->o;
    p.beta = a->bias ? 1 : 0;
    if (a->bias)
        FN_TRY(check(fn_launch_repeat(p.c, fn_f32(c->w[1]), s->n, s->o, c->stream)));
    return fn_cublas_multiply(c->gpu->cublas, &p);
}

/* dW = dY^T X */
static fn_status back_w(const fn_call *c, const void *dy)
{
    const state *s = c->state;
    char *turned = (char *)c->workspace + s->x_bytes + s->y_bytes;
    fn_cublas_product p = product(c);
    FN_TRY(in_type(c, &p.b, c->x[0], c->workspace));
    p.a = dy;
    p.transpose_a = true;
    p.m = p.lda = s->o;
    p.n = p.ldb = p.ldc = s->k;
    p.k = s->n;
    p.c = s->plane > 1 ? (float *)turned : fn_f32(c->dw[0]);
    FN_TRY(fn_cublas_multiply(c->gpu->cublas, &p));
    if (s->plane == 1)
        return FN_OK;
    return check(fn_launch_linear_unpack(fn_f32(c->dw[0]), p.c, s->o * s->k,
                                         s->k / s->plane, s->plane, c->stream));
}

/* dX = dY W */
static fn_status back(const fn_call *c, const void *dy)
{
    const state *s = c->state;
    fn_tensor dx = c->dx[0];
    fn_cublas_product p = product(c);
    p.a = dy;
    p.b = weights(c);
    p.m = s->n;
    p.n = p.ldb = p.ldc = s->k;
    p.k = p.lda = s->o;
    p.c = dx.type == FN_F32 ? fn_f32(dx) : c->workspace;
    FN_TRY(fn_cublas_multiply(c->gpu->cublas, &p));
    if (dx.type == FN_F32)
        return FN_OK;
    return check(
        fn_launch_cast(dx.data, (int)dx.type, p.c, FN_F32, s->n * s->k, c->stream));
}

static fn_status linear_backward(const fn_call *c)
{
    const state *s = c->state;
    char *at = (char *)c->workspace + s->x_bytes;
    const void *dy;
    if (c->n_w > 1 && c->dw[1].data)
        FN_TRY(check(fn_launch_conv_mask(NULL, fn_f32(c->dw[1]), (float *)(at + s->y_bytes),
                                         c->dy[0].data, NULL, s->n, s->o, s->o, FN_F32,
                                         c->stream)));
    FN_TRY(in_type(c, &dy, c->dy[0], at));
    if (c->dw[0].data)
        FN_TRY(back_w(c, dy));
    return c->dx[0].data ? back(c, dy) : FN_OK;
}

const fn_kernel fn_linear_cuda = {
    .prepare = linear_prepare,
    .load = linear_load,
    .forward = linear_forward,
    .backward = linear_backward,
    .release = linear_release,
};
