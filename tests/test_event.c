/* test_event.c -- histograms, precision-recall curves and pictures: the counting by hand and by
 * a plain loop, and the messages field by field. */
#include "core/mem.h"
#include "core/rng.h"
#include "tests/proto_fields.h"
#include "train/event.h"

static fields whole(const fn_proto *p)
{
    CHECK_OK(fn_proto_status(p));
    return (fields){.at = p->data, .size = p->size, .there = true};
}

/* The Summary.Value of an event that is one, with its tag. */
static fields value_of(const fn_proto *p, int64_t step, const char *tag)
{
    fields e = whole(p), value = fields_get(fields_get(e, 5), 1);
    CHECK_NEAR(fields_double(fields_get(e, 1), 0), 1234.5, 0);
    CHECK_INT(fields_get(e, 2).value, step);
    CHECK(fields_is(fields_get(value, 1), tag));
    return value;
}

/* --- histograms --- */

TEST(bins_hold_their_lower_bound)
{
    CHECK_INT(fn_histogram_bin(0), 0);
    CHECK_INT(fn_histogram_bin(0.0499), 0);
    CHECK_INT(fn_histogram_bin(0.05), 1);
    CHECK_INT(fn_histogram_bin(2), 40);
    CHECK_INT(fn_histogram_bin(3.9999), 79);
    CHECK_INT(fn_histogram_bin(4), 79);
    CHECK_INT(fn_histogram_bin(1e30), 79);
    CHECK_INT(fn_histogram_bin((double)INFINITY), 79);
    CHECK_INT(fn_histogram_bin(-1e-9), 0);
    CHECK_INT(fn_histogram_bin((double)NAN), 0);
}

TEST(histograms_count_sum_and_pass_over_nan)
{
    static const float d[] = {0.75F, NAN, 0.5F, 4.25F, 0.53125F};
    fn_histogram h = {0};
    for (int i = 0; i < 5; i++)
        fn_histogram_add(&h, d[i]);
    CHECK_INT(h.n, 4);
    CHECK_INT(h.count[10], 2);
    CHECK_INT(h.count[15], 1);
    CHECK_INT(h.count[79], 1);
    CHECK_NEAR(h.min, 0.5, 0);
    CHECK_NEAR(h.max, 4.25, 0);
    CHECK_NEAR(h.sum, 6.03125, 0);
    CHECK_NEAR(h.squares, 0.5625 + 0.25 + 18.0625 + 0.2822265625, 0);
}

static void check_histogram(const float *d, int n, int bins, const double *limit,
                            const double *count)
{
    fn_histogram h = {0};
    fn_proto p = {0};
    for (int i = 0; i < n; i++)
        fn_histogram_add(&h, d[i]);
    fn_event_histogram(&p, (fn_place){1234.5, 70, "distance/x"}, &h);
    fields m = fields_get(value_of(&p, 70, "distance/x"), 5);
    const double want[] = {h.min, h.max, n, h.sum, h.squares};
    for (int i = 0; i < 5; i++)
        CHECK_NEAR(fields_double(fields_get(m, i + 1), 0), want[i], 0);
    CHECK_INT(fields_get(m, 6).size, 8 * bins);
    CHECK_INT(fields_get(m, 7).size, 8 * bins);
    for (int i = 0; i < bins; i++) {
        CHECK_NEAR(fields_double(fields_get(m, 6), i), limit[i], 1e-12);
        CHECK_NEAR(fields_double(fields_get(m, 7), i), count[i], 0);
    }
    fn_proto_close(&p);
}

/* TensorBoard takes min and max for the outer bounds, so empty bins outside are left out. */
TEST(histogram_messages_span_what_is_filled)
{
    static const float some[] = {0.51F, 0.74F, 0.52F}, one[] = {0.02F}, far[] = {3.97F, 9};
    check_histogram(some, 3, 5, (double[]){0.55, 0.6, 0.65, 0.7, 0.75},
                    (double[]){2, 0, 0, 0, 1});
    check_histogram(one, 1, 1, (double[]){0.05}, (double[]){1});
    check_histogram(far, 2, 1, (double[]){4}, (double[]){2});
}

/* --- curves --- */

enum { PAIRS = 500 };

static void count_at(const fn_pairs *p, const float *d, int t, float *want)
{
    memset(want, 0, 6 * sizeof *want);
    for (int i = 0; i < p->n; i++) {
        bool accept = t == 0 || 200 * (1 - (double)d[i] / 4) >= t;
        want[p->pair[i].same ? (accept ? 0 : 3) : (accept ? 1 : 2)]++;
    }
    want[4] = want[0] > 0 ? want[0] / (want[0] + want[1]) : 0;
    want[5] = want[0] > 0 ? want[0] / (want[0] + want[3]) : 0;
}

/* Every threshold by a loop over all pairs; distances at both ends, beyond them, and NaN. */
TEST(curves_count_as_a_plain_loop_does)
{
    static fn_pair pair[PAIRS];
    static fn_curve c;
    static const float odd[] = {0, 4, 2, 4.5F, NAN, 0.02F, 3.98F, INFINITY};
    float d[PAIRS], want[6];
    fn_pairs p = {.pair = pair, .n = PAIRS};
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    for (int i = 0; i < PAIRS; i++) {
        pair[i].same = i % 3 == 0;
        d[i] = i < 16 ? odd[i / 2] : (float)fn_rng_range(&r, 0, 4);
        pair[i].same = i < 16 ? i % 2 : pair[i].same;
    }
    fn_curve_make(&c, &p, d);
    for (int t = 0; t < FN_CURVE_POINTS; t++) {
        count_at(&p, d, t, want);
        for (int k = 0; k < 6; k++)
            if (!(fabsf(c.row[k][t] - want[k]) < 1e-6F))
                FN_TEST_FAIL("threshold %d, row %d: %g, expected %g", t, k,
                             (double)c.row[k][t], (double)want[k]);
    }
    CHECK_INT(c.row[3][0] + c.row[2][0], 0); /* at 0 all are accepted */
}

TEST(curves_of_one_kind_alone_have_no_nan)
{
    static fn_curve c;
    fn_pair pair[] = {{.same = false}, {.same = false}};
    const float d[] = {1, 3};
    fn_curve_make(&c, &(fn_pairs){.pair = pair, .n = 2}, d);
    for (int t = 0; t < FN_CURVE_POINTS; t++)
        CHECK(c.row[4][t] == 0 && c.row[5][t] == 0);
    fn_curve_make(&c, &(fn_pairs){.n = 0}, NULL);
    CHECK(c.row[0][0] == 0 && c.row[4][100] == 0);
}

TEST(curve_messages)
{
    static fn_curve c;
    fn_pair pair[] = {{.same = true}, {.same = false}};
    const float d[] = {1, 3};
    fn_proto p = {0};
    fn_curve_make(&c, &(fn_pairs){.pair = pair, .n = 2}, d);
    fn_event_curve(&p, (fn_place){1234.5, 9, "val/pairs"}, &c);
    fields value = value_of(&p, 9, "val/pairs"), tensor = fields_get(value, 8);
    CHECK_INT(fields_get(tensor, 1).value, 1); /* DT_FLOAT */
    fields shape = fields_get(tensor, 2);
    CHECK_INT(fields_count(shape, 2), 2);
    CHECK_INT(fields_get(fields_item(shape, 2, 0), 1).value, 6);
    CHECK_INT(fields_get(fields_item(shape, 2, 1), 1).value, 201);
    fields floats = fields_get(tensor, 5);
    CHECK_INT(floats.size, 4 * 6 * 201);
    CHECK(floats.size == sizeof c.row && memcmp(floats.at, c.row, sizeof c.row) == 0);
    fields plugin = fields_get(fields_get(value, 9), 1);
    CHECK(fields_is(fields_get(plugin, 1), "pr_curves"));
    CHECK_INT(fields_get(fields_get(plugin, 2), 2).value, 201);
    CHECK_INT(fields_get(fields_get(value, 9), 4).value, 2); /* DATA_CLASS_TENSOR */
    fn_proto_close(&p);
}

/* --- pictures, and no memory --- */

TEST(picture_messages)
{
    fn_proto p = {0};
    fn_png png = {(const uint8_t *)"\x89PNG\0x", 6, 640, 48};
    fn_event_image(&p, (fn_place){1234.5, 300, "triplets/hardest"}, &png);
    fields image = fields_get(value_of(&p, 300, "triplets/hardest"), 4);
    CHECK_INT(fields_get(image, 1).value, 48);
    CHECK_INT(fields_get(image, 2).value, 640);
    CHECK_INT(fields_get(image, 3).value, 3); /* RGB */
    fields bytes = fields_get(image, 4);
    CHECK(bytes.size == 6 && memcmp(bytes.at, png.bytes, 6) == 0);
    fn_proto_close(&p);
}

TEST(messages_without_memory_say_so)
{
    static fn_curve c;
    fn_histogram h = {0};
    fn_histogram_add(&h, 1);
    for (int kind = 0; kind < 3; kind++) {
        fn_status rc = FN_ENOMEM;
        long n = 0;
        while (rc == FN_ENOMEM && ++n < 50) {
            fn_proto p = {0};
            fn_fail_alloc(n);
            if (kind == 0)
                fn_event_curve(&p, (fn_place){0, 1, "c"}, &c);
            else if (kind == 1)
                fn_event_histogram(&p, (fn_place){0, 1, "h"}, &h);
            else
                fn_event_text(&p, (fn_place){0, 1, "t"}, "text");
            fn_fail_alloc(0);
            rc = fn_proto_status(&p);
            fn_proto_close(&p);
        }
        CHECK_OK(rc);
        CHECK(n > 1);
    }
}
