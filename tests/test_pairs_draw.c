/* test_pairs_draw.c -- protocols drawn from labelled images. */
#include "core/mem.h"
#include "eval/pairs.h"
#include "tests/test.h"

enum { PEOPLE = 60, MOST = 12 };

/* Person i has 1 + i % MOST images, and the images are not in the order of people. */
static int label_images(int *label)
{
    int n = 0;
    for (int k = 0; k < MOST; k++)
        for (int i = 0; i < PEOPLE; i++)
            if (k <= i % MOST)
                label[n++] = 100 + 7 * i;
    return n;
}

static void check_drawn(const fn_pairs *p, const int *label, int n, int folds)
{
    int home[PEOPLE], same[16] = {0}, all[16] = {0};
    memset(home, -1, sizeof home);
    for (int i = 0; i < p->n; i++) {
        const fn_pair *q = &p->pair[i];
        CHECK(q->a >= 0 && q->a < n && q->b >= 0 && q->b < n && q->a != q->b);
        CHECK_INT(label[q->a] == label[q->b], q->same);
        CHECK(q->fold >= 0 && q->fold < folds);
        int end_of[2] = {(label[q->a] - 100) / 7, (label[q->b] - 100) / 7};
        for (int e = 0; e < 2; e++) {
            CHECK(home[end_of[e]] < 0 || home[end_of[e]] == q->fold);
            home[end_of[e]] = q->fold;
        }
        same[q->fold] += q->same;
        all[q->fold]++;
        for (int k = 0; k < i; k++)
            CHECK(!(p->pair[k].a == q->a && p->pair[k].b == q->b) &&
                  !(p->pair[k].a == q->b && p->pair[k].b == q->a));
    }
    for (int f = 0; f < folds; f++) {
        CHECK(all[f] > 0);
        CHECK_INT(2 * same[f], all[f]);
    }
}

TEST(draws_halves_without_repeats_or_shared_people)
{
    int label[PEOPLE * MOST], n = label_images(label);
    fn_pairs *p;
    CHECK_OK(fn_pairs_draw(&p, label, n, 200, 10, 3));
    CHECK_INT(p->n, 200);
    CHECK_INT(p->folds, 10);
    CHECK(!p->path && p->n_path == 0);
    check_drawn(p, label, n, 10);
    fn_pairs_free(p);
    CHECK_OK(fn_pairs_draw(&p, label, n, 206, 4, 3));
    CHECK_INT(p->n, 206);
    check_drawn(p, label, n, 4);
    fn_pairs_free(p);
}

/* 60 people, 5 of each size 1..12: the pairs of one person are 5 * sum of c (c - 1) / 2. */
TEST(draws_all_there_are_and_no_more)
{
    int label[PEOPLE * MOST], n = label_images(label);
    fn_pairs *p;
    CHECK_OK(fn_pairs_draw(&p, label, n, 100000, 1, 3));
    CHECK_INT(p->n, 2 * 5 * 286);
    check_drawn(p, label, n, 1);
    fn_pairs_free(p);
    int two[5] = {1, 1, 1, 2, 2}; /* 4 pairs of one person, 6 of two */
    CHECK_OK(fn_pairs_draw(&p, two, 5, 1000, 1, 3));
    CHECK_INT(p->n, 8);
    fn_pairs_free(p);
    int six[9] = {1, 1, 1, 1, 1, 1, 1, 1, 2}; /* 28 of one person, 8 of two */
    CHECK_OK(fn_pairs_draw(&p, six, 9, 1000, 1, 3));
    CHECK_INT(p->n, 16);
    fn_pairs_free(p);
}

/* People count evenly: with 100 pairs from 55 people who have two images, none has over 2. */
TEST(draws_people_evenly)
{
    int label[PEOPLE * MOST], n = label_images(label), of[PEOPLE] = {0};
    fn_pairs *p;
    CHECK_OK(fn_pairs_draw(&p, label, n, 200, 1, 5));
    for (int i = 0; i < p->n; i++)
        if (p->pair[i].same)
            of[(label[p->pair[i].a] - 100) / 7]++;
    for (int i = 0; i < PEOPLE; i++)
        CHECK(of[i] <= 2 && (i % MOST == 0 || of[i] >= 1));
    fn_pairs_free(p);
}

TEST(a_draw_is_a_function_of_its_seed)
{
    int label[PEOPLE * MOST], n = label_images(label);
    fn_pairs *a, *b, *c;
    CHECK_OK(fn_pairs_draw(&a, label, n, 200, 10, 3));
    CHECK_OK(fn_pairs_draw(&b, label, n, 200, 10, 3));
    CHECK_OK(fn_pairs_draw(&c, label, n, 200, 10, 4));
    CHECK(memcmp(a->pair, b->pair, 200 * sizeof *a->pair) == 0);
    CHECK(memcmp(a->pair, c->pair, 200 * sizeof *a->pair) != 0);
    int moved = 0; /* other people share a fold, not only other images of them */
    for (int i = 0; i < 200; i++)
        moved += label[a->pair[i].a] != label[c->pair[i].a];
    CHECK(moved > 100);
    fn_pairs_free(a);
    fn_pairs_free(b);
    fn_pairs_free(c);
}

TEST(draws_nothing_from_too_few_people)
{
    int label[] = {1, 1, 2, 2, 3, 4};
    fn_pairs *p;
    CHECK_FAILS(fn_pairs_draw(&p, label, 6, 100, 3, 1), FN_EDATA,
                "4 people, 2 of them with two images or more, do not make 3 folds");
    CHECK(!p);
    CHECK_FAILS(fn_pairs_draw(&p, NULL, 0, 100, 1, 1), FN_EDATA, "0 people");
    CHECK_FAILS(fn_pairs_draw(&p, label, 6, 3, 2, 1), FN_EINVAL, "at least 4");
    CHECK_OK(fn_pairs_draw(&p, label, 6, 4, 2, 1));
    CHECK_INT(p->n, 4);
    fn_pairs_free(p);
    for (long k = 1;; k++) {
        fn_fail_alloc(k);
        fn_status rc = fn_pairs_draw(&p, label, 6, 4, 2, 1);
        fn_fail_alloc(0);
        if (rc == FN_OK)
            break;
        CHECK_INT(rc, FN_ENOMEM);
        CHECK(!p && k < 100);
    }
    fn_pairs_free(p);
}
