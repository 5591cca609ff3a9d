/* test_format.c -- blocked formats: sizes, and every conversion between any two. */
#include "core/rng.h"
#include "kernels/bf16.h"
#include "kernels/format.h"
#include "kernels/threads.h"
#include "tests/fence.h"
#include "tests/test.h"

#include <math.h>

TEST(sizes_and_names)
{
    fn_shape s = FN_NCHW(2, 19, 3, 5), rows = FN_NC(4, 19);
    CHECK_INT(fn_format_block(FN_PLAIN), 1);
    CHECK_INT(fn_format_block(FN_BLOCK8), 8);
    CHECK_INT(fn_format_block(FN_BLOCK16), 16);
    CHECK_TEXT(fn_format_name(FN_PLAIN), "nhwc");
    CHECK_TEXT(fn_format_name(FN_BLOCK8), "nChw8c");
    CHECK_TEXT(fn_format_name(FN_BLOCK16), "nChw16c");
    CHECK_INT(fn_format_numel(s, FN_PLAIN), 2 * 19 * 15);
    CHECK_INT(fn_format_numel(s, FN_BLOCK8), 2 * 24 * 15);
    CHECK_INT(fn_format_numel(s, FN_BLOCK16), 2 * 32 * 15);
    CHECK_INT(fn_format_numel(rows, FN_BLOCK16), 4 * 19); /* rows are always plain */
}

/* N, C/b, H, W, b, written as it is said. */
static int64_t place(fn_shape s, fn_format f, const int64_t at[4])
{
    int64_t b = f == FN_BLOCK16 ? 16 : f == FN_BLOCK8 ? 8 : s.dim[1];
    int64_t blocks = (s.dim[1] + b - 1) / b;
    int64_t outer = at[0] * blocks + at[1] / b;
    return ((outer * s.dim[2] + at[2]) * s.dim[3] + at[3]) * b + at[1] % b;
}

/* The elements of a tensor of the shape `s` whose number of channels is rounded up. */
static void element(int64_t at[4], fn_shape s, int64_t channels, int64_t i)
{
    at[1] = i % channels;
    at[3] = i / channels % s.dim[3];
    at[2] = i / channels / s.dim[3] % s.dim[2];
    at[0] = i / channels / s.dim[3] / s.dim[2];
}

/* What arrives, as bf16 if either side is. */
static float through(float x, fn_tensor to, fn_tensor from)
{
    bool low = to.type == FN_BF16 || from.type == FN_BF16;
    return low ? fn_bf16_float(fn_bf16_of(x)) : x;
}

/* What is padding in x stays NaN. */
static void fill(fn_tensor x)
{
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    int64_t at[4];
    for (int64_t i = 0; i < fn_numel(x.shape); i++) {
        element(at, x.shape, x.shape.dim[1], i);
        fn_store_any(x.data, x.type, place(x.shape, x.format, at),
                     (float)fn_rng_range(&r, 1, 2));
    }
}

static int64_t count_wrong(fn_tensor y, fn_tensor x)
{
    int64_t stored = fn_format_numel(y.shape, y.format), wrong = 0, at[4];
    int64_t channels = y.shape.dim[1] * stored / fn_numel(y.shape);
    for (int64_t i = 0; i < stored; i++) {
        element(at, y.shape, channels, i);
        int64_t k = place(x.shape, x.format, at);
        bool padding = at[1] >= y.shape.dim[1];
        if (padding && y.format == x.format)
            continue; /* copied as it is */
        float want = padding ? 0 : through(fn_load_any(x.data, x.type, k), y, x);
        wrong += fn_load_any(y.data, y.type, place(y.shape, y.format, at)) != want;
    }
    return wrong;
}

static size_t bytes_of(fn_tensor t)
{
    return (size_t)fn_format_numel(t.shape, t.format) * fn_type_bytes(t.type);
}

static void check_pair(fn_tensor y, fn_tensor x)
{
    x.data = fn_fence_open(bytes_of(x), false);
    y.data = fn_fence_open(bytes_of(y), false);
    fill(x);
    fn_format_convert(y, x);
    int64_t wrong = count_wrong(y, x);
    if (wrong || !fn_fence_holds())
        FN_TEST_FAIL("%lld channels, %s to %s, types %d to %d: %lld wrong",
                     (long long)x.shape.dim[1], fn_format_name(x.format),
                     fn_format_name(y.format), (int)x.type, (int)y.type, (long long)wrong);
    fn_fence_close(0);
}

static void check_types(fn_shape s, fn_format to, fn_format from)
{
    for (int t = 0; t < 4; t++)
        check_pair(
            (fn_tensor){.shape = s, .format = to, .type = t & 1 ? FN_BF16 : FN_F32},
            (fn_tensor){.shape = s, .format = from, .type = t & 2 ? FN_BF16 : FN_F32});
}

static void check_all_pairs(int threads)
{
    static const int64_t channels[] = {1, 3, 8, 12, 16, 19, 24, 32, 40};
    fn_threads_set(threads);
    for (int k = 0; k < (int)(sizeof channels / sizeof *channels); k++)
        for (fn_format to = FN_PLAIN; to < FN_FORMATS; to++)
            for (fn_format from = FN_PLAIN; from < FN_FORMATS; from++) {
                check_types((fn_shape)FN_NCHW(2, channels[k], 3, 5), to, from);
                check_types((fn_shape)FN_NCHW(1, channels[k], 1, 1), to, from);
            }
    fn_threads_set(0);
}

TEST(every_conversion_moves_the_values_and_zeroes_the_padding)
{
    check_all_pairs(1);
    check_all_pairs(3);
}

/* --- bytes --- */

static double number(fn_tensor t, int64_t i)
{
    return (double)fn_load_any(t.data, t.type, i) * (double)fn_bytes_step(t);
}

static double cut(double x, fn_tensor t)
{
    double step = (double)t.step, least = t.type == FN_S8 ? -127 * step : 0;
    double most = t.type == FN_S8 ? 127 * step : 255 * step;
    return !fn_bytes_are(t.type) ? x : fmin(fmax(x, least), most);
}

/* Numbers from -1.5 to 1.5 lie so in x and are brought to y: the nearest that y has. */
static void check_bytes(fn_tensor y, fn_tensor x)
{
    fn_rng r = fn_rng_at(2, FN_RNG_TEST, 0, 0);
    int64_t at[4], wrong = 0;
    double half = fn_bytes_are(y.type) ? 0.5001 * (double)y.step : 1e-7;
    x.data = fn_fence_open(bytes_of(x), false);
    y.data = fn_fence_open(bytes_of(y), false);
    for (int64_t i = 0; i < fn_format_numel(x.shape, x.format); i++)
        fn_store_any(x.data, x.type, i,
                     (float)fn_rng_range(&r, -1.5, 1.5) / fn_bytes_step(x));
    fn_format_convert(y, x);
    for (int64_t i = 0; i < fn_numel(x.shape); i++) {
        element(at, x.shape, x.shape.dim[1], i);
        double got = number(y, place(y.shape, y.format, at));
        double want = cut(number(x, place(x.shape, x.format, at)), y);
        wrong += !(fabs(got - want) <= half);
    }
    if (wrong || !fn_fence_holds())
        FN_TEST_FAIL("%s to %s, types %d to %d: %lld wrong", fn_format_name(x.format),
                     fn_format_name(y.format), (int)x.type, (int)y.type, (long long)wrong);
    fn_fence_close(0);
}

TEST(bytes_are_the_nearest_of_their_steps)
{
    static const float step[] = {1, 1 / 200.0F, 1 / 100.0F};
    static const fn_type types[] = {FN_F32, FN_U8, FN_S8};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            for (fn_format f = FN_PLAIN; f < FN_FORMATS; f++) {
                fn_tensor low = {.shape = FN_NCHW(2, 19, 9, 7), .step = step[i]};
                fn_tensor x = low;
                low.type = types[i];
                x.type = types[k];
                x.format = f; /* what a convolution in float has given */
                x.step = step[k] * 1.25F;
                check_bytes(low, x);
            }
}

TEST(what_is_no_number_of_a_byte_is_cut_off)
{
    CHECK(fn_bytes_u8(-1e30F) == 0 && fn_bytes_u8(1e30F) == 255);
    CHECK(fn_bytes_u8(-INFINITY) == 0 && fn_bytes_u8(INFINITY) == 255);
    CHECK(fn_bytes_s8(-1e30F) == -127 && fn_bytes_s8(1e30F) == 127);
    CHECK(fn_bytes_u8(254.6F) == 255 && fn_bytes_u8(0.4F) == 0 && fn_bytes_u8(0.6F) == 1);
    CHECK(fn_bytes_s8(-126.6F) == -127 && fn_bytes_s8(-0.4F) == 0 &&
          fn_bytes_s8(-0.6F) == -1);
}

TEST(rows_of_features_are_copied)
{
    fn_shape s = FN_NC(3, 7);
    float x[21], y[22] = {[21] = 5};
    for (int i = 0; i < 21; i++)
        x[i] = (float)i;
    fn_format_convert((fn_tensor){s, FN_BLOCK16, .data = y},
                      (fn_tensor){s, FN_PLAIN, .data = x});
    CHECK(memcmp(x, y, sizeof x) == 0);
    CHECK(y[21] == 5);
}
