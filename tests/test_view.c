/* test_view.c -- views against the definition, and how training draws them. */
#include "core/mem.h"
#include "core/rng.h"
#include "data/image.h"
#include "data/view.h"
#include "tests/test.h"

static void paint_noise(fn_pixels *p, int width, int height, uint64_t seed)
{
    fn_rng r = fn_rng_at(seed, FN_RNG_TEST, 0, 0);
    CHECK_OK(fn_pixels_make(p, width, height));
    for (int i = 0; i < 3 * width * height; i++)
        p->rgb[i] = (uint8_t)fn_rng_u32(&r);
}

/* Weight of source pixel j, clamped onto the border, for a pixel of the view. */
static double weight_of(int source, int j, double c, double s)
{
    double sum = 0, mine = 0;
    for (int k = (int)floor(c - s) - 2; k <= (int)ceil(c + s) + 2; k++) {
        double w = fmax(0, 1 - fabs(k + 0.5 - c) / s);
        int on = k < 0 ? 0 : k >= source ? source - 1 : k;
        sum += w;
        mine += on == j ? w : 0;
    }
    return mine / sum;
}

/* The definition of data/view.h, pixel by pixel in double. */
static double reference(const fn_image *image, fn_view v, const int size[2],
                        const int at[3])
{
    double stepx = (double)v.width * image->width / size[1];
    double stepy = (double)v.height * image->height / size[0];
    int i = v.flip ? size[1] - 1 - at[1] : at[1];
    double cx = (double)v.x * image->width + (i + 0.5) * stepx, sum = 0;
    double cy = (double)v.y * image->height + (at[0] + 0.5) * stepy;
    for (int y = 0; y < image->height; y++) {
        double wy = weight_of(image->height, y, cy, fmax(1, stepy));
        for (int x = 0; x < image->width && wy > 0; x++)
            sum += wy * weight_of(image->width, x, cx, fmax(1, stepx)) *
                   image->rgb[(size_t)y * image->stride + (size_t)(3 * x + at[2])];
    }
    sum = (sum - 127.5) * (double)v.gain + 127.5 + 255 * (double)v.lift;
    return (fmin(fmax(sum, 0), 255) - 127.5) / 128;
}

TEST(whole_crop_at_its_own_size_is_untouched)
{
    fn_pixels p;
    fn_view_scratch scratch = {NULL, 0};
    float x[24 * 24 * 3];
    paint_noise(&p, 24, 24, 1);
    fn_image image = fn_pixels_view(&p);
    CHECK_OK(fn_view_render(x, 24, 24, &image, fn_view_centre(1), &scratch));
    for (int i = 0; i < 24 * 24 * 3; i++)
        CHECK_NEAR(x[i], (p.rgb[i] - 127.5) / 128, 1e-6);
    fn_free(scratch.data);
    fn_pixels_free(&p);
}

TEST(any_view_is_what_the_definition_says)
{
    enum { H = 7, W = 9 };
    static float x[H * W * 3];
    fn_view_scratch scratch = {NULL, 0};
    fn_rng r = fn_rng_at(5, FN_RNG_TEST, 0, 0);
    for (int round = 0; round < 24; round++) {
        fn_pixels p;
        paint_noise(&p, 1 + (int)fn_rng_below(&r, 40), 1 + (int)fn_rng_below(&r, 40), 9);
        fn_image image = {p.rgb, p.width, p.height, 3 * (size_t)p.width};
        fn_view v = {(float)fn_rng_range(&r, -0.6, 0.8),
                     (float)fn_rng_range(&r, -0.6, 0.8),
                     (float)fn_rng_range(&r, 0.1, 1.5),
                     (float)fn_rng_range(&r, 0.1, 1.5),
                     round % 2 == 1,
                     (float)fn_rng_range(&r, 0.5, 1.5),
                     (float)fn_rng_range(&r, -0.2, 0.2)};
        CHECK_OK(fn_view_render(x, H, W, &image, v, &scratch));
        for (int i = 0; i < H * W * 3; i++) {
            int at[3] = {i / 3 / W, i / 3 % W, i % 3};
            CHECK_NEAR(x[i], reference(&image, v, (int[2]){H, W}, at), 1e-5);
        }
        fn_pixels_free(&p);
    }
    fn_free(scratch.data);
}

TEST(stride_is_honoured)
{
    fn_pixels p, part;
    fn_view_scratch scratch = {NULL, 0};
    float a[8 * 8 * 3], b[8 * 8 * 3];
    paint_noise(&p, 30, 20, 2);
    CHECK_OK(fn_pixels_make(&part, 20, 18));
    for (int y = 0; y < 18; y++)
        memcpy(part.rgb + 60 * y, p.rgb + 90 * (y + 1) + 15, 60);
    fn_image inside = {p.rgb + 90 + 15, 20, 18, 90}, dense = fn_pixels_view(&part);
    fn_view v = {-0.1F, -0.2F, 1.3F, 1.3F, false, 1, 0};
    CHECK_OK(fn_view_render(a, 8, 8, &inside, v, &scratch));
    CHECK_OK(fn_view_render(b, 8, 8, &dense, v, &scratch));
    CHECK(memcmp(a, b, sizeof a) == 0);
    fn_free(scratch.data);
    fn_pixels_free(&p);
    fn_pixels_free(&part);
}

/* The scratch that a larger view left behind changes nothing, and a mirrored view is the
 * view mirrored, to the last bit: evaluation adds the embeddings of both. */
TEST(same_bits_again_and_mirrored)
{
    enum { S = 33 };
    static float a[S * S * 3], b[S * S * 3], large[96 * 96 * 3];
    fn_view_scratch scratch = {NULL, 0};
    fn_pixels p, q;
    paint_noise(&p, 50, 50, 3);
    paint_noise(&q, 200, 200, 4);
    fn_image image = fn_pixels_view(&p), other = fn_pixels_view(&q);
    fn_view v = {0.07F, -0.03F, 0.9F, 0.9F, false, 1.1F, 0.05F};
    CHECK_OK(fn_view_render(a, S, S, &image, v, &scratch));
    CHECK_OK(fn_view_render(large, 96, 96, &other, fn_view_centre(1), &scratch));
    CHECK_OK(fn_view_render(b, S, S, &image, v, &scratch));
    CHECK(memcmp(a, b, sizeof a) == 0);
    v.flip = true;
    CHECK_OK(fn_view_render(b, S, S, &image, v, &scratch));
    for (int i = 0; i < S * S; i++)
        CHECK(memcmp(a + 3 * i, b + 3 * (i / S * S + S - 1 - i % S), 12) == 0);
    fn_free(scratch.data);
    fn_pixels_free(&p);
    fn_pixels_free(&q);
}

TEST(fine_patterns_do_not_alias)
{
    fn_pixels p;
    fn_view_scratch scratch = {NULL, 0};
    float x[24 * 24 * 3];
    CHECK_OK(fn_pixels_make(&p, 96, 96));
    for (int i = 0; i < 96 * 96 * 3; i++)
        p.rgb[i] = i / 3 % 96 % 2 ? 255 : 0;
    fn_image image = fn_pixels_view(&p);
    fn_view v = fn_view_centre(0.8F);
    CHECK_OK(fn_view_render(x, 24, 24, &image, v, &scratch));
    for (int i = 0; i < 24 * 24 * 3; i++)
        CHECK_NEAR(x[i], 0, 0.1);
    fn_free(scratch.data);
    fn_pixels_free(&p);
}

TEST(light_is_clamped_to_what_a_pixel_can_hold)
{
    uint8_t rgb[3] = {10, 128, 250};
    fn_image image = {rgb, 1, 1, 3};
    fn_view v = fn_view_centre(1);
    fn_view_scratch scratch = {NULL, 0};
    float x[3];
    v.gain = 2;
    CHECK_OK(fn_view_render(x, 1, 1, &image, v, &scratch));
    CHECK_NEAR(x[0], -127.5 / 128, 1e-6);
    CHECK_NEAR(x[1], 1.0 / 128, 1e-6);
    CHECK_NEAR(x[2], 127.5 / 128, 1e-6);
    v.gain = 1;
    v.lift = 0.2F;
    CHECK_OK(fn_view_render(x, 1, 1, &image, v, &scratch));
    CHECK_NEAR(x[0], (61 - 127.5) / 128, 1e-6);
    CHECK_NEAR(x[2], 127.5 / 128, 1e-6);
    fn_free(scratch.data);
}

TEST(memory_that_runs_out)
{
    uint8_t rgb[3] = {10, 128, 250};
    fn_image image = {rgb, 1, 1, 3};
    fn_view_scratch scratch = {NULL, 0};
    float x[3];
    fn_fail_alloc(1);
    CHECK_FAILS(fn_view_render(x, 1, 1, &image, fn_view_centre(1), &scratch), FN_ENOMEM,
                "no memory");
    CHECK(!scratch.data && !scratch.count);
    CHECK_OK(fn_view_render(x, 1, 1, &image, fn_view_centre(1), &scratch));
    fn_free(scratch.data);
}

TEST(centre_view)
{
    fn_view v = fn_view_centre(0.8F);
    CHECK_NEAR(v.x, 0.1, 1e-6);
    CHECK_NEAR(v.y, 0.1, 1e-6);
    CHECK_NEAR(v.width, 0.8, 1e-6);
    CHECK_NEAR(v.height, 0.8, 1e-6);
    CHECK(!v.flip && v.gain == 1 && v.lift == 0);
}

TEST(nothing_augmented_is_the_view_of_evaluation)
{
    fn_augment a = {.view = 0.8F};
    fn_view want = fn_view_centre(0.8F);
    for (uint32_t slot = 0; slot < 50; slot++) {
        fn_view v = fn_augment_draw(&a, 1, 2, slot);
        CHECK(v.x == want.x && v.y == want.y && v.width == want.width);
        CHECK(v.height == want.height && !v.flip && v.gain == 1 && v.lift == 0);
    }
}

typedef struct extent {
    double low, high, sum;
} extent;

static void widen(extent *e, float v)
{
    e->low = fmin(e->low, (double)v);
    e->high = fmax(e->high, (double)v);
    e->sum += (double)v;
}

/* Uniform on [-half, half] about `middle`: reaches both ends, leaves neither, is centred. */
static void check_extent(const extent *e, double middle, double half, int n)
{
    CHECK(e->low >= middle - half - 1e-6 && e->low < middle - 0.97 * half);
    CHECK(e->high <= middle + half + 1e-6 && e->high > middle + 0.97 * half);
    CHECK_NEAR(e->sum / n, middle, 0.1 * half);
}

TEST(augmentation_fills_its_ranges)
{
    enum { N = 2000 };
    fn_augment a = {0.7F, 0.05F, 0.1F, 1, 0.2F, 0.3F, 0, 0, 0};
    extent x = {9, -9, 0}, y = x, side = x, gain = x, lift = x;
    int flips = 0;
    for (uint32_t i = 0; i < N; i++) {
        fn_view v = fn_augment_draw(&a, 11, i / 50, i % 50);
        CHECK(v.width == v.height);
        widen(&x, v.x + v.width / 2);
        widen(&y, v.y + v.height / 2);
        widen(&side, v.width);
        widen(&gain, v.gain);
        widen(&lift, v.lift);
        flips += v.flip;
    }
    check_extent(&x, 0.5, 0.05, N);
    check_extent(&y, 0.5, 0.05, N);
    check_extent(&side, 0.7, 0.07, N);
    check_extent(&gain, 1, 0.3, N);
    check_extent(&lift, 0, 0.2, N);
    CHECK(flips > 0.45 * N && flips < 0.55 * N);
}

TEST(a_draw_depends_on_seed_step_and_slot_alone)
{
    fn_augment a = {0.7F, 0.05F, 0.1F, 1, 0.2F, 0.3F, 0, 0, 0}, dark = a;
    fn_view v = fn_augment_draw(&a, 1, 2, 3), again = fn_augment_draw(&a, 1, 2, 3);
    CHECK(v.x == again.x && v.y == again.y && v.gain == again.gain && v.flip == again.flip);
    CHECK(v.x != fn_augment_draw(&a, 2, 2, 3).x);
    CHECK(v.x != fn_augment_draw(&a, 1, 3, 3).x);
    CHECK(v.x != fn_augment_draw(&a, 1, 2, 4).x);
    dark.contrast = 0; /* switching one off leaves the others */
    again = fn_augment_draw(&dark, 1, 2, 3);
    CHECK(v.x == again.x && v.lift == again.lift && v.flip == again.flip &&
          again.gain == 1);
}
