/* bnjoin -- a concat with the batch norms and the ReLUs before it, and with the fork behind it:
 * the end of an inception module with batch norm. nn/lower_gpu.c makes it for FN_CUDA alone, in
 * training.
 *
 *   y[k] = v[0], v[1], ... joined along C;   v[i] = batchnorm(x[i])
 *
 * where an input without its bit in `norm` is taken as it is. All y[k] are the same value; backward
 * sums their gradients.
 * x[i] [N, Ci, H, W]   y[k] [N, sum of Ci, H, W]   w: those of each batchnorm, [Ci], in order */
#include "kernels/bnjoin.h"

#include "kernels/batchnorm.h"
#include "kernels/fork.h"
#include "kernels/ref.h"

#include <string.h>

extern const fn_op fn_op_batchnorm, fn_op_concat, fn_op_fork;

static fn_status bnjoin_infer(fn_call *c)
{
    const fn_bnjoin *a = c->attr;
    int norms = fn_bnjoin_norms(a, c->n_x);
    if (norms > FN_MOST_NORMS)
        return fn_fail(FN_EUNSUPPORTED, "bnjoin has %d norms: %d at most", norms,
                       FN_MOST_NORMS);
    FN_TRY(fn_op_concat.infer(c));
    c->n_y = a->ways;
    for (int k = 1; k < a->ways; k++)
        c->y[k].shape = c->y[0].shape;
    c->n_w = 4 * norms;
    for (int i = 0; i < c->n_x; i++)
        for (int k = 0; k < 4 && a->norm >> i & 1; k++)
            c->w[4 * fn_bnjoin_norms(a, i) + k].shape = (fn_shape)FN_C(
                c->x[i].shape.dim[1]);
    c->keep = FN_KEEP_X;
    return FN_OK;
}

/* --- the reference: the ops' own, one after the other ---
 *
 * saved: mean and variance of each channel of y, and the v[i]. workspace: their gradients, and that
 * of y. */

static size_t bytes_of(fn_shape s)
{
    return (size_t)fn_numel(s) * sizeof(double);
}

static size_t statistics_bytes(const fn_call *c)
{
    return 2 * (size_t)c->y[0].shape.dim[1] * sizeof(double);
}

static fn_status bnjoin_prepare(fn_call *c)
{
    c->saved_bytes = statistics_bytes(c) + bytes_of(c->y[0].shape);
    c->workspace_bytes = 2 * bytes_of(c->y[0].shape);
    return FN_OK;
}

/* Calls of a concat of the v[i], and of the norm of input i. */
static fn_call concat_of(const fn_call *c)
{
    fn_call concat = *c;
    char *v = (char *)c->saved + statistics_bytes(c), *dv = c->workspace;
    concat.n_y = 1;
    concat.dy[0] = (fn_tensor){.shape = c->y[0].shape,
                               .data = dv + bytes_of(c->y[0].shape)};
    for (int i = 0; i < c->n_x; i++) {
        fn_shape s = c->x[i].shape;
        concat.x[i] = (fn_tensor){.shape = s, .data = v};
        concat.dx[i] = (fn_tensor){.shape = s, .data = dv};
        v += bytes_of(s);
        dv += bytes_of(s);
    }
    return concat;
}

static fn_call norm_of(const fn_call *c, const fn_call *concat, int i, fn_batchnorm *attr)
{
    const fn_bnjoin *a = c->attr;
    int first = 4 * fn_bnjoin_norms(a, i);
    int64_t channel = 0;
    fn_call norm = {.attr = attr,
                    .training = c->training,
                    .n_x = 1,
                    .x = {c->x[i]},
                    .dx = {c->dx[i]},
                    .y = {concat->x[i]},
                    .dy = {concat->dx[i]}};
    *attr = (fn_batchnorm){a->eps, a->relu >> i & 1};
    memcpy(norm.w, c->w + first, 4 * sizeof *norm.w);
    memcpy(norm.dw, c->dw + first, 4 * sizeof *norm.dw);
    for (int k = 0; k < i; k++)
        channel += c->x[k].shape.dim[1];
    norm.saved = (double *)c->saved + 2 * channel;
    return norm;
}

static fn_status bnjoin_forward(const fn_call *c)
{
    const fn_bnjoin *a = c->attr;
    fn_call concat = concat_of(c);
    fn_batchnorm attr;
    for (int i = 0; i < c->n_x; i++) {
        fn_call norm = norm_of(c, &concat, i, &attr);
        if (a->norm >> i & 1)
            FN_TRY(fn_op_batchnorm.kernel[FN_REF]->forward(&norm));
        else
            concat.x[i] = c->x[i];
    }
    for (int k = 0; k < a->ways; k++) {
        concat.y[0] = c->y[k];
        FN_TRY(fn_op_concat.kernel[FN_REF]->forward(&concat));
    }
    return FN_OK;
}

static fn_status bnjoin_backward(const fn_call *c)
{
    const fn_bnjoin *a = c->attr;
    fn_call concat = concat_of(c), fork = *c;
    fn_batchnorm attr;
    fork.dx[0] = concat.dy[0];
    fork.x[0] = c->y[0];
    FN_TRY(fn_op_fork.kernel[FN_REF]->backward(&fork));
    for (int i = 0; i < c->n_x; i++)
        if (!(a->norm >> i & 1))
            concat.dx[i] = c->dx[i];
    FN_TRY(fn_op_concat.kernel[FN_REF]->backward(&concat));
    for (int i = 0; i < c->n_x; i++) {
        fn_call norm = norm_of(c, &concat, i, &attr);
        if (a->norm >> i & 1)
            FN_TRY(fn_op_batchnorm.kernel[FN_REF]->backward(&norm));
    }
    return FN_OK;
}

static const fn_kernel bnjoin_ref = {
    .prepare = bnjoin_prepare, .forward = bnjoin_forward, .backward = bnjoin_backward};

#define NORM                                                    \
    {"gain", FN_INIT_ONE, true}, {"shift", FN_INIT_ZERO, true}, \
        {"mean", FN_INIT_ZERO, false},                          \
    {                                                           \
        "var", FN_INIT_ONE, false                               \
    }
static const fn_weight weights[] = {NORM, NORM, NORM, NORM, {0}};

static const fn_bnjoin module = {.norm = 0xf, .relu = 0xf, .ways = 2, .eps = 1e-3f};
static const fn_bnjoin reduced = {.norm = 3, .relu = 3, .ways = 1, .eps = 1e-3f};
static const fn_bnjoin odd = {.norm = 5, .relu = 4, .ways = 3, .eps = 0.1f};
static const fn_sample samples[] = {
    {&module,
     4,
     {FN_NCHW(2, 16, 3, 2), FN_NCHW(2, 24, 3, 2), FN_NCHW(2, 8, 3, 2), FN_NCHW(2, 8, 3, 2)},
     FN_FILL_UNIFORM},
    {&reduced,
     3,
     {FN_NCHW(3, 8, 3, 3), FN_NCHW(3, 16, 3, 3), FN_NCHW(3, 8, 3, 3)},
     FN_FILL_UNIFORM},
    {&odd,
     3,
     {FN_NCHW(2, 5, 2, 3), FN_NCHW(2, 8, 2, 3), FN_NCHW(2, 3, 2, 3)},
     FN_FILL_UNIFORM},
    {0},
};

const fn_op fn_op_bnjoin = {
    .name = "bnjoin",
    .weight = weights,
    .attr_size = sizeof(fn_bnjoin),
    .internal = true,
    .twins = true,
    .infer = bnjoin_infer,
    .kernel = {&bnjoin_ref, NULL, FN_CUDA_KERNEL(fn_bnjoin_cuda)},
    .sample = samples,
};
