/* test_schedule.c -- rates at every place where a schedule bends. */
#include "tests/test.h"
#include "train/schedule.h"

static void check_rates(const fn_schedule *s, const int64_t *step, const double *want,
                        int n)
{
    for (int i = 0; i < n; i++) {
        double got = (double)fn_schedule_rate(s, step[i]);
        if (!(fabs(got - want[i]) <= 1e-6 * fabs(want[i])))
            FN_TEST_FAIL("kind %d, step %lld: rate %.9g, expected %.9g", s->kind,
                         (long long)step[i], got, want[i]);
    }
}

#define RATES(s, ...) \
    check_rates(&s, step, (const double[]){__VA_ARGS__}, (int)(sizeof step / sizeof *step))

TEST(schedule_without_warmup)
{
    static const int64_t step[] = {0, 1, 30, 59, 60, 89, 90, 1000};
    fn_schedule s = {.kind = FN_CONSTANT, .rate = 0.4f, .end = 0.1f, .steps = 90};
    RATES(s, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4);
    s.kind = FN_STEP;
    RATES(s, 0.4, 0.4, 0.04, 0.04, 0.004, 0.004, 0.004, 0.004);
}

TEST(schedule_step_changes_at_the_thirds)
{
    static const int64_t step[] = {29, 30, 59, 60};
    fn_schedule s = {.kind = FN_STEP, .rate = 1, .steps = 90};
    RATES(s, 1, 0.1, 0.1, 0.01);
    s.steps = 91; /* a third is 30 1/3 steps */
    RATES(s, 1, 1, 0.1, 0.1);
}

TEST(schedule_cosine_goes_from_rate_to_end)
{
    static const int64_t step[] = {0, 25, 50, 75, 100, 5000};
    const fn_schedule s = {.kind = FN_COSINE, .rate = 0.5f, .end = 0.1f, .steps = 100};
    RATES(s, 0.5, 0.1 + 0.2 * (1 + sqrt(0.5)), 0.3, 0.1 + 0.2 * (1 - sqrt(0.5)), 0.1, 0.1);
}

TEST(schedule_warms_up_in_a_line)
{
    static const int64_t step[] = {0, 1, 8, 9, 10, 60, 110};
    fn_schedule s = {.kind = FN_CONSTANT, .rate = 1, .warmup = 10, .steps = 110};
    RATES(s, 0.1, 0.2, 0.9, 1, 1, 1, 1);
    s.kind = FN_COSINE; /* over the steps after the warm-up */
    RATES(s, 0.1, 0.2, 0.9, 1, 1, 0.5, 0);
    s.kind = FN_STEP; /* thirds of the whole run */
    RATES(s, 0.1, 0.2, 0.9, 1, 1, 0.1, 0.01);
}

TEST(schedule_of_a_run_that_is_all_warmup)
{
    static const int64_t step[] = {0, 9, 10, 19, 20, 21};
    fn_schedule s = {.kind = FN_COSINE, .rate = 1, .end = 0.5f, .warmup = 20, .steps = 10};
    RATES(s, 0.05, 0.5, 0.55, 1, 0.5, 0.5);
    s.kind = FN_STEP;
    RATES(s, 0.05, 0.5, 0.55, 1, 0.01, 0.01);
}

TEST(schedule_of_no_steps)
{
    static const int64_t step[] = {0, 1};
    fn_schedule s = {.kind = FN_COSINE, .rate = 1, .end = 0.5f};
    RATES(s, 0.5, 0.5);
    s.kind = FN_STEP;
    RATES(s, 1, 1);
}

TEST(schedule_of_the_longest_run)
{
    static const int64_t step[] = {0, 500000000000, 999999999999};
    fn_schedule s = {.kind = FN_STEP, .rate = 1, .steps = 1000000000000};
    RATES(s, 1, 0.1, 0.01);
    s.kind = FN_COSINE;
    CHECK_NEAR(fn_schedule_rate(&s, step[1]), 0.5, 1e-6);
    CHECK(fn_schedule_rate(&s, step[2]) >= 0);
}
