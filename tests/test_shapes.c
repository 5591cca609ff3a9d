/* test_shapes.c -- shapes and costs that ops infer, and what they refuse. */
#include "kernels/conv.h"
#include "kernels/fork.h"
#include "kernels/linear.h"
#include "kernels/lrn.h"
#include "kernels/maxout.h"
#include "kernels/pool.h"
#include "tests/test.h"

/* Inference on up to two inputs; x[1] of rank 0 is none. */
static fn_status infer(fn_call *c, const char *op, const void *attr, fn_shape a, fn_shape b)
{
    *c = (fn_call){.attr = attr, .n_x = b.rank ? 2 : 1};
    c->x[0].shape = a;
    c->x[1].shape = b;
    return fn_op_find(op)->infer(c);
}

static void check_shape(fn_shape s, int64_t n, int64_t c, int64_t h, int64_t w)
{
    CHECK_INT(s.dim[0], n);
    CHECK_INT(s.dim[1], c);
    CHECK_INT(s.dim[2], h);
    CHECK_INT(s.dim[3], w);
}

static const fn_shape none = {0}, image = FN_NCHW(2, 3, 224, 224), row = FN_NC(2, 30);

TEST(a_convolution_has_the_size_and_cost_of_the_paper)
{
    fn_conv a = {.out = 64, .kernel = 7, .stride = 2, .bias = 1};
    fn_call c;
    CHECK_OK(infer(&c, "conv", &a, image, none));
    check_shape(c.y[0].shape, 2, 64, 112, 112);
    check_shape(c.w[0].shape, 64, 3, 7, 7);
    check_shape(c.w[1].shape, 64, 1, 1, 1);
    CHECK_INT(c.n_w, 2);
    CHECK_INT(c.w[1].shape.rank, 1);
    CHECK_INT(fn_op_find("conv")->multiply_adds(&c), 2LL * 64 * 112 * 112 * (147 + 1));
    a.bias = 0;
    a.pad = FN_VALID;
    CHECK_OK(infer(&c, "conv", &a, image, none));
    check_shape(c.y[0].shape, 2, 64, 109, 109);
    CHECK_INT(c.n_w, 1);
    CHECK_INT(fn_op_find("conv")->multiply_adds(&c), 2LL * 64 * 109 * 109 * 147);
}

TEST(a_fully_connected_layer_takes_images_and_rows)
{
    fn_linear a = {.out = 10, .bias = 1};
    fn_call c;
    CHECK_OK(infer(&c, "linear", &a, (fn_shape)FN_NCHW(2, 5, 3, 4), none));
    check_shape(c.y[0].shape, 2, 10, 1, 1);
    check_shape(c.w[0].shape, 10, 5, 3, 4);
    CHECK_INT(c.y[0].shape.rank, 2);
    CHECK_INT(fn_op_find("linear")->multiply_adds(&c), 2 * 10 * (60 + 1));
    CHECK_OK(infer(&c, "linear", &a, row, none));
    check_shape(c.w[0].shape, 10, 30, 1, 1);
}

TEST(pools_pad_on_both_sides_and_kernel_0_is_the_plane)
{
    fn_pool a = {.kernel = 3, .stride = 2};
    fn_call c;
    CHECK_OK(infer(&c, "maxpool", &a, (fn_shape)FN_NCHW(1, 4, 112, 7), none));
    check_shape(c.y[0].shape, 1, 4, 56, 4);
    CHECK_OK(infer(&c, "maxpool", &(fn_pool){.kernel = 2, .stride = 1}, image, none));
    check_shape(c.y[0].shape, 2, 3, 225, 225);
    a.pad = FN_VALID;
    CHECK_OK(infer(&c, "l2pool", &a, (fn_shape)FN_NCHW(1, 4, 112, 7), none));
    check_shape(c.y[0].shape, 1, 4, 55, 3);
    a.kernel = 0;
    CHECK_OK(infer(&c, "avgpool", &a, (fn_shape)FN_NCHW(1, 4, 112, 7), none));
    check_shape(c.y[0].shape, 1, 4, 1, 1);
}

TEST(joins_splits_and_pieces)
{
    fn_call c;
    CHECK_OK(infer(&c, "concat", "", (fn_shape)FN_NCHW(2, 3, 4, 5),
                   (fn_shape)FN_NCHW(2, 6, 4, 5)));
    check_shape(c.y[0].shape, 2, 9, 4, 5);
    CHECK_OK(infer(&c, "fork", &(fn_fork){3}, row, none));
    CHECK_INT(c.n_y, 3);
    check_shape(c.y[2].shape, 2, 30, 1, 1);
    CHECK_OK(infer(&c, "maxout", &(fn_maxout){3}, row, none));
    check_shape(c.y[0].shape, 2, 10, 1, 1);
}

TEST(what_does_not_fit_is_refused_with_advice)
{
    const fn_shape small = FN_NCHW(1, 3, 4, 2), flat = FN_C(5);
    const fn_shape other = FN_NCHW(1, 3, 2, 2);
    const fn_conv k5 = {.out = 1, .kernel = 5, .stride = 1, .pad = FN_VALID};
    const fn_pool p5 = {.kernel = 5, .stride = 1, .pad = FN_VALID};
    const fn_lrn even = {.size = 4, .k = 1};
    const fn_linear o = {.out = 1};
    fn_call c;
    CHECK_FAILS(infer(&c, "conv", &k5, small, none), FN_ESHAPE, "5 is larger than its 4x2");
    CHECK_FAILS(infer(&c, "conv", &k5, row, none), FN_ESHAPE, "before the first");
    CHECK_FAILS(infer(&c, "maxpool", &p5, small, none), FN_ESHAPE, "0 for the whole plane");
    CHECK_FAILS(infer(&c, "avgpool", &p5, row, none), FN_ESHAPE, "got rank 2");
    CHECK_FAILS(infer(&c, "lrn", &even, small, none), FN_EINVAL, "use 5");
    CHECK_FAILS(infer(&c, "lrn", &even, row, none), FN_ESHAPE, "got rank 2");
    CHECK_FAILS(infer(&c, "linear", &o, flat, none), FN_ESHAPE, "got rank 1");
    CHECK_FAILS(infer(&c, "batchnorm", "", flat, none), FN_ESHAPE, "got rank 1");
    CHECK_FAILS(infer(&c, "l2norm", "", small, none), FN_ESHAPE, "got rank 4");
    CHECK_FAILS(infer(&c, "maxout", &(fn_maxout){2}, small, none), FN_ESHAPE, "rank 4");
    CHECK_FAILS(infer(&c, "maxout", &(fn_maxout){4}, row, none), FN_ESHAPE, "30 features");
    CHECK_FAILS(infer(&c, "concat", "", small, other), FN_ESHAPE, "branch 1 is 2x2");
    CHECK_FAILS(infer(&c, "concat", "", row, small), FN_ESHAPE, "branch 1 has rank 4");
    CHECK_FAILS(infer(&c, "fork", &(fn_fork){1}, row, none), FN_EUNSUPPORTED, "1 readers");
    CHECK_FAILS(infer(&c, "fork", &(fn_fork){FN_MAX_OUT + 1}, row, none), FN_EUNSUPPORTED,
                "9 readers");
}
