/* test_pack_split.c -- splitting by people: nobody is lost, copied twice, or moved. */
#include "core/mem.h"
#include "data/pack.h"
#include "tests/people.h"

enum { PEOPLE = 120 };

static fn_pack *open_people(void)
{
    int count[PEOPLE];
    for (int i = 0; i < PEOPLE; i++)
        count[i] = 1 + i % 3;
    fn_test_scratch();
    return fn_test_pack(count, PEOPLE);
}

static void split(fn_pack *side[2], double share, uint64_t seed)
{
    side[0] = side[1] = NULL;
    CHECK_OK(fn_pack_split(fn_test_path("test.h5"), fn_test_path("kept.h5"),
                           fn_test_path("held.h5"), share, seed));
    CHECK_OK(fn_pack_open(&side[0], fn_test_path("kept.h5")));
    CHECK_OK(fn_pack_open(&side[1], fn_test_path("held.h5")));
}

static void close_sides(fn_pack *side[2])
{
    fn_pack_close(side[0]);
    fn_pack_close(side[1]);
}

static int find(const fn_pack *p, const char *person)
{
    for (int i = 0; i < fn_pack_people(p); i++)
        if (strcmp(fn_pack_person(p, i), person) == 0)
            return i;
    return -1;
}

static void check_copied(const fn_pack *from, int person, const fn_pack *to, int at)
{
    CHECK_INT(fn_pack_count(to, at), fn_pack_count(from, person));
    for (int k = 0; k < fn_pack_count(to, at); k++) {
        int a = fn_pack_first(from, person) + k, b = fn_pack_first(to, at) + k;
        uint8_t *x, *y;
        size_t n, m;
        CHECK_TEXT(fn_pack_name(to, b), fn_pack_name(from, a));
        CHECK_OK(fn_pack_bytes(from, a, &x, &n));
        CHECK_OK(fn_pack_bytes(to, b, &y, &m));
        CHECK(n == m && memcmp(x, y, n) == 0);
        fn_free(x);
        fn_free(y);
    }
}

TEST(every_person_is_on_one_side_with_all_images)
{
    fn_pack *p = open_people(), *side[2];
    split(side, 0.3, 1);
    CHECK_INT(fn_pack_people(side[0]) + fn_pack_people(side[1]), PEOPLE);
    CHECK_INT(fn_pack_images(side[0]) + fn_pack_images(side[1]), fn_pack_images(p));
    CHECK_NEAR(fn_pack_people(side[1]), 0.3 * PEOPLE, 20); /* 4 standard deviations */
    CHECK_TEXT(fn_pack_crop(side[0]), fn_pack_crop(p));
    CHECK_TEXT(fn_pack_crop(side[1]), fn_pack_crop(p));
    for (int i = 0; i < PEOPLE; i++) {
        int kept = find(side[0], fn_pack_person(p, i));
        int held = find(side[1], fn_pack_person(p, i));
        CHECK((kept < 0) != (held < 0));
        check_copied(p, i, side[held >= 0], held >= 0 ? held : kept);
    }
    close_sides(side);
    fn_pack_close(p);
    fn_test_sweep();
}

/* The people held out, as one bit each. */
static void held_out(bool *held, const fn_pack *p, double share, uint64_t seed)
{
    fn_pack *side[2];
    split(side, share, seed);
    for (int i = 0; i < PEOPLE; i++)
        held[i] = find(side[1], fn_pack_person(p, i)) >= 0;
    close_sides(side);
}

TEST(the_side_is_a_function_of_seed_and_name)
{
    bool a[PEOPLE], b[PEOPLE];
    fn_pack *p = open_people();
    held_out(a, p, 0.3, 1);
    held_out(b, p, 0.3, 1);
    CHECK(memcmp(a, b, sizeof a) == 0);
    held_out(b, p, 0.3, 2);
    CHECK(memcmp(a, b, sizeof a) != 0);
    held_out(b, p, 0.6, 1); /* a larger share only adds */
    for (int i = 0; i < PEOPLE; i++)
        CHECK(b[i] || !a[i]);
    for (int i = 0; i < PEOPLE; i += 2) /* half of the people gone: the others stay */
        CHECK_OK(fn_file_remove_tree(
            fn_test_path(strcat(strcpy((char[32]){0}, "people/"), fn_pack_person(p, i)))));
    fn_pack_options o = {.crop = NULL};
    fn_pack_report r;
    CHECK_OK(fn_pack_make(fn_test_path("test.h5"), fn_test_path("people"), &o, &r));
    CHECK_INT(r.people, PEOPLE / 2);
    held_out(b, p, 0.3, 1);
    for (int i = 0; i < PEOPLE; i++)
        CHECK(b[i] == (a[i] && i % 2));
    fn_pack_close(p);
    fn_test_sweep();
}

TEST(splits_that_make_no_sense_are_refused)
{
    char path[FN_TEST_PATH + 64], kept[FN_TEST_PATH + 64];
    fn_pack *p = open_people();
    fn_pack_close(p);
    snprintf(path, sizeof path, "%s", fn_test_path("test.h5"));
    snprintf(kept, sizeof kept, "%s", fn_test_path("kept.h5"));
    const double bad[] = {0, 1, -0.5, 2, NAN};
    for (int i = 0; i < 5; i++)
        CHECK_FAILS(fn_pack_split(path, kept, fn_test_path("held.h5"), bad[i], 1),
                    FN_EINVAL, "between 0 and 1");
    CHECK_FAILS(fn_pack_split(path, kept, kept, 0.5, 1), FN_EINVAL, "different files");
    CHECK_FAILS(fn_pack_split(path, path, kept, 0.5, 1), FN_EINVAL, "different files");
    CHECK_FAILS(fn_pack_split(path, kept, path, 0.5, 1), FN_EINVAL, "different files");
    CHECK_FAILS(fn_pack_split(path, kept, fn_test_path("held.h5"), 1e-6, 1), FN_EDATA,
                "120 and 0");
    CHECK_FAILS(fn_pack_split(fn_test_path("no.h5"), kept, fn_test_path("held.h5"), 0.5, 1),
                FN_ENOENT, "no.h5");
    CHECK(!fn_file_exists(kept) && !fn_file_exists(fn_test_path("held.h5")));
    fn_test_sweep();
}
