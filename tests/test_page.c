/* test_page.c -- pages, CSV and pictures of mistakes when memory is out or an image is gone.
 * What is in a page is parsed by tests/test_page.py. */
#include "eval/csv.h"
#include "eval/mistakes.h"
#include "eval/page.h"
#include "tests/people.h"

static fn_lfw_options options = {.pixels = true, .threads = 1};

/* 4 people of 3 images, 2 folds of 2 + 2 pairs; the distances are made up. */
static fn_lfw *begin(void)
{
    static const int count[] = {3, 3, 3, 3};
    static const char pairs[] = "2 2\np000 1 2\np001 1 2\np000 1 p001 1\np000 2 p001 2\n"
                                "p002 1 2\np003 1 2\np002 1 p003 1\np002 2 p003 2\n";
    static char file[FN_TEST_PATH], images[FN_TEST_PATH];
    fn_lfw *r = NULL;
    fn_test_scratch();
    fn_test_put_people(count, 4);
    fn_test_put("pairs.txt", pairs, sizeof pairs - 1);
    snprintf(file, sizeof file, "%s/pairs.txt", fn_test_root);
    snprintf(images, sizeof images, "%s/people", fn_test_root);
    options.pairs = file;
    options.images = images;
    CHECK_OK(fn_lfw_run(&r, &options));
    return r;
}

static void end(fn_lfw *r)
{
    fn_lfw_free(r);
    fn_test_sweep();
}

/* Judged at 1 in both folds: pairs 1, 3, 4, 5 and 7 are wrong. */
static void make_up(fn_lfw *r, float distance[8])
{
    static const float d[] = {0.5F, 1.5F, 1.25F, 0.75F, 2.5F, 1, 1.5F, 0.25F};
    memcpy(distance, d, sizeof d);
    r->distance = distance;
    r->verification->fold_threshold[0] = r->verification->fold_threshold[1] = 1;
}

TEST(worst_mistakes_first)
{
    float distance[8];
    int worst[FN_MISTAKES], n;
    fn_lfw *r = begin();
    make_up(r, distance);
    CHECK_OK(fn_mistakes_find(worst, &n, false, r));
    CHECK_INT(n, 2);
    CHECK_INT(worst[0], 7);
    CHECK_INT(worst[1], 3);
    CHECK_OK(fn_mistakes_find(worst, &n, true, r));
    CHECK_INT(n, 3);
    CHECK_INT(worst[0], 4);
    CHECK_INT(worst[1], 1);
    CHECK_INT(worst[2], 5); /* a distance of the threshold itself is a reject */
    r->verification->fold_threshold[1] = 3;
    CHECK_OK(fn_mistakes_find(worst, &n, true, r));
    CHECK_INT(n, 1);
    CHECK_INT(worst[0], 1); /* each fold has its own threshold */
    end(r);
}

typedef fn_status (*writer)(const char *path, const fn_lfw *r);

static fn_status write_csv(const char *path, const fn_lfw *r)
{
    return fn_csv_write(path, r->pairs, r->distance, r->verification);
}

static fn_status evaluate(const char *path, const fn_lfw *r)
{
    fn_lfw *again;
    (void)path;
    (void)r;
    fn_status rc = fn_lfw_run(&again, &options);
    CHECK((rc == FN_OK) == (again != NULL));
    fn_lfw_free(again);
    return rc;
}

/* Each failed allocation is FN_ENOMEM and leaves no file. */
static void starve(writer write, const fn_lfw *r, const char *name, int least)
{
    const char *path = fn_test_path(name);
    long k = 1;
    for (;; k++) {
        fn_fail_alloc(k);
        fn_status rc = write(path, r);
        fn_fail_alloc(0);
        if (rc == FN_OK)
            break;
        if (rc != FN_ENOMEM || k > 2000)
            FN_TEST_FAIL("%s, allocation %ld: %s", name, k, fn_last_error());
        CHECK(!fn_file_exists(path));
        if (k > 2000)
            return;
    }
    CHECK(k > least);
}

TEST(failed_allocations_while_writing)
{
    float distance[8];
    fn_lfw *r = begin();
    make_up(r, distance);
    starve(fn_page_write, r, "page.html", 50);
    starve(write_csv, r, "pairs.csv", 2);
    end(r);
}

TEST(failed_allocations_while_evaluating)
{
    fn_lfw *r = begin();
    starve(evaluate, r, "nothing", 50);
    CHECK_INT(unlink(fn_test_path("people/p003/p003_0002.jpg")), 0);
    options.allow_missing = true;
    starve(evaluate, r, "nothing", 60);
    options.allow_missing = false;
    CHECK_FAILS(evaluate(NULL, r), FN_ENOENT, "1 of the 8 images");
    end(r);
}

TEST(an_image_that_went_away_is_named)
{
    float distance[8];
    fn_lfw *r = begin();
    make_up(r, distance);
    CHECK_INT(unlink(fn_test_path("people/p003/p003_0002.jpg")), 0);
    CHECK_FAILS(fn_page_write(fn_test_path("page.html"), r), FN_ENOENT, "p003_0002.jpg");
    CHECK(!fn_file_exists(fn_test_path("page.html")));
    CHECK_OK(write_csv(fn_test_path("pairs.csv"), r));
    end(r);
}
