/* test_sampler.c -- batches are full, even over people, and a function of (seed, step). */
#include "data/sampler.h"
#include "tests/people.h"

/* 30 people: 5 with one image, the others with 2, 3 or 9. */
enum { PEOPLE = 30, ALONE = 5, P = 4, K = 3, SIZE = P * K };

static void counts(int *count)
{
    for (int i = 0; i < PEOPLE; i++)
        count[i] = i % 6 == 5 ? 1 : i % 3 == 0 ? 9 : 2 + i % 2;
}

static fn_pack *open_pack(void)
{
    int count[PEOPLE];
    counts(count);
    fn_test_scratch();
    return fn_test_pack(count, PEOPLE);
}

static void close_all(fn_sampler *s, fn_pack *p)
{
    fn_sampler_close(s);
    fn_pack_close(p);
    fn_test_sweep();
}

/* People come in runs, no image twice, every run but the last as long as it can be. */
static void check_batch(const fn_pack *p, const int *image, const int *label)
{
    for (int i = 0; i < SIZE; i++) {
        CHECK_INT(fn_pack_person_of(p, image[i]), label[i]);
        CHECK(fn_pack_count(p, label[i]) >= 2);
        for (int k = 0; k < i; k++) {
            CHECK(image[k] != image[i]);
            CHECK(label[k] != label[i] || label[i - 1] == label[i]);
        }
    }
    for (int i = 0, run; i < SIZE; i += run) {
        for (run = 1; i + run < SIZE && label[i + run] == label[i];)
            run++;
        int most = fn_pack_count(p, label[i]) < K ? fn_pack_count(p, label[i]) : K;
        CHECK(i + run == SIZE ? run <= most : run == most);
    }
}

TEST(batches_are_full_and_grouped)
{
    int image[SIZE + 1], label[SIZE + 1];
    fn_pack *p = open_pack();
    fn_sampler *s = NULL;
    CHECK_OK(fn_sampler_open(&s, p, (fn_sampler_options){P, K, 0, 7}));
    CHECK_INT(fn_sampler_size(s), SIZE);
    for (uint64_t step = 0; step < 200; step++) {
        image[SIZE] = label[SIZE] = -77;
        CHECK_OK(fn_sampler_batch(s, step, image, label));
        CHECK(image[SIZE] == -77 && label[SIZE] == -77);
        check_batch(p, image, label);
    }
    close_all(s, p);
}

/* A person is first in a batch with probability 1/25, whatever they have of images. */
TEST(people_are_drawn_evenly)
{
    enum { STEPS = 20000 };
    int image[SIZE], label[SIZE], seen[PEOPLE] = {0}, faces[9] = {0};
    fn_pack *p = open_pack();
    fn_sampler *s = NULL;
    double chi = 0, want = STEPS / 25.0;
    CHECK_OK(fn_sampler_open(&s, p, (fn_sampler_options){P, K, 0, 1}));
    for (uint64_t step = 0; step < STEPS; step++) {
        CHECK_OK(fn_sampler_batch(s, step, image, label));
        seen[label[0]]++;
        for (int i = 0; i < SIZE; i++)
            if (label[i] == 0)
                faces[image[i]]++;
    }
    for (int i = 0; i < PEOPLE; i++) {
        if (fn_pack_count(p, i) == 1)
            CHECK_INT(seen[i], 0);
        else
            chi += (seen[i] - want) * (seen[i] - want) / want;
    }
    CHECK(chi < 52.6); /* 24 degrees of freedom: exceeded once in 1500 seeds */
    CHECK(chi > 7);
    int all = 0;
    for (int i = 0; i < 9; i++)
        all += faces[i];
    for (int i = 0; i < 9; i++)
        CHECK_NEAR(faces[i], all / 9.0, 5 * sqrt(all / 9.0));
    close_all(s, p);
}

TEST(a_batch_is_a_function_of_seed_and_step)
{
    int image[4][SIZE], label[SIZE];
    fn_pack *p = open_pack();
    fn_sampler *s = NULL, *again = NULL, *other = NULL;
    CHECK_OK(fn_sampler_open(&s, p, (fn_sampler_options){P, K, 0, 1}));
    CHECK_OK(fn_sampler_open(&again, p, (fn_sampler_options){P, K, 0, 1}));
    CHECK_OK(fn_sampler_open(&other, p, (fn_sampler_options){P, K, 0, 2}));
    CHECK_OK(fn_sampler_batch(s, 5, image[0], label));
    CHECK_OK(fn_sampler_batch(s, 6, image[1], label));
    CHECK_OK(fn_sampler_batch(again, 5, image[2], label)); /* without any batch before */
    CHECK_OK(fn_sampler_batch(other, 5, image[3], label));
    CHECK(memcmp(image[0], image[2], sizeof image[0]) == 0);
    CHECK(memcmp(image[0], image[1], sizeof image[0]) != 0);
    CHECK(memcmp(image[0], image[3], sizeof image[0]) != 0);
    CHECK_OK(fn_sampler_batch(s, UINT64_C(1) << 40 | 5, image[3], label));
    CHECK(memcmp(image[0], image[3], sizeof image[0]) != 0); /* steps are 64 bits */
    fn_sampler_close(again);
    fn_sampler_close(other);
    close_all(s, p);
}

/* 5 people have 9, 10 have 2 or 3 (cut to 3): the set gives exactly what check_size says. */
TEST(a_batch_larger_than_the_set_is_refused_with_the_largest)
{
    int most = 0, image[PEOPLE * 3], label[PEOPLE * 3];
    char text[64];
    fn_pack *p = open_pack();
    fn_sampler *s = NULL;
    for (int i = 0; i < PEOPLE; i++)
        if (fn_pack_count(p, i) >= 2)
            most += fn_pack_count(p, i) < K ? fn_pack_count(p, i) : K;
    CHECK_OK(fn_sampler_open(&s, p, (fn_sampler_options){most / K, K, 0, 1}));
    CHECK_OK(fn_sampler_batch(s, 3, image, label));
    fn_sampler_close(s);
    snprintf(text, sizeof text, "the largest batch is %d people x %d faces", most / K, K);
    CHECK_FAILS(fn_sampler_open(&s, p, (fn_sampler_options){most / K + 1, K, 0, 1}),
                FN_ECONFIG, text);
    CHECK(s == NULL);
    CHECK_FAILS(fn_sampler_open(&s, p, (fn_sampler_options){1000000, 1000000, 0, 1}),
                FN_ECONFIG, "1000000000000");
    CHECK_FAILS(fn_sampler_open(&s, p, (fn_sampler_options){0, 3, 0, 1}), FN_ECONFIG,
                "is empty");
    close_all(NULL, p);
}

/* The whole set in one batch: everybody is drawn and every image is there. */
TEST(a_batch_can_be_the_whole_set)
{
    const int count[] = {2, 1, 4};
    int image[6], label[6], seen[7] = {0};
    fn_test_scratch();
    fn_pack *p = fn_test_pack(count, 3);
    fn_sampler *s = NULL;
    CHECK_OK(fn_sampler_open(&s, p, (fn_sampler_options){1, 6, 0, 1}));
    CHECK_OK(fn_sampler_batch(s, 0, image, label));
    for (int i = 0; i < 6; i++)
        seen[image[i]]++;
    for (int i = 0; i < 7; i++)
        CHECK_INT(seen[i], i != 2);
    close_all(s, p);
}

TEST(a_set_without_pairs_is_refused)
{
    const int count[] = {1, 3, 1};
    fn_test_scratch();
    fn_pack *p = fn_test_pack(count, 3);
    fn_sampler *s = NULL;
    CHECK_FAILS(fn_sampler_open(&s, p, (fn_sampler_options){2, 2, 0, 1}), FN_EDATA,
                "only 1 of 3 people");
    CHECK(s == NULL);
    close_all(s, p);
}

TEST(every_failed_allocation_is_reported)
{
    int image[SIZE], label[SIZE];
    fn_pack *p = open_pack();
    fn_sampler *s = NULL;
    fn_status rc = FN_ENOMEM;
    long n = 1;
    for (; rc != FN_OK && n < 100; n++) {
        fn_fail_alloc(n);
        rc = fn_sampler_open(&s, p, (fn_sampler_options){P, K, 0, 1});
        CHECK(rc == FN_OK || (rc == FN_ENOMEM && !s));
    }
    fn_fail_alloc(0);
    CHECK_INT(n - 1, 3); /* two allocations can fail */
    fn_fail_alloc(1);
    CHECK_FAILS(fn_sampler_batch(s, 0, image, label), FN_ENOMEM, "no memory");
    fn_fail_alloc(0);
    close_all(s, p);
}

/* Negatives: one face each of people whom the batch has not, evenly, single faces too. */
TEST(negatives_are_other_people)
{
    enum { NEGATIVES = 12, ALL = SIZE + NEGATIVES, STEPS = 3000 };
    int image[ALL], label[ALL], plain[SIZE], none[SIZE], seen[PEOPLE] = {0};
    fn_pack *p = open_pack();
    fn_sampler *s = NULL, *without = NULL;
    CHECK_OK(fn_sampler_open(&s, p, (fn_sampler_options){P, K, NEGATIVES, 7}));
    CHECK_OK(fn_sampler_open(&without, p, (fn_sampler_options){P, K, 0, 7}));
    CHECK_INT(fn_sampler_size(s), ALL);
    for (uint64_t step = 0; step < STEPS; step++) {
        CHECK_OK(fn_sampler_batch(s, step, image, label));
        CHECK_OK(fn_sampler_batch(without, step, plain, none));
        CHECK(memcmp(image, plain, sizeof plain) == 0);
        for (int i = SIZE; i < ALL; i++) {
            CHECK_INT(fn_pack_person_of(p, image[i]), label[i]);
            for (int k = 0; k < i; k++)
                CHECK(label[k] != label[i]);
            seen[label[i]]++;
        }
    }
    for (int i = 0; i < PEOPLE; i++) /* those alone are never among the pairs: more often */
        CHECK(seen[i] > STEPS * NEGATIVES / PEOPLE / 2);
    fn_sampler_close(without);
    close_all(s, p);
}

/* The batch of 12 takes 5 people with 2 faces and 1 with 3, at most: 6 of the 30. */
TEST(negatives_that_may_run_out_are_refused)
{
    fn_pack *p = open_pack();
    fn_sampler *s = NULL;
    CHECK_OK(fn_sampler_open(&s, p, (fn_sampler_options){P, K, 24, 7}));
    fn_sampler_close(s);
    CHECK_FAILS(fn_sampler_open(&s, p, (fn_sampler_options){P, K, 25, 7}), FN_ECONFIG,
                "use train.negatives=24 or fewer");
    close_all(NULL, p);
}
