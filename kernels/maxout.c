/* maxout -- y[n,o] = the greatest of x[n, o*p .. o*p + p-1]  (Goodfellow et al. 2013).
 *
 * The p pieces of one output lie side by side, so that [N, O*p] is [N, O, p] in memory:
 * ONNX says it with Reshape and ReduceMax. NN1's fc1 and fc2 have p = 2 (Schroff et al.
 * 2015, Table 1). Of equal pieces the lowest takes the gradient.
 * x [N, O*p]   y [N, O] */
#include "kernels/maxout.h"

static fn_status maxout_infer(fn_call *c)
{
    const fn_maxout *a = c->attr;
    fn_shape x = c->x[0].shape;
    if (x.rank != 2)
        return fn_fail(FN_ESHAPE,
                       "maxout wants N,C, got rank %d: put a fully connected layer "
                       "in front",
                       x.rank);
    if (x.dim[1] % a->pieces)
        return fn_fail(FN_ESHAPE, "maxout: %lld features do not divide into %d pieces each",
                       (long long)x.dim[1], a->pieces);
    c->n_y = 1;
    c->n_w = 0;
    c->y[0].shape = (fn_shape)FN_NC(x.dim[0], x.dim[1] / a->pieces);
    c->keep = FN_KEEP_X;
    return FN_OK;
}

static int greatest(const double *piece, int n)
{
    int best = 0;
    for (int k = 1; k < n; k++)
        if (piece[k] > piece[best])
            best = k;
    return best;
}

static fn_status maxout_forward(const fn_call *c)
{
    const fn_maxout *a = c->attr;
    for (int64_t i = 0; i < fn_numel(c->y[0].shape); i++) {
        const double *piece = fn_f64(c->x[0]) + i * a->pieces;
        fn_f64(c->y[0])[i] = piece[greatest(piece, a->pieces)];
    }
    return FN_OK;
}

static fn_status maxout_backward(const fn_call *c)
{
    const fn_maxout *a = c->attr;
    for (int64_t i = 0; c->dx[0].data && i < fn_numel(c->y[0].shape); i++) {
        int best = greatest(fn_f64(c->x[0]) + i * a->pieces, a->pieces);
        for (int k = 0; k < a->pieces; k++)
            fn_f64(c->dx[0])[i * a->pieces + k] = k == best ? fn_f64(c->dy[0])[i] : 0;
    }
    return FN_OK;
}

static const fn_kernel maxout_ref = {.forward = maxout_forward,
                                     .backward = maxout_backward};

static const fn_field fields[] = {
    {"pieces", FN_INT, offsetof(fn_maxout, pieces), 2, 2, 64, NULL, NULL, NULL},
    {0},
};

static const fn_maxout p2 = {2}, p3 = {3};
static const fn_sample samples[] = {
    {&p2, 1, {FN_NC(3, 64)}, FN_FILL_UNIFORM},
    {&p3, 1, {FN_NC(2, 6)}, FN_FILL_UNIFORM},
    {&p2, 1, {FN_NC(5, 34)}, FN_FILL_TIES},
    {&p3, 1, {FN_NC(4, 27)}, FN_FILL_TIES},
    {0},
};

const fn_op fn_op_maxout = {
    .name = "maxout",
    .field = fields,
    .attr_size = sizeof(fn_maxout),
    .infer = maxout_infer,
    .kernel = {&maxout_ref, &fn_maxout_cpu, FN_CUDA_KERNEL(fn_maxout_cuda)},
    .sample = samples,
};
