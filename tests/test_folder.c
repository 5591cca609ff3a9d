/* test_folder.c -- who is a person in a tree of folders. */
#include "data/folder.h"
#include "tests/people.h"

static void count_tells(void *ctx, const char *path, const char *reason, int64_t done,
                        int64_t total)
{
    (void)path, (void)done, (void)total;
    if (reason)
        ++*(int *)ctx;
}

static int open_tree(fn_folder **f)
{
    int told = 0;
    fn_pack_options o = {.tell = count_tells, .ctx = &told};
    CHECK_OK(fn_folder_open(f, fn_test_path("people"), &o));
    return told;
}

TEST(a_folder_with_images_is_a_person_at_any_depth)
{
    static const char *const name[] = {"a", "a b", "a/b/c", "a/b/d", "z"};
    static const char *const file[] = {"a/1.jpg",     "a b/1.PPM",    "a/b/c/1.png",
                                       "a/b/c/2.pgm", "a/b/d/1.jpeg", "z/y.txt"};
    const int count[] = {1, 1, 2, 1, 0};
    char path[64];
    fn_folder *f;
    fn_test_scratch();
    for (int i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "people/%s", file[i]);
        fn_test_put(path, "x", 1);
    }
    CHECK_INT(open_tree(&f), 1); /* of y.txt */
    CHECK_INT(f->people, 5);
    CHECK_INT(f->images, 5);
    for (int i = 0; i < 5 && i < f->people; i++) {
        CHECK_TEXT(f->person[i].name, name[i]);
        CHECK_INT(f->person[i].n, count[i]);
    }
    fn_folder_close(f);
    fn_test_sweep();
}

/* Followed, it would hold itself again and again. */
TEST(links_upwards_are_told_and_not_followed)
{
    fn_folder *f;
    fn_test_scratch();
    fn_test_put("people/a/1.jpg", "x", 1);
    fn_test_put("people/b/1.jpg", "x", 1);
    CHECK(symlink("..", fn_test_path("people/a/up")) == 0);
    CHECK(symlink(".", fn_test_path("people/b/here")) == 0);
    CHECK(symlink("../a", fn_test_path("people/b/other")) == 0); /* no loop: a person */
    CHECK_INT(open_tree(&f), 3); /* and a/up found again below b/other */
    CHECK_INT(f->people, 3);
    CHECK_TEXT(f->person[2].name, "b/other");
    fn_folder_close(f);
    fn_test_sweep();
}

TEST(too_deep_a_tree_is_told)
{
    char path[256] = "people";
    fn_folder *f;
    fn_test_scratch();
    for (int i = 0; i < 34; i++)
        strcat(path, "/d");
    strcat(path, "/1.jpg");
    fn_test_put(path, "x", 1);
    CHECK_INT(open_tree(&f), 1);
    CHECK_INT(f->people, 0);
    fn_folder_close(f);
    fn_test_sweep();
}

TEST(every_failed_allocation_is_reported)
{
    fn_folder *f = NULL;
    fn_pack_options o = {.tell = NULL};
    fn_status rc = FN_ENOMEM;
    long n = 1;
    fn_test_scratch();
    fn_test_put("people/a/b/1.jpg", "x", 1);
    fn_test_put("people/c/1.jpg", "x", 1);
    for (; rc != FN_OK && n < 200; n++) {
        fn_fail_alloc(n);
        rc = fn_folder_open(&f, fn_test_path("people"), &o);
        CHECK(rc == FN_OK || (rc == FN_ENOMEM && !f));
    }
    fn_fail_alloc(0);
    CHECK(rc == FN_OK && n > 8);
    fn_folder_close(f);
    fn_test_sweep();
}
