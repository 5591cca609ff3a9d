/* concat -- joins its inputs along C: the end of an inception module.
 *
 * Backward is the matching split.
 * x[i] [N, Ci, H, W] or [N, Ci]   y [N, sum of Ci, H, W] or [N, sum of Ci] */
#include "kernels/concat.h"

#include "kernels/ref.h"

static fn_status concat_infer(fn_call *c)
{
    fn_shape y = c->x[0].shape;
    for (int i = 1; i < c->n_x; i++) {
        fn_shape x = c->x[i].shape;
        if (x.rank != y.rank)
            return fn_fail(FN_ESHAPE, "concat: branch %d has rank %d, branch 0 has %d", i,
                           x.rank, y.rank);
        if (x.dim[0] != y.dim[0] || x.dim[2] != y.dim[2] || x.dim[3] != y.dim[3])
            return fn_fail(
                FN_ESHAPE,
                "concat: branch %d is %lldx%lld, branch 0 is %lldx%lld: give both "
                "the same strides and pads",
                i, (long long)x.dim[2], (long long)x.dim[3], (long long)y.dim[2],
                (long long)y.dim[3]);
        y.dim[1] += x.dim[1];
    }
    c->n_y = 1;
    c->n_w = 0;
    c->y[0].shape = y;
    c->keep = FN_KEEP_NONE;
    return FN_OK;
}

/* Index into y of element `at` of an input whose channels start at `first`. */
static int64_t y_index(const fn_call *c, int i, int64_t first, int64_t at)
{
    int64_t channels = c->x[i].shape.dim[1];
    return at / channels * c->y[0].shape.dim[1] + first + at % channels;
}

static fn_status concat_forward(const fn_call *c)
{
    int64_t first = 0;
    for (int i = 0; i < c->n_x; first += c->x[i++].shape.dim[1])
        for (int64_t at = 0; at < fn_numel(c->x[i].shape); at++)
            fn_f64(c->y[0])[y_index(c, i, first, at)] = fn_f64(c->x[i])[at];
    return FN_OK;
}

static fn_status concat_backward(const fn_call *c)
{
    int64_t first = 0;
    for (int i = 0; i < c->n_x; first += c->x[i++].shape.dim[1])
        for (int64_t at = 0; c->dx[i].data && at < fn_numel(c->x[i].shape); at++)
            fn_f64(c->dx[i])[at] = fn_f64(c->dy[0])[y_index(c, i, first, at)];
    return FN_OK;
}

static const fn_kernel concat_ref = {.forward = concat_forward,
                                     .backward = concat_backward};

static const fn_sample samples[] = {
    {"",
     3,
     {FN_NCHW(2, 1, 2, 3), FN_NCHW(2, 3, 2, 3), FN_NCHW(2, 2, 2, 3)},
     FN_FILL_UNIFORM},
    {"", 2, {FN_NCHW(2, 16, 3, 2), FN_NCHW(2, 32, 3, 2)}, FN_FILL_UNIFORM},
    {"",
     3,
     {FN_NCHW(3, 24, 2, 2), FN_NCHW(3, 8, 2, 2), FN_NCHW(3, 16, 2, 2)},
     FN_FILL_UNIFORM},
    {"", 2, {FN_NCHW(1, 16, 3, 3), FN_NCHW(1, 20, 3, 3)}, FN_FILL_UNIFORM},
    {"", 2, {FN_NC(3, 5), FN_NC(3, 2)}, FN_FILL_UNIFORM},
    {"", 1, {FN_NCHW(2, 16, 2, 2)}, FN_FILL_UNIFORM},
    {0},
};

const fn_op fn_op_concat = {
    .name = "concat",
    .internal = true,
    .infer = concat_infer,
    .kernel = {&concat_ref, &fn_concat_cpu, FN_CUDA_KERNEL(fn_concat_cuda)},
    .sample = samples,
};
