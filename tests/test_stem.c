/* test_stem.c -- a convolution over blocks of pixels is the convolution that the net asks for:
 * values and both gradients, by the definition in double. */
#include "core/mem.h"
#include "kernels/conv.h"
#include "kernels/stem.h"
#include "tests/nets.h"
#include "tests/test.h"

enum { N = 2, O = 5 };

/* One conv by its definition; tensors of doubles, released by `forget`. */
static fn_call conv_call(const fn_conv *a, int64_t c, int64_t h, int64_t w)
{
    fn_call call = {.attr = a, .training = true, .n_x = 1};
    call.x[0].shape = (fn_shape)FN_NCHW(N, c, h, w);
    CHECK_OK(fn_op_find("conv")->infer(&call));
    call.dx[0].shape = call.x[0].shape;
    call.dw[0].shape = call.w[0].shape;
    call.dy[0].shape = call.y[0].shape;
    fn_tensor *all[] = {call.x, call.w, call.y, call.dx, call.dw, call.dy};
    for (int i = 0; i < 6; i++)
        all[i]->data = fn_alloc((size_t)fn_numel(all[i]->shape), sizeof(double));
    return call;
}

static void forget(fn_call *c)
{
    fn_tensor *all[] = {c->x, c->w, c->y, c->dx, c->dw, c->dy};
    for (int i = 0; i < 6; i++)
        fn_free(all[i]->data);
}

static void fill(fn_tensor t, uint32_t index)
{
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 2, index);
    for (int64_t i = 0; i < fn_numel(t.shape); i++)
        fn_f64(t)[i] = fn_rng_range(&r, -1, 1);
}

static void run(fn_call *c)
{
    CHECK_OK(fn_op_find("conv")->kernel[FN_REF]->forward(c));
    CHECK_OK(fn_op_find("conv")->kernel[FN_REF]->backward(c));
}

/* Element of the [O, block, taps, taps] that `ref` wants, where w' has [O, taps, taps, block]. */
static int64_t plain(const fn_stem *s, int64_t at)
{
    int64_t c = at % s->block, tap = at / s->block % (s->taps * s->taps);
    int64_t o = at / s->block / s->taps / s->taps;
    return (o * s->block + c) * s->taps * s->taps + tap;
}

static void to_blocks(fn_call *to, const fn_call *from, const fn_stem *s)
{
    for (int64_t i = 0; i < fn_numel(to->x[0].shape); i++) {
        int64_t at = fn_stem_pixel(s, i);
        fn_f64(to->x[0])[i] = at < 0 ? 0 : fn_f64(from->x[0])[at];
    }
    for (int64_t i = 0; i < fn_numel(to->w[0].shape); i++) {
        int64_t at = fn_stem_weight(s, i);
        fn_f64(to->w[0])[plain(s, i)] = at < 0 ? 0 : fn_f64(from->w[0])[at];
    }
}

static double furthest(const fn_call *block, const fn_call *want, const fn_stem *s)
{
    double most = 0;
    for (int64_t i = 0; i < fn_numel(want->y[0].shape); i++)
        most = fmax(most, fabs(fn_f64(block->y[0])[i] - fn_f64(want->y[0])[i]));
    for (int64_t i = 0; i < fn_numel(want->dw[0].shape); i++) {
        double got = fn_f64(block->dw[0])[plain(s, fn_stem_tap(s, i))];
        most = fmax(most, fabs(got - fn_f64(want->dw[0])[i]));
    }
    for (int64_t i = 0; i < fn_numel(block->x[0].shape); i++) {
        int64_t at = fn_stem_pixel(s, i);
        if (at >= 0)
            most = fmax(most, fabs(fn_f64(block->dx[0])[i] - fn_f64(want->dx[0])[at]));
    }
    return most;
}

static void check(const fn_conv *a, int64_t c, int64_t h, int64_t w)
{
    fn_stem s = fn_stem_of(h, w, c, a->kernel, a->stride, fn_window_pad(a->kernel, a->pad));
    fn_conv over = {.out = a->out, .kernel = (int)s.taps, .stride = 1, .pad = FN_VALID};
    fn_call want = conv_call(a, c, h, w);
    fn_call block = conv_call(&over, s.block, s.rows, s.columns);
    fill(want.x[0], 1);
    fill(want.w[0], 2);
    fill(want.dy[0], 3);
    CHECK_INT(block.y[0].shape.dim[2], want.y[0].shape.dim[2]);
    CHECK_INT(block.y[0].shape.dim[3], want.y[0].shape.dim[3]);
    CHECK_INT(s.out_height, want.y[0].shape.dim[2]);
    CHECK_INT(s.out_width, want.y[0].shape.dim[3]);
    to_blocks(&block, &want, &s);
    memcpy(block.dy[0].data, want.dy[0].data,
           (size_t)fn_numel(want.dy[0].shape) * sizeof(double));
    run(&want);
    run(&block);
    CHECK_NEAR(furthest(&block, &want, &s), 0, 1e-12);
    forget(&want);
    forget(&block);
}

TEST(the_nets_stem)
{
    check(&(fn_conv){.out = O, .kernel = 7, .stride = 2}, 3, 16, 16);
    check(&(fn_conv){.out = O, .kernel = 7, .stride = 2}, 3, 15, 12);
}

TEST(other_kernels_strides_and_paddings)
{
    check(&(fn_conv){.out = O, .kernel = 3, .stride = 1}, 3, 6, 7);
    check(&(fn_conv){.out = O, .kernel = 3, .stride = 2, .pad = FN_VALID}, 3, 9, 8);
    check(&(fn_conv){.out = O, .kernel = 5, .stride = 2}, 1, 9, 8);
    check(&(fn_conv){.out = O, .kernel = 4, .stride = 4, .pad = FN_VALID}, 3, 12, 9);
    check(&(fn_conv){.out = O, .kernel = 11, .stride = 3}, 2, 14, 11);
    check(&(fn_conv){.out = O, .kernel = 1, .stride = 2}, 3, 7, 7);
}

/* Every weight has its place in w', and no other weight is there. */
TEST(weights_go_there_and_back)
{
    fn_stem s = fn_stem_of(224, 224, 3, 7, 2, 3);
    int64_t used = 0;
    for (int64_t i = 0; i < O * 3 * 7 * 7; i++)
        CHECK_INT(fn_stem_weight(&s, fn_stem_tap(&s, i)), i);
    for (int64_t i = 0; i < O * s.taps * s.taps * s.block; i++)
        used += fn_stem_weight(&s, i) >= 0;
    CHECK_INT(used, O * 3 * 7 * 7);
}

TEST(nn2s_form)
{
    fn_stem s = fn_stem_of(224, 224, 3, 7, 2, 3);
    CHECK_INT(s.rows, 115);
    CHECK_INT(s.columns, 115);
    CHECK_INT(s.block, 16);
    CHECK_INT(s.taps, 4);
    CHECK_INT(s.out_height, 112);
}
