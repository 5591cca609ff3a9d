#include "kernels/pool.h"

#include "kernels/ref.h"

#include <math.h>

static const char *const pads[] = {"same", "valid", NULL};
static const char *const norms[] = {"mean", "sum", NULL};

const fn_field fn_pool_fields[] = {
    {"kernel", FN_INT, offsetof(fn_pool, kernel), NAN, 0, 64, NULL, NULL, NULL},
    {"stride", FN_INT, offsetof(fn_pool, stride), 1, 1, 16, NULL, NULL, NULL},
    {"pad", FN_CHOICE, offsetof(fn_pool, pad), FN_SAME, 0, 1, pads, NULL, NULL},
    {0},
};
const fn_field fn_pool_l2_fields[] = {
    {"kernel", FN_INT, offsetof(fn_pool, kernel), NAN, 0, 64, NULL, NULL, NULL},
    {"stride", FN_INT, offsetof(fn_pool, stride), 1, 1, 16, NULL, NULL, NULL},
    {"pad", FN_CHOICE, offsetof(fn_pool, pad), FN_SAME, 0, 1, pads, NULL, NULL},
    {"norm", FN_CHOICE, offsetof(fn_pool, norm), FN_POOL_MEAN, 0, 1, norms, NULL, NULL},
    {0},
};

fn_status fn_pool_infer(fn_call *c)
{
    const fn_pool *a = c->attr;
    fn_shape x = c->x[0].shape;
    int64_t h = 1, w = 1;
    if (x.rank != 4)
        return fn_fail(FN_ESHAPE,
                       "a pool wants N,C,H,W, got rank %d: pool before the first "
                       "fully connected layer",
                       x.rank);
    if (a->kernel) {
        h = fn_window_out(x.dim[2], a->kernel, a->stride, a->pad);
        w = fn_window_out(x.dim[3], a->kernel, a->stride, a->pad);
    }
    if (h < 1 || w < 1)
        return fn_fail(FN_ESHAPE,
                       "pool kernel %d is larger than its %lldx%lld input: use a smaller "
                       "one, or 0 for the whole plane",
                       a->kernel, (long long)x.dim[2], (long long)x.dim[3]);
    c->n_y = 1;
    c->n_w = 0;
    c->y[0].shape = (fn_shape)FN_NCHW(x.dim[0], x.dim[1], h, w);
    c->keep = FN_KEEP_X | FN_KEEP_Y;
    return FN_OK;
}

static int64_t clip(int64_t i, int64_t end)
{
    return i < 0 ? 0 : i > end ? end : i;
}

fn_pool_area fn_pool_window(const fn_call *c, int64_t i, int64_t j)
{
    const fn_pool *a = c->attr;
    int64_t h = c->x[0].shape.dim[2], w = c->x[0].shape.dim[3];
    if (!a->kernel)
        return (fn_pool_area){0, h, 0, w};
    int64_t pad = fn_window_pad(a->kernel, a->pad);
    int64_t row = i * a->stride - pad, column = j * a->stride - pad;
    return (fn_pool_area){clip(row, h), clip(row + a->kernel, h), clip(column, w),
                          clip(column + a->kernel, w)};
}

int64_t fn_pool_taps(const fn_call *c)
{
    const fn_pool *a = c->attr;
    return a->kernel ? (int64_t)a->kernel * a->kernel
                     : c->x[0].shape.dim[2] * c->x[0].shape.dim[3];
}

void fn_pool_each(const fn_call *c, void (*visit)(const fn_call *c, fn_pool_output o))
{
    fn_shape y = c->y[0].shape;
    for (int64_t k = 0; k < fn_numel(y); k++) {
        int64_t at = k / y.dim[1]; /* the place (n, i, j) */
        fn_pool_output o = {.n = at / (y.dim[2] * y.dim[3]), .c = k % y.dim[1], .y = k};
        o.area = fn_pool_window(c, at / y.dim[3] % y.dim[2], at % y.dim[3]);
        o.taps = (o.area.bottom - o.area.top) * (o.area.right - o.area.left);
        visit(c, o);
    }
}

int64_t fn_pool_tap(const fn_call *c, fn_pool_output o, int64_t t)
{
    int64_t width = o.area.right - o.area.left;
    return fn_ref_at(c->x[0].shape, o.n, o.c, o.area.top + t / width,
                     o.area.left + t % width);
}
