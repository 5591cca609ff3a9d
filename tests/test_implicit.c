/* test_implicit.c -- kernels/implicit.h where it cuts its work: bands of lines, tiles of pixels,
 * panels of channels; with the tiles of every processor that this one is. */
#include "core/mem.h"
#include "kernels/convs.h"
#include "kernels/implicit_call.h"
#include "kernels/implicit_tiles.h"
#include "tests/op_case.h"

/* Both passes have two bands and more. */
static const fn_conv stem = {.out = 24, .kernel = 7, .stride = 2, .bias = 1, .relu = 1};
static const fn_conv half = {.out = 16, .kernel = 3, .stride = 2, .relu = 1};
static const fn_conv five = {.out = 24, .kernel = 5, .stride = 1, .bias = 1};
static const fn_conv one = {.out = 88, .kernel = 1, .stride = 1, .bias = 1, .relu = 1};
static const fn_conv third = {
    .out = 7, .kernel = 2, .stride = 3, .pad = FN_VALID, .bias = 1};
static const fn_sample of_conv[] = {
    {&stem, 1, {FN_NCHW(1, 3, 131, 117)}, FN_FILL_UNIFORM},
    {&half, 1, {FN_NCHW(1, 128, 40, 37)}, FN_FILL_UNIFORM},
    {&five, 1, {FN_NCHW(1, 128, 33, 31)}, FN_FILL_UNIFORM},
    {&one, 1, {FN_NCHW(3, 72, 29, 25)}, FN_FILL_UNIFORM},
    {&one, 1, {FN_NCHW(2, 1024, 9, 7)}, FN_FILL_UNIFORM}, /* rows of one set of a cache */
    {&third, 1, {FN_NCHW(2, 5, 11, 8)}, FN_FILL_UNIFORM},
    {&half, 1, {FN_NCHW(2, 16, 1, 1)}, FN_FILL_UNIFORM}, /* a phase without a pixel */
    {0},
};
static const fn_convs three = {.n = 3, .out = {24, 40, 16}, .bias = 1, .relu = 1};
static const fn_sample of_convs[] = {
    {&three, 1, {FN_NCHW(3, 64, 27, 25)}, FN_FILL_UNIFORM},
    {0},
};

static const fn_tiles *tiles;

static fn_status prepare(fn_call *c)
{
    const fn_convs *a = c->attr;
    const fn_conv each = {.kernel = 1, .stride = 1, .relu = a->relu};
    fn_implicit_state *s = fn_alloc(1, sizeof *s);
    CHECK(s);
    c->state = s;
    return fn_implicit_call_prepare(c, s, c->n_y > 1 ? &each : c->attr, tiles);
}

static fn_status load(fn_call *c)
{
    return fn_implicit_call_load(c, c->state);
}

static fn_status run_forward(const fn_call *c)
{
    fn_implicit_call_forward(c, c->state);
    return FN_OK;
}

static fn_status run_backward(const fn_call *c)
{
    fn_implicit_call_backward(c, c->state);
    return FN_OK;
}

static void release(fn_call *c)
{
    fn_implicit_call_release(c->state);
    fn_free(c->state);
}

static const fn_kernel kernel = {.prepare = prepare,
                                 .load = load,
                                 .forward = run_forward,
                                 .backward = run_backward,
                                 .release = release};

static void check(const char *name, const fn_sample *sample)
{
    fn_op op = *fn_op_find(name);
    op.kernel[FN_CPU] = &kernel;
    for (int i = 0; sample[i].attr; i++) {
        subject s = {.op = &op, .sample = &sample[i], .number = i};
        CHECK_OK(open_oracle(&s, true));
        CHECK_OK(ask_oracle(&s));
        try(&s, (way){.backend = FN_CPU});
        try(&s, (way){.backend = FN_CPU, .unwanted = 1});
        try(&s, (way){.backend = FN_CPU, .unwanted = 6});
        try(&s, (way){.backend = FN_CPU, .prepare_threads = 3, .run_threads = 3});
        try(&s, (way){.backend = FN_CPU, .prepare_threads = 3, .run_threads = 2});
        fn_fence_close(0);
    }
}

TEST(every_pass_is_the_definition_however_it_is_cut)
{
    static const fn_tiles *const all[] = {&fn_tiles_any, &fn_tiles_avx2, &fn_tiles_avx512};
    for (int i = 0; i < 3; i++) {
        tiles = all[i];
        check("conv", of_conv);
        check("convs", of_convs);
        if (tiles == fn_tiles_best())
            break; /* the processor has no more */
    }
    printf("# tiles of up to %d floats\n", tiles->lanes);
}

static void run_with(float *y, const fn_call *of, int threads)
{
    fn_call c = *of;
    fn_threads_set(threads);
    CHECK_OK(prepare(&c));
    CHECK_OK(load(&c));
    void *scratch = fn_alloc_aligned(c.workspace_bytes + 1);
    c.workspace = scratch;
    c.y[0].data = y;
    CHECK_OK(run_forward(&c));
    release(&c);
    fn_free(scratch);
    fn_threads_set(0);
}

/* Of an image alone, and of the same in a batch. */
TEST(bits_depend_on_neither_batch_nor_threads)
{
    tiles = fn_tiles_best();
    for (int i = 0; of_conv[i].attr; i++) {
        fn_call c = {.attr = of_conv[i].attr, .n_x = 1};
        c.x[0].shape = of_conv[i].x[0];
        c.x[0].shape.dim[0] = 4;
        CHECK_OK(fn_op_find("conv")->infer(&c));
        int64_t x = fn_numel(c.x[0].shape), w = fn_numel(c.w[0].shape);
        int64_t y = fn_numel(c.y[0].shape), b = c.y[0].shape.dim[1];
        float *n = fn_alloc((size_t)(x + w + b + 3 * y), sizeof *n), *of = n + x + w + b;
        fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
        CHECK(n);
        for (int64_t k = 0; k < x + w + b; k++)
            n[k] = (float)fn_rng_range(&r, -1, 1);
        c.x[0].data = n;
        c.w[0].data = n + x;
        c.w[1].data = n + x + w;
        run_with(of, &c, 1);
        run_with(of + y, &c, 3);
        CHECK(memcmp(of, of + y, (size_t)y * sizeof *of) == 0);
        c.x[0].data = n + x / 4 * 2;
        c.x[0].shape.dim[0] = c.y[0].shape.dim[0] = 1;
        run_with(of + 2 * y, &c, 2);
        CHECK(memcmp(of + y / 4 * 2, of + 2 * y, (size_t)(y / 4) * sizeof *of) == 0);
        fn_free(n);
    }
}
