/* test_plan_cuda.c -- a whole network on the device, fused and node by node, against the oracle
 * in double on the CPU. Linked to tests/emu/, or to fn_gpu on a GPU. */
#include "core/mem.h"
#include "kernels/gpu.h"
#include "kernels/stem.h"
#include "nn/plan.h"
#include "tests/emu/emu.h"
#include "tests/net_run.h"
#include "tests/test.h"

/* The same network on the device, and how far it may be from the oracle. */
static void check_run(const run *ref, const char *text, bool training, fn_plan_options o,
                      double out_limit, double grad_limit)
{
    run r;
    fn_gpu *gpu = NULL;
    fn_emu_plug_in(true);
    MUST(fn_gpu_open(&gpu, 0));
    o.backend = FN_CUDA;
    o.gpu = gpu;
    run_net(&r, text, training, o);
    double out = worst(r.out, ref->out, BATCH * DIM);
    double grad = training ? worst(r.grad, ref->grad, ref->count) : 0;
    if (!(out < out_limit && grad < grad_limit))
        FN_TEST_FAIL("%s, precision %d, %s: embeddings off by %.3g, gradients by %.3g",
                     training ? "training" : "inference", (int)o.precision,
                     o.no_fuse ? "not fused" : "fused", out, grad);
    fn_free(r.grad);
    fn_gpu_close(gpu);
}

static void check_net(const char *text, bool training)
{
    run ref;
    run_net(&ref, text, training, (fn_plan_options){.backend = FN_REF});
    for (int no_fuse = 0; no_fuse < 2; no_fuse++) {
        check_run(&ref, text, training, (fn_plan_options){.no_fuse = no_fuse}, 2e-5, 2e-4);
        check_run(&ref, text, training,
                  (fn_plan_options){.no_fuse = no_fuse, .precision = FN_PRECISION_BF16},
                  0.03, 0.1);
    }
    fn_free(ref.grad);
}

/* A pool before its lrn, and one behind, as in the stem of the paper's networks. */
static const char stem[] = "name: stem\n"
                           "input: 19x17x3\n"
                           "each: {act: relu}\n"
                           "layers:\n"
                           "  - conv: {name: one, out: 16, kernel: 3}\n"
                           "  - maxpool: {kernel: 3, stride: 2}\n"
                           "  - lrn: {alpha: 1}\n"
                           "  - conv: {name: two, out: 24, kernel: 3}\n"
                           "  - lrn: {alpha: 1}\n"
                           "  - maxpool: {kernel: 3, stride: 2}\n"
                           "heads: {e: [fc: {name: e, out: 8, act: none}, l2norm]}\n";

TEST(the_stem_agrees_with_the_oracle)
{
    check_net(stem, false);
    check_net(stem, true);
}

TEST(inference_agrees_with_the_oracle)
{
    check_net(FN_TEST_NET("none"), false);
    check_net(FN_TEST_NET("batch"), false);
}

TEST(training_agrees_with_the_oracle)
{
    check_net(FN_TEST_NET("none"), true);
    check_net(FN_TEST_NET("batch"), true);
}

/* --- in steps --- */

typedef struct two {
    fn_gpu *gpu;
    fn_graph *graph[2];
    fn_params *params;
    fn_plan *plan[2]; /* of BATCH faces, and of one less beside it */
} two;

static void open_two(two *t, const char *text)
{
    fn_params *same;
    fn_emu_plug_in(true);
    MUST(fn_gpu_open(&t->gpu, 0));
    CHECK_OK(fn_test_net(&t->graph[0], &t->params, text, BATCH, true));
    CHECK_OK(fn_test_net(&t->graph[1], &same, text, BATCH - 1, true));
    fn_params_close(same);
    fn_plan_options o = {.backend = FN_CUDA, .gpu = t->gpu};
    CHECK_OK(fn_plan_open(&t->plan[0], t->graph[0], t->params, o));
    o.beside = t->plan[0];
    CHECK_OK(fn_plan_open(&t->plan[1], t->graph[1], t->params, o));
    CHECK_OK(fn_plan_load(t->plan[0]));
    CHECK_OK(fn_plan_refresh(t->plan[1]));
}

static void close_two(two *t)
{
    for (int i = 0; i < 2; i++) {
        fn_plan_close(t->plan[i]);
        fn_graph_close(t->graph[i]);
    }
    fn_params_close(t->params);
    fn_gpu_close(t->gpu);
}

static void put(two *t, void *to, const float *from, int64_t n)
{
    CHECK_OK(fn_device_upload(t->gpu->device, to, from, (size_t)n * sizeof *from));
}

static void check_same(two *t, const void *at, const float *want, int64_t n)
{
    float *got = fn_alloc((size_t)n, sizeof *got);
    CHECK_OK(fn_device_download(t->gpu->device, got, at, (size_t)n * sizeof *got));
    CHECK_OK(fn_device_wait(t->gpu->device));
    CHECK(memcmp(got, want, (size_t)n * sizeof *got) == 0);
    fn_free(got);
}

/* Forward and backward of n images, whole and in steps: the same bits. */
static void check_steps(two *t, fn_plan *plan, int n)
{
    float x[BATCH * IMAGE], d[BATCH * DIM], out[BATCH * DIM];
    fn_plan_place at = fn_plan_place_of(plan);
    fn_test_fill(x, BATCH * IMAGE, 1);
    fn_test_fill(d, BATCH * DIM, 2);
    CHECK_OK(fn_plan_forward(plan, x));
    memcpy(out, fn_plan_output(plan, 0), sizeof(float) * DIM * (size_t)n);
    CHECK_OK(fn_plan_backward(plan, d));
    CHECK_OK(fn_device_zero(t->gpu->device, at.grad, sizeof(float)));
    put(t, at.images, x, n * IMAGE);
    CHECK_OK(fn_plan_run(plan));
    check_same(t, at.output, out, n * DIM);
    put(t, at.d_output, d, n * DIM);
    CHECK_OK(fn_plan_back(plan));
    check_same(t, at.grad, t->params->grad, t->params->count);
}

TEST(a_step_whose_numbers_stay_on_the_device)
{
    two t;
    open_two(&t, FN_TEST_NET("batch"));
    fn_plan_place a = fn_plan_place_of(t.plan[0]), b = fn_plan_place_of(t.plan[1]);
    CHECK(a.weight == b.weight && a.grad == b.grad && a.images != b.images);
    check_steps(&t, t.plan[0], BATCH);
    check_steps(&t, t.plan[1], BATCH - 1);
    close_two(&t);
}

TEST(weights_that_changed_on_the_device_are_used_once_refreshed)
{
    two t;
    float x[BATCH * IMAGE], before[DIM], after[DIM];
    open_two(&t, FN_TEST_NET("none"));
    fn_test_fill(x, BATCH * IMAGE, 1);
    CHECK_OK(fn_plan_forward(t.plan[1], x));
    memcpy(before, fn_plan_output(t.plan[1], 0), sizeof before);
    for (int64_t i = 0; i < t.params->count; i++)
        t.params->value[i] *= 0.5f + (float)(i % 3) / 4;
    put(&t, fn_plan_place_of(t.plan[0]).weight, t.params->value, t.params->count);
    CHECK_OK(fn_plan_refresh(t.plan[1]));
    CHECK_OK(fn_plan_forward(t.plan[1], x));
    memcpy(after, fn_plan_output(t.plan[1], 0), sizeof after);
    CHECK(memcmp(before, after, sizeof after) != 0);
    CHECK_OK(fn_plan_load(t.plan[1]));
    CHECK_OK(fn_plan_forward(t.plan[1], x));
    CHECK(memcmp(after, fn_plan_output(t.plan[1], 0), sizeof after) == 0);
    close_two(&t);
}

/* --- fed --- */

static void put_squares(two *t, void *to, const fn_stem *s, const float *x)
{
    int64_t count = BATCH * s->rows * s->columns * s->block;
    float *squares = fn_alloc((size_t)count, sizeof *squares);
    for (int64_t i = 0; i < count; i++) {
        int64_t from = fn_stem_pixel(s, i);
        squares[i] = from < 0 ? 0 : x[from];
    }
    put(t, to, squares, count);
    CHECK_OK(fn_device_wait(t->gpu->device));
    fn_free(squares);
}

static void open_fed(fn_plan **fed, const two *t)
{
    CHECK_OK(fn_plan_open(
        fed, t->graph[0], t->params,
        (fn_plan_options){
            .backend = FN_CUDA, .gpu = t->gpu, .beside = t->plan[0], .fed = true}));
    CHECK_OK(fn_plan_refresh(*fed));
}

TEST(images_as_the_first_convolution_wants_them_give_the_same_bits)
{
    two t;
    fn_plan *fed;
    float x[BATCH * IMAGE], d[BATCH * DIM];
    open_two(&t, FN_TEST_NET("none"));
    open_fed(&fed, &t);
    fn_plan_place at = fn_plan_place_of(fed);
    CHECK(at.squares && at.images && fn_plan_size_of(fed).images == 0);
    CHECK_FAILS(fn_plan_bring(fed, x), FN_EINTERNAL, "a plan that is fed");
    fn_test_fill(x, BATCH * IMAGE, 1);
    fn_test_fill(d, BATCH * DIM, 2);
    CHECK_OK(fn_plan_forward(t.plan[0], x));
    CHECK_OK(fn_plan_backward(t.plan[0], d));
    CHECK_OK(fn_device_zero(t.gpu->device, at.grad, sizeof(float)));
    put_squares(&t, at.images, at.squares, x);
    CHECK_OK(fn_plan_run(fed));
    check_same(&t, at.output, fn_plan_output(t.plan[0], 0), BATCH * DIM);
    put(&t, at.d_output, d, BATCH * DIM);
    CHECK_OK(fn_plan_back(fed));
    check_same(&t, at.grad, t.params->grad, t.params->count);
    fn_plan_close(fed);
    close_two(&t);
}

/* Of stride 1 there are none that anybody makes. */
TEST(a_plan_that_is_fed_may_read_plain_images)
{
    two t;
    fn_plan *fed;
    open_two(&t, stem);
    open_fed(&fed, &t);
    fn_plan_place at = fn_plan_place_of(fed);
    CHECK(!at.squares && at.images && fn_plan_size_of(fed).images > 0);
    fn_plan_close(fed);
    close_two(&t);
}

/* Twice as many as pass at once, and a few: whole numbers that 8 bits of mantissa hold. */
TEST(numbers_that_pass_in_pieces_arrive_in_their_order)
{
    enum { COUNT = 2 * FN_GPU_FLOATS + 5 };
    fn_gpu *gpu = NULL;
    void *there = NULL;
    float *out = fn_alloc(COUNT, sizeof *out), *back = fn_alloc(COUNT, sizeof *back);
    for (int i = 0; i < COUNT; i++)
        out[i] = (float)(i % 251);
    fn_emu_plug_in(true);
    MUST(fn_gpu_open(&gpu, 0));
    CHECK_OK(fn_gpu_alloc(gpu, &there, COUNT * fn_type_bytes(FN_BF16)));
    CHECK_OK(fn_gpu_bring(gpu, there, FN_BF16, out, COUNT));
    CHECK_OK(fn_gpu_fetch(gpu, back, there, FN_BF16, COUNT));
    CHECK(memcmp(back, out, COUNT * sizeof *out) == 0);
    fn_gpu_free(gpu, there);
    fn_gpu_close(gpu);
    fn_free(out);
    fn_free(back);
}
