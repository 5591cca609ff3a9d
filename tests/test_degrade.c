/* test_degrade.c -- blur against a plain convolution in double, compression against libjpeg's own
 * round trip, and how training draws both. */
#include "core/mem.h"
#include "data/degrade.h"
#include "tests/image_bytes.h"

static double weight_of(int j, double sigma)
{
    return fabs((double)j) <= ceil(3 * sigma) ? exp(-(double)j * j / (2 * sigma * sigma))
                                              : 0;
}

static int clamp(int v, int size)
{
    return v < 0 ? 0 : v >= size ? size - 1 : v;
}

/* The definition, in two dimensions at once. */
static double reference(const fn_pixels *p, int x, int y, int c, double sigma)
{
    int reach = (int)ceil(3 * sigma);
    double sum = 0, weights = 0;
    for (int j = -reach; j <= reach; j++)
        for (int i = -reach; i <= reach; i++) {
            double w = weight_of(i, sigma) * weight_of(j, sigma);
            int at = clamp(y + j, p->height) * p->width + clamp(x + i, p->width);
            sum += w * p->rgb[3 * at + c];
            weights += w;
        }
    return sum / weights;
}

static void copy(fn_pixels *to, const fn_pixels *from)
{
    CHECK_OK(fn_pixels_make(to, from->width, from->height));
    memcpy(to->rgb, from->rgb, 3 * (size_t)from->width * (size_t)from->height);
}

static bool same(const fn_pixels *a, const fn_pixels *b)
{
    return a->width == b->width && a->height == b->height &&
           memcmp(a->rgb, b->rgb, 3 * (size_t)a->width * (size_t)a->height) == 0;
}

TEST(blur_is_a_gaussian)
{
    const int size[][2] = {{31, 20}, {1, 1}, {40, 1}, {1, 33}, {16, 48}, {50, 50}};
    const float blur[] = {0.001F, 0.01F, 0.03F, 0.1F};
    for (size_t k = 0; k < sizeof size / sizeof *size; k++)
        for (size_t s = 0; s < sizeof blur / sizeof *blur; s++) {
            int wide = size[k][0], high = size[k][1];
            double sigma = (double)blur[s] * (wide > high ? wide : high);
            fn_pixels p, sharp;
            paint_noise(&sharp, wide, high);
            copy(&p, &sharp);
            CHECK_OK(fn_degrade_apply(&p, (fn_degrade){blur[s], 0}));
            CHECK(p.width == wide && p.height == high);
            for (int i = 0; i < 3 * wide * high; i++)
                CHECK_NEAR(p.rgb[i],
                           reference(&sharp, i / 3 % wide, i / 3 / wide, i % 3, sigma),
                           0.501);
            fn_pixels_free(&p);
            fn_pixels_free(&sharp);
        }
}

TEST(blur_leaves_an_even_colour)
{
    fn_pixels p;
    CHECK_OK(fn_pixels_make(&p, 30, 30));
    for (int v = 0; v < 256; v += 51) {
        memset(p.rgb, v, 3 * 30 * 30);
        CHECK_OK(fn_degrade_apply(&p, (fn_degrade){0.05F, 0}));
        for (int i = 0; i < 3 * 30 * 30; i++)
            CHECK_INT(p.rgb[i], v);
    }
    fn_pixels_free(&p);
}

static void round_trip(fn_pixels *p, int quality)
{
    uint8_t *bytes;
    size_t size;
    fn_image view = fn_pixels_view(p);
    CHECK_OK(fn_encode_jpeg(&bytes, &size, &view, quality));
    fn_pixels_free(p);
    CHECK_OK(fn_decode(p, bytes, size, "face"));
    fn_free(bytes);
}

TEST(compression_is_a_round_trip_and_comes_behind_the_blur)
{
    const int quality[] = {1, 30, 95};
    fn_pixels sharp;
    paint_noise(&sharp, 37, 22);
    for (int i = 0; i < 3; i++) {
        fn_pixels p, want;
        copy(&p, &sharp);
        copy(&want, &sharp);
        CHECK_OK(fn_degrade_apply(&p, (fn_degrade){0, quality[i]}));
        round_trip(&want, quality[i]);
        CHECK(same(&p, &want));
        CHECK(!same(&p, &sharp));
        fn_pixels_free(&p);
        fn_pixels_free(&want);
        copy(&p, &sharp);
        copy(&want, &sharp);
        CHECK_OK(fn_degrade_apply(&p, (fn_degrade){0.02F, quality[i]}));
        CHECK_OK(fn_degrade_apply(&want, (fn_degrade){0.02F, 0}));
        round_trip(&want, quality[i]);
        CHECK(same(&p, &want));
        fn_pixels_free(&p);
        fn_pixels_free(&want);
    }
    fn_pixels_free(&sharp);
}

TEST(nothing_asked_is_nothing_done)
{
    fn_pixels p, before;
    fn_augment a = {.view = 1, .degrade = 1};
    paint_noise(&p, 9, 9);
    copy(&before, &p);
    for (uint32_t slot = 0; slot < 100; slot++) {
        fn_degrade d = fn_degrade_draw(&a, 1, 2, slot);
        CHECK(d.blur == 0 && d.jpeg == 0);
    }
    CHECK_OK(fn_degrade_apply(&p, (fn_degrade){0, 0}));
    CHECK(same(&p, &before));
    fn_pixels_free(&p);
    fn_pixels_free(&before);
}

TEST(draws_fill_their_ranges)
{
    enum { N = 20000 };
    const fn_augment a = {.view = 1, .degrade = 0.3F, .blur = 0.02F, .jpeg = 40};
    int blurred = 0, compressed = 0, both = 0, count[101] = {0};
    double most = 0, sum = 0;
    for (uint32_t i = 0; i < N; i++) {
        fn_degrade d = fn_degrade_draw(&a, 5, i / 100, i % 100);
        CHECK(d.blur >= 0 && d.blur <= 0.02F);
        CHECK(d.jpeg == 0 || (d.jpeg >= 40 && d.jpeg <= 95));
        blurred += d.blur > 0;
        compressed += d.jpeg > 0;
        both += d.blur > 0 && d.jpeg > 0;
        count[d.jpeg]++;
        sum += (double)d.blur;
        most = fmax(most, (double)d.blur);
    }
    CHECK_NEAR(blurred, 0.3 * N, 300); /* about 4.6 deviations */
    CHECK_NEAR(compressed, 0.3 * N, 300);
    CHECK_NEAR(both, 0.09 * N, 190);
    CHECK_NEAR(sum / blurred, 0.01, 0.0004);
    CHECK(most > 0.0199);
    for (int q = 40; q <= 95; q++) /* each about 107 times */
        CHECK(count[q] > 60 && count[q] < 160);
}

TEST(a_draw_depends_on_seed_step_and_slot_alone)
{
    const fn_augment a = {.view = 1, .degrade = 1, .blur = 0.02F, .jpeg = 1};
    fn_augment one = a;
    fn_degrade d = fn_degrade_draw(&a, 1, 2, 3), again = fn_degrade_draw(&a, 1, 2, 3);
    CHECK(d.blur == again.blur && d.jpeg == again.jpeg);
    CHECK(d.blur != fn_degrade_draw(&a, 2, 2, 3).blur);
    CHECK(d.blur != fn_degrade_draw(&a, 1, 3, 3).blur);
    CHECK(d.blur != fn_degrade_draw(&a, 1, 2, 4).blur);
    one.blur = 0; /* switching one off leaves the other */
    again = fn_degrade_draw(&one, 1, 2, 3);
    CHECK(again.blur == 0 && again.jpeg == d.jpeg);
    one = a;
    one.jpeg = 0;
    again = fn_degrade_draw(&one, 1, 2, 3);
    CHECK(again.blur == d.blur && again.jpeg == 0);
}

TEST(memory_that_runs_out)
{
    fn_pixels p, before;
    fn_status s = FN_ENOMEM;
    long n;
    paint_noise(&before, 20, 20);
    for (n = 1; s != FN_OK && n < 100; n++) {
        copy(&p, &before);
        fn_fail_alloc(n);
        s = fn_degrade_apply(&p, (fn_degrade){0.03F, 50});
        fn_fail_alloc(0);
        CHECK(s == FN_OK || (s == FN_ENOMEM && strstr(fn_last_error(), "memory")));
        CHECK(p.rgb && p.width == 20 && p.height == 20);
        fn_pixels_free(&p);
    }
    CHECK(n > 5 && s == FN_OK);
    fn_pixels_free(&before);
}
