/* test_rates.c -- rates that too few pairs support, and those that enough do. */
#include "eval/rates.h"
#include "tests/test.h"

/* 100 pairs of two people in each of 2 folds: 0.1 is 10 false accepts in the other fold. */
TEST(rates_need_ten_false_accepts)
{
    static fn_pair pair[240];
    static float distance[240];
    static int person[40];
    char reason[FN_RATE_REASON];
    fn_pairs p = {.pair = pair, .n = 240, .folds = 2};
    fn_verification *v;
    fn_clusters *c;
    fn_rate r;
    for (int i = 0; i < 240; i++) {
        int a = i % 40;
        pair[i] = (fn_pair){
            .a = a, .b = i < 40 ? a : (a + 1 + i / 40) % 40, .fold = i % 2, .same = i < 40};
        distance[i] = i < 40 ? 0.5F + 0.01F * (float)i : 0.6F + 0.01F * (float)(i - 40);
    }
    for (int i = 0; i < 40; i++)
        person[i] = i;
    CHECK_OK(fn_verify_pairs(&v, &p, distance));
    CHECK_OK(fn_clusters_open(&c, &p, person, 40));
    CHECK_OK(fn_rates_measure(&r, 0.1, v, &p, distance, c));
    CHECK(r.supported && r.outside == 100);
    CHECK_NEAR(r.val, 0.75, 0.03);
    CHECK_NEAR(r.val_far, 0.1, 0.011);
    CHECK_NEAR(r.tar, 0.75, 0.03);
    CHECK(r.interval.low < r.tar && r.tar < r.interval.high);
    CHECK_OK(fn_rates_measure(&r, 0.099, v, &p, distance, c));
    CHECK(!r.supported && isnan(r.val) && isnan(r.tar) && isnan(r.interval.low));
    fn_rates_reason(reason, &r);
    CHECK(strstr(reason, "9.9 false accepts among the 100 pairs"));
    fn_clusters_close(c);
    for (int i = 0; i < 40; i++)
        person[i] = i % 9; /* 9 people say nothing of others */
    CHECK_OK(fn_clusters_open(&c, &p, person, 9));
    CHECK_OK(fn_rates_measure(&r, 0.1, v, &p, distance, c));
    CHECK(r.supported && !isnan(r.tar) && isnan(r.interval.low));
    fn_clusters_close(c);
    fn_verification_free(v);
}
