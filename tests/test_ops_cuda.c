/* test_ops_cuda.c -- every op on FN_CUDA, in every precision, against the reference: through
 * tests/emu/ in some orders of a block's threads, or linked to fn_gpu on a GPU. */
#include "kernels/op.h"
#include "tests/emu/emu.h"
#include "tests/op_case.h"
#include "tests/test.h"

enum { SCHEDULES = 4 };

/* Without a kernel on FN_CUDA, and why. */
static const char *const lacking[] = {
    "conv",    /* cuDNN's, not written yet */
    "linear",  /* cuBLAS's, not written yet */
    "reorder", /* all values are plain there: nn/lower.c never makes one */
};

static bool is_lacking(const fn_op *op)
{
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++)
        if (strcmp(lacking[i], op->name) == 0)
            return true;
    return false;
}

TEST(every_op_has_a_kernel)
{
    for (const fn_op *const *op = fn_ops; *op; op++)
        if (!(*op)->kernel[FN_CUDA] != is_lacking(*op))
            FN_TEST_FAIL("%s %s a kernel", (*op)->name,
                         is_lacking(*op) ? "is said to lack, but has" : "lacks");
}

static fn_precision precision;

static void check_agreement(subject *s)
{
    if (!s->op->kernel[FN_CUDA])
        return;
    for (unsigned schedule = 0; schedule < SCHEDULES; schedule++) {
        fn_emu_schedule(schedule);
        try(s, (way){.backend = FN_CUDA, .precision = precision});
    }
    fn_emu_schedule(0);
}

/* Inputs are the same numbers; a result in bf16 is off by 2^-9 of itself, and by a little more
 * where backward reads a y that was rounded. */
static void agree_in(fn_precision p)
{
    precision = p;
    allowed = p == FN_PRECISION_BF16 ? 1.0 / 128 : p == FN_PRECISION_TF32 ? 1.0 / 512 : 1e-5;
    each_sample_in(p, true, check_agreement);
    each_sample_in(p, false, check_agreement);
    allowed = 1e-5;
}

TEST(fp32_agrees_with_the_reference)
{
    agree_in(FN_PRECISION_FP32);
}

TEST(bf16_agrees_with_the_reference)
{
    agree_in(FN_PRECISION_BF16);
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
    for (unsigned unwanted = 1; unwanted < 1u << gradients; unwanted++)
        try(s, (way){.backend = FN_CUDA, .unwanted = unwanted});
}

TEST(a_gradient_without_a_place_is_not_wanted)
{
    each_sample_in(FN_PRECISION_FP32, true, check_unwanted);
}

static void check_inplace(subject *s)
{
    if (s->op->inplace && s->op->kernel[FN_CUDA])
        try(s, (way){.backend = FN_CUDA, .inplace = true, .precision = FN_PRECISION_BF16});
}

TEST(what_may_overwrite_its_input_does)
{
    allowed = 1.0 / 128;
    each_sample_in(FN_PRECISION_BF16, true, check_inplace);
    allowed = 1e-5;
}
