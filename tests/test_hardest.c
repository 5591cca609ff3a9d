/* test_hardest.c -- which triplets are shown: the largest d(a,p) - d(a,n), one an anchor's person,
 * none without a loss. */
#include "core/rng.h"
#include "tests/test.h"
#include "train/hardest.h"

enum { N = 6, TRIPLETS = 5 };

/* People 0, 0, 1, 1, 2, 2. Rows are anchors; only what the triplets read is there. */
static const int label[N] = {0, 0, 1, 1, 2, 2};
static const fn_triplet list[TRIPLETS] = {
    {0, 1, 2}, /* 0.9 - 0.8 */
    {0, 1, 4}, /* 0.9 - 0.3: hardest, of person 0 */
    {1, 0, 3}, /* 0.5 - 0.1: harder than those below, but of person 0 again */
    {2, 3, 5}, /* 0.4 - 0.5: semi-hard */
    {4, 5, 0}, /* 0.2 - 0.5: beyond the margin of 0.2, no loss */
};

static void fill(float d[N * N])
{
    memset(d, 0, N * N * sizeof *d);
    d[0 * N + 1] = 0.9F;
    d[0 * N + 2] = 0.8F;
    d[0 * N + 4] = 0.3F;
    d[1 * N + 0] = 0.5F;
    d[1 * N + 3] = 0.1F;
    d[2 * N + 3] = 0.4F;
    d[2 * N + 5] = 0.5F;
    d[4 * N + 5] = 0.2F;
    d[4 * N + 0] = 0.5F;
}

static int find(fn_triplet *hardest, int k, float margin, const float *d)
{
    fn_triplets t = {.triplet = (fn_triplet *)list, .n = TRIPLETS};
    return fn_hardest_triplets(hardest, k, &t, d, label, N, margin);
}

static void check(fn_triplet got, fn_triplet want)
{
    CHECK_INT(got.anchor, want.anchor);
    CHECK_INT(got.positive, want.positive);
    CHECK_INT(got.negative, want.negative);
}

TEST(hardest_first_one_a_person)
{
    float d[N * N];
    fn_triplet got[TRIPLETS];
    fill(d);
    CHECK_INT(find(got, TRIPLETS, 0.2F, d), 2);
    check(got[0], list[1]);
    check(got[1], list[3]);
    CHECK_INT(find(got, 1, 0.2F, d), 1);
    check(got[0], list[1]);
    CHECK_INT(find(got, 0, 0.2F, d), 0);
}

TEST(a_margin_says_which_have_a_loss)
{
    float d[N * N];
    fn_triplet got[TRIPLETS];
    fill(d);
    CHECK_INT(find(got, TRIPLETS, 0.31F, d), 3);
    check(got[2], list[4]);
    CHECK_INT(find(got, TRIPLETS, 0.05F, d), 1);
}

TEST(the_first_of_equals_and_no_nan)
{
    float d[N * N] = {0};
    fn_triplet got[TRIPLETS];
    CHECK_INT(find(got, TRIPLETS, 0.2F, d), 3);
    check(got[0], list[0]);
    check(got[1], list[3]);
    check(got[2], list[4]);
    for (int i = 0; i < N * N; i++)
        d[i] = NAN;
    CHECK_INT(find(got, TRIPLETS, 0.2F, d), 0);
    CHECK_INT(fn_hardest_triplets(got, TRIPLETS, &(fn_triplets){.n = 0}, d, label, N, 1),
              0);
}
