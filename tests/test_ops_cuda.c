/* test_ops_cuda.c -- every op on FN_CUDA, in every precision, against the reference: through
 * tests/emu/ in some orders of a block's threads, or linked to fn_gpu on a GPU. */
#include "kernels/bnjoin.h"
#include "kernels/bnpool.h"
#include "kernels/convs.h"
#include "kernels/fork.h"
#include "kernels/join.h"
#include "kernels/lrn.h"
#include "kernels/poolnorm.h"
#include "tests/emu/emu.h"
#include "tests/op_case.h"
#include "tests/test.h"

enum { SCHEDULES = 4 };

/* All values are plain there: nn/lower.c never makes one that moves them. */
static bool may_lack(const fn_op *op)
{
    return strcmp(op->name, "reorder") == 0;
}

TEST(every_op_has_a_kernel)
{
    for (const fn_op *const *op = fn_ops; *op; op++)
        if (!(*op)->kernel[FN_CUDA] && !may_lack(*op))
            FN_TEST_FAIL("%s lacks a kernel", (*op)->name);
}

static fn_precision precision;
static fn_gpu *gpu;

static void check_agreement(subject *s)
{
    if (!s->op->kernel[FN_CUDA])
        return;
    for (unsigned schedule = 0; schedule < SCHEDULES; schedule++) {
        fn_emu_schedule(schedule);
        try(s, (way){.backend = FN_CUDA, .precision = precision, .gpu = gpu});
    }
    fn_emu_schedule(0);
}

/* Inputs are the same numbers; a result in bf16 is off by 2^-9 of itself, and by a little more
 * where backward reads a y that was rounded. */
static double limit_of(fn_precision p)
{
    return p == FN_PRECISION_BF16 ? 1.0 / 128 : p == FN_PRECISION_TF32 ? 1.0 / 512 : 1e-5;
}

/* The host writes and reads what kernels read and write: memory that both see. */
static void *get_pinned(size_t bytes)
{
    void *p = NULL;
    CHECK_OK(fn_device_pin(gpu->device, &p, bytes));
    return p;
}

static void put_pinned(void *p)
{
    fn_device_unpin(gpu->device, p);
}

static void open_gpu(void)
{
    fn_emu_plug_in(true);
    MUST(fn_gpu_open(&gpu, 0));
    fn_fence_get = get_pinned;
    fn_fence_put = put_pinned;
}

static void close_gpu(void)
{
    fn_fence_get = fn_alloc_aligned;
    fn_fence_put = fn_free;
    fn_gpu_close(gpu);
    gpu = NULL;
}

static void each_sample_on_gpu(fn_precision p, bool training, void (*visit)(subject *s))
{
    open_gpu();
    allowed = limit_of(p);
    each_sample_in(p, training, visit);
    allowed = limit_of(FN_PRECISION_FP32);
    close_gpu();
}

static void agree_in(fn_precision p)
{
    precision = p;
    each_sample_on_gpu(p, true, check_agreement);
    each_sample_on_gpu(p, false, check_agreement);
}

TEST(fp32_agrees_with_the_reference)
{
    agree_in(FN_PRECISION_FP32);
}

TEST(bf16_agrees_with_the_reference)
{
    agree_in(FN_PRECISION_BF16);
}

/* cuDNN without its compiler: kernels' gradients are rounded. */
TEST(bf16_agrees_without_a_compiler)
{
    fn_emu_cudnn_compiles(false);
    agree_in(FN_PRECISION_BF16);
    fn_emu_cudnn_compiles(true);
}

TEST(tf32_agrees_with_the_reference)
{
    agree_in(FN_PRECISION_TF32);
}

static void check_unwanted(subject *s)
{
    int gradients = s->oracle.n_x + s->oracle.n_w;
    if (!s->op->kernel[FN_CUDA])
        return;
    for (int i = 0; i < unwanted_choices(gradients); i++)
        try(s, (way){.backend = FN_CUDA,
                     .unwanted = unwanted_choice(gradients, i),
                     .gpu = gpu});
}

TEST(a_gradient_without_a_place_is_not_wanted)
{
    each_sample_on_gpu(FN_PRECISION_FP32, true, check_unwanted);
}

static void check_inplace(subject *s)
{
    if (s->op->inplace && s->op->kernel[FN_CUDA])
        try(s, (way){.backend = FN_CUDA,
                     .inplace = true,
                     .precision = FN_PRECISION_BF16,
                     .gpu = gpu});
}

TEST(what_may_overwrite_its_input_does)
{
    each_sample_on_gpu(FN_PRECISION_BF16, true, check_inplace);
}

/* --- sizes that no sample has: more columns than a block, and some beyond the end; several
 * blocks a sum; windows of more taps than a byte counts --- */

static const fn_batchnorm norm = {.eps = 1e-3f, .relu = 1};
static const fn_lrn five = {.size = 5, .alpha = 2, .beta = 0.75f, .k = 1};
static const fn_lrn seven = {.size = 7, .alpha = 2, .beta = 0.6f, .k = 1};
static const fn_bnpool normed = {.norm = {.eps = 1e-3f, .relu = 1},
                                 .pool = {.kernel = 3, .stride = 2}};
static const fn_bnjoin wholly = {.norm = 3, .relu = 2, .ways = 2, .eps = 1e-3f};
static const fn_convs many = {.n = 3, .out = {8, 512, 24}, .bias = 1};
static const fn_join ends = {.bias = 2, .relu = 2, .ways = 2};
static const fn_poolnorm pool_norm = {
    .pool = {.kernel = 3, .stride = 2},
    .norm = {.size = 5, .alpha = 2, .beta = 0.75f, .k = 1},
    .bias = 1,
    .relu = 1};
static const fn_poolnorm norm_pool = {.pool = {.kernel = 3, .stride = 2},
                                      .norm = {.size = 5, .alpha = 2, .beta = 0.6f, .k = 1},
                                      .norm_first = 1,
                                      .bias = 1,
                                      .relu = 1};
static const fn_pool k3 = {.kernel = 3, .stride = 1}, plane = {.kernel = 0, .stride = 1};

static const struct {
    const char *op;
    fn_sample sample;
} larger[] = {
    {"batchnorm", {&norm, 1, {FN_NCHW(5, 8, 7, 9)}, FN_FILL_UNIFORM}},
    {"batchnorm", {&norm, 1, {FN_NCHW(2, 67, 2, 3)}, FN_FILL_UNIFORM}},
    {"batchnorm", {&norm, 1, {FN_NCHW(3, 520, 1, 2)}, FN_FILL_UNIFORM}},
    {"prelu", {"", 1, {FN_NCHW(5, 8, 7, 9)}, FN_FILL_UNIFORM}},
    {"prelu", {"", 1, {FN_NCHW(3, 520, 1, 2)}, FN_FILL_UNIFORM}},
    {"lrn", {&five, 1, {FN_NCHW(2, 520, 2, 2)}, FN_FILL_UNIFORM}},
    {"lrn", {&five, 1, {FN_NCHW(2, 67, 2, 2)}, FN_FILL_UNIFORM}},
    {"lrn", {&seven, 1, {FN_NCHW(2, 72, 2, 2)}, FN_FILL_UNIFORM}},
    {"concat", {"", 2, {FN_NCHW(2, 512, 1, 3), FN_NCHW(2, 8, 1, 3)}, FN_FILL_UNIFORM}},
    {"concat", {"", 2, {FN_NCHW(2, 64, 1, 3), FN_NCHW(2, 3, 1, 3)}, FN_FILL_UNIFORM}},
    {"bnjoin", {&wholly, 2, {FN_NCHW(2, 512, 1, 3), FN_NCHW(2, 8, 1, 3)}, FN_FILL_UNIFORM}},
    {"bnjoin", {&wholly, 2, {FN_NCHW(2, 64, 1, 3), FN_NCHW(2, 3, 1, 3)}, FN_FILL_UNIFORM}},
    {"bnjoin", {&wholly, 2, {FN_NCHW(2, 8, 9, 9), FN_NCHW(2, 16, 9, 9)}, FN_FILL_UNIFORM}},
    {"bnpool", {&normed, 1, {FN_NCHW(2, 8, 31, 5)}, FN_FILL_UNIFORM}},
    {"bnpool", {&normed, 1, {FN_NCHW(2, 520, 3, 4)}, FN_FILL_UNIFORM}},
    {"convs", {&many, 1, {FN_NCHW(1, 8, 9, 9)}, FN_FILL_UNIFORM}},
    {"fork", {&(const fn_fork){2}, 1, {FN_NCHW(2, 67, 5, 7)}, FN_FILL_UNIFORM}},
    {"join", {&ends, 2, {FN_NCHW(2, 512, 1, 3), FN_NCHW(2, 8, 1, 3)}, FN_FILL_UNIFORM}},
    {"join", {&ends, 2, {FN_NCHW(2, 64, 1, 3), FN_NCHW(2, 3, 1, 3)}, FN_FILL_UNIFORM}},
    {"join", {&ends, 2, {FN_NCHW(2, 8, 9, 9), FN_NCHW(2, 16, 9, 9)}, FN_FILL_UNIFORM}},
    {"avgpool", {&k3, 1, {FN_NCHW(2, 520, 3, 2)}, FN_FILL_UNIFORM}},
    {"l2pool", {&k3, 1, {FN_NCHW(2, 67, 3, 2)}, FN_FILL_UNIFORM}},
    {"l2pool", {&k3, 1, {FN_NCHW(2, 8, 16, 5)}, FN_FILL_UNIFORM}},
    {"maxpool", {&k3, 1, {FN_NCHW(2, 520, 3, 2)}, FN_FILL_TIES}},
    {"maxpool", {&plane, 1, {FN_NCHW(1, 8, 16, 16)}, FN_FILL_UNIFORM}},
    {"maxpool", {&plane, 1, {FN_NCHW(2, 8, 16, 17)}, FN_FILL_UNIFORM}},
    {"maxpool", {&plane, 1, {FN_NCHW(1, 3, 19, 16)}, FN_FILL_UNIFORM}},
    {"poolnorm", {&pool_norm, 1, {FN_NCHW(2, 8, 31, 5)}, FN_FILL_UNIFORM}},
    {"poolnorm", {&pool_norm, 1, {FN_NCHW(2, 520, 3, 4)}, FN_FILL_UNIFORM}},
    {"poolnorm", {&norm_pool, 1, {FN_NCHW(2, 8, 31, 5)}, FN_FILL_UNIFORM}},
    {"poolnorm", {&norm_pool, 1, {FN_NCHW(2, 520, 3, 4)}, FN_FILL_UNIFORM}},
    {"relu", {"", 1, {FN_NCHW(2, 19, 7, 9)}, FN_FILL_UNIFORM}},
    {"softmax", {"", 1, {FN_NC(21, 70)}, FN_FILL_UNIFORM}},
    {"l2norm", {"", 1, {FN_NC(21, 70)}, FN_FILL_UNIFORM}},
};

/* x moved by `shift`, and rounded as it is stored. */
static void move(fn_tensor x, double shift)
{
    for (int64_t i = 0; i < fn_numel(x.shape); i++)
        fn_f64(x)[i] = (double)(float)(fn_f64(x)[i] + shift);
}

static void ask(const char *op, const fn_sample *sample, double shift, fn_precision p)
{
    subject s = {.op = fn_op_find(op), .sample = sample, .number = -1};
    precision = p;
    open_gpu();
    CHECK_OK(open_oracle(&s, true));
    move(s.oracle.x[0], shift);
    round_inputs(&s.oracle, p);
    CHECK_OK(ask_oracle(&s));
    allowed = limit_of(p);
    check_agreement(&s);
    allowed = limit_of(FN_PRECISION_FP32);
    fn_fence_close(0);
    close_gpu();
}

TEST(larger_sizes_agree_with_the_reference)
{
    for (size_t i = 0; i < sizeof larger / sizeof *larger; i++) {
        ask(larger[i].op, &larger[i].sample, 0, FN_PRECISION_FP32);
        ask(larger[i].op, &larger[i].sample, 0, FN_PRECISION_BF16);
    }
}

/* A variance as the difference of two sums of squares would have four digits here. */
TEST(a_variance_is_exact_far_from_zero)
{
    ask("batchnorm", &larger[0].sample, 50, FN_PRECISION_FP32);
}
