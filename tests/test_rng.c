/* test_rng.c -- Philox against the authors' known answers; places that never share numbers;
 * distributions against their moments and counts. */
#include "core/rng.h"
#include "tests/test.h"

#include <stdint.h>

enum { DRAWS = 200000 };

/* Random123's kat_vectors, "philox4x32 10". */
TEST(philox_gives_the_known_answers)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        fn_philox(known[i].key, known[i].counter, out);
        for (int k = 0; k < 4; k++)
            CHECK_INT(out[k], known[i].out[k]);
    }
}

/* A run that is resumed by a later version must draw the same numbers. */
TEST(a_place_is_spelt_by_the_counter)
{
    uint32_t key[2] = {0x89abcdef, 0x01234567}, out[4];
    fn_rng r = fn_rng_at(0x0123456789abcdef, FN_RNG_AUGMENT, 0xfedcba9876543210, 42);
    for (uint32_t block = 0; block < 3; block++) {
        uint32_t counter[4] = {42, (uint32_t)FN_RNG_AUGMENT << 28 | block, 0x76543210,
                               0xfedcba98};
        fn_philox(key, counter, out);
        for (int k = 0; k < 4; k++)
            CHECK_INT(fn_rng_u32(&r), out[k]);
    }
}

static bool same(fn_rng a, fn_rng b)
{
    for (int i = 0; i < 4; i++)
        if (fn_rng_u32(&a) == fn_rng_u32(&b))
            return true;
    return false;
}

TEST(neighbouring_places_share_nothing)
{
    fn_rng here = fn_rng_at(7, FN_RNG_TEST, 9, 11);
    CHECK(!same(here, fn_rng_at(8, FN_RNG_TEST, 9, 11)));
    CHECK(!same(here, fn_rng_at(7 + (UINT64_C(1) << 32), FN_RNG_TEST, 9, 11)));
    CHECK(!same(here, fn_rng_at(7, FN_RNG_SYNTH, 9, 11)));
    CHECK(!same(here, fn_rng_at(7, FN_RNG_TEST, 10, 11)));
    CHECK(!same(here, fn_rng_at(7, FN_RNG_TEST, 9 + (UINT64_C(1) << 32), 11)));
    CHECK(!same(here, fn_rng_at(7, FN_RNG_TEST, 9, 12)));
    CHECK(same(here, fn_rng_at(7, FN_RNG_TEST, 9, 11)));
}

/* With purposes added to the step, or indices to the purpose, two of these would coincide. */
TEST(places_do_not_add_up_to_each_other)
{
    enum { SIDE = 6, PLACES = SIDE * SIDE * SIDE };
    uint32_t first[PLACES];
    int n = 0;
    for (int purpose = 1; purpose <= SIDE; purpose++)
        for (uint64_t step = 0; step < SIDE; step++)
            for (uint32_t index = 0; index < SIDE; index++) {
                fn_rng r = fn_rng_at(3, (fn_purpose)purpose, step, index);
                first[n++] = fn_rng_u32(&r);
            }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            CHECK(first[i] != first[k]);
}

TEST(a_copy_goes_its_own_way)
{
    fn_rng a = fn_rng_at(1, FN_RNG_TEST, 2, 3);
    fn_rng_u32(&a);
    fn_rng b = a;
    uint32_t next = fn_rng_u32(&a);
    fn_rng_u32(&a);
    CHECK_INT(fn_rng_u32(&b), next);
}

TEST(uniform_fills_its_interval_evenly)
{
    enum { BINS = 20, EACH = DRAWS / BINS };
    int count[BINS] = {0};
    double sum = 0, chi = 0;
    bool low_bits = false;
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        double u = fn_rng_uniform(&r);
        CHECK(u >= 0 && u < 1);
        count[(int)(u * BINS)]++;
        sum += u;
        low_bits = low_bits || fmod(u * 0x1p33, 1) != 0;
    }
    for (int i = 0; i < BINS; i++)
        chi += pow(count[i] - EACH, 2) / EACH;
    CHECK(low_bits);                                      /* more than 32 bits */
    CHECK_NEAR(sum / DRAWS, 0.5, 4 / sqrt(12.0 * DRAWS)); /* 4 deviations */
    CHECK(chi < 46);                                      /* 19 degrees: p > 0.0005 */
}

/* Between 1 and the next double a sum of the two rounds to either: the end is never hit. */
TEST(range_never_gives_its_end)
{
    fn_rng r = fn_rng_at(2, FN_RNG_TEST, 0, 0);
    double next = nextafter(1, 2), sum = 0;
    for (int i = 0; i < 1000; i++)
        CHECK(fn_rng_range(&r, 1, next) == 1);
    for (int i = 0; i < DRAWS; i++) {
        double v = fn_rng_range(&r, -3, 5);
        CHECK(v >= -3 && v < 5);
        sum += v;
    }
    CHECK_NEAR(sum / DRAWS, 1, 4 * 8 / sqrt(12.0 * DRAWS));
}

/* A bare modulo of 3 * 2^30 gives a number of the first third every second time. */
TEST(below_has_no_bias)
{
    const uint32_t n = 3u << 30;
    int first_third = 0;
    fn_rng r = fn_rng_at(3, FN_RNG_TEST, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        uint32_t v = fn_rng_below(&r, n);
        CHECK(v < n);
        first_third += v < n / 3;
    }
    CHECK_NEAR((double)first_third / DRAWS, 1.0 / 3, 4 * sqrt(2.0 / 9 / DRAWS));
    for (int i = 0; i < 100; i++)
        CHECK_INT(fn_rng_below(&r, 1), 0);
}

TEST(below_reaches_every_number)
{
    int count[7] = {0};
    fn_rng r = fn_rng_at(4, FN_RNG_TEST, 0, 0);
    for (int i = 0; i < 7000; i++)
        count[fn_rng_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        CHECK_NEAR(count[i], 1000, 4 * sqrt(7000.0 * 6 / 49));
}

TEST(normal_has_the_moments_and_tails_of_a_normal)
{
    double sum = 0, square = 0, fourth = 0, product = 0, before = 0;
    int beyond_two = 0;
    fn_rng r = fn_rng_at(5, FN_RNG_TEST, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        double v = fn_rng_normal(&r);
        CHECK(isfinite(v));
        sum += v;
        square += v * v;
        fourth += v * v * v * v;
        product += v * before;
        beyond_two += fabs(v) > 2;
        before = v;
    }
    CHECK_NEAR(sum / DRAWS, 0, 4 / sqrt(DRAWS));
    CHECK_NEAR(square / DRAWS, 1, 4 * sqrt(2.0 / DRAWS));
    CHECK_NEAR(fourth / DRAWS, 3, 4 * sqrt(96.0 / DRAWS));
    CHECK_NEAR(product / DRAWS, 0, 4 / sqrt(DRAWS));
    CHECK_NEAR((double)beyond_two / DRAWS, 0.0455, 4 * sqrt(0.0455 / DRAWS));
}

/* All 60 ordered triples of 5 come equally often. */
TEST(choose_is_fair)
{
    enum { EACH = 1000, TRIES = 60 * EACH };
    int count[125] = {0}, pick[5], seen = 0;
    double chi = 0;
    fn_rng r = fn_rng_at(6, FN_RNG_TEST, 0, 0);
    for (int i = 0; i < TRIES; i++) {
        fn_rng_choose(&r, pick, 5, 3);
        count[25 * pick[0] + 5 * pick[1] + pick[2]]++;
    }
    for (int i = 0; i < 125; i++) {
        seen += count[i] > 0;
        chi += count[i] ? pow(count[i] - EACH, 2) / EACH : 0;
    }
    CHECK_INT(seen, 60);
    CHECK(chi < 100); /* 59 degrees: p > 0.0005 */
}

TEST(choose_takes_nothing_and_everything)
{
    int pick[50] = {0}, have[50] = {0};
    fn_rng r = fn_rng_at(7, FN_RNG_TEST, 0, 0), before;
    fn_rng_choose(&r, pick, 50, 50);
    for (int i = 0; i < 50; i++)
        have[pick[i]]++;
    for (int i = 0; i < 50; i++)
        CHECK_INT(have[i], 1);
    before = r;
    fn_rng_choose(&r, pick, 0, 0);
    fn_rng_choose(&r, pick, 50, 0);
    CHECK_INT(fn_rng_u32(&r), fn_rng_u32(&before)); /* nothing was drawn */
}
