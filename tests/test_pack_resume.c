/* test_pack_resume.c -- packing that is killed, fails or is disturbed goes on where it was, and the
 * pack has the bytes that it would have had. */
#include "core/rng.h"
#include "data/pack.h"
#include "tests/resume.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <fcntl.h>

static const char centre[] = "centre: 20@20,16";

/* What is there is packed, and as it would be at a first attempt. */
static void check_goes_on(const char *crop, int least, int most)
{
    heard h;
    fn_pack_report r;
    CHECK_OK(pack(&h, "fresh.h5", crop, &r));
    CHECK_INT(h.times, 0);
    int left_out = h.left_out;
    CHECK_OK(pack(&h, "new.h5", crop, &r));
    CHECK_INT(h.left_out, left_out);
    CHECK_INT(r.left_out, left_out);
    if (recalled(&h) < least || recalled(&h) > most)
        FN_TEST_FAIL("recalled %d of %d to %d: %s", recalled(&h), least, most, h.sentence);
    CHECK(equal("new.h5", "fresh.h5"));
    check_clean("new.h5");
}

/* --- killed --- */

/* Packs in another process and kills it after a while; true when it was done before. */
static bool pack_and_kill(const char *crop, long microseconds)
{
    int status;
    heard h;
    fn_pack_report r;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(pack(&h, "new.h5", crop, &r) == FN_OK ? 0 : 1);
    nanosleep(&(struct timespec){.tv_nsec = microseconds * 1000}, NULL);
    kill(child, SIGKILL);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFEXITED(status);
}

static void kill_until_done(const char *crop)
{
    heard h;
    fn_pack_report r;
    int kills = 0, went_on = 0;
    CHECK_OK(pack(&h, "fresh.h5", crop, &r));
    for (uint32_t round = 0; round < 2; round++) {
        long wait = 500;
        fn_rng g = fn_rng_at(round, FN_RNG_TEST, 0, 0);
        unlink(fn_test_path("new.h5"));
        while (!pack_and_kill(crop, (long)fn_rng_below(&g, (uint32_t)wait))) {
            kills++;
            wait += 2000;
            CHECK(!fn_file_exists(fn_test_path("new.h5")) || equal("new.h5", "fresh.h5"));
        }
        CHECK(equal("new.h5", "fresh.h5"));
        check_clean("new.h5");
    }
    printf("# %d kills\n", kills);
    CHECK(kills > 8);
    unlink(fn_test_path("new.h5"));
    for (long wait = 2000; !went_on && wait < 900000; wait += 2000) {
        pack_and_kill(crop, wait);
        CHECK_OK(pack(&h, "new.h5", crop, &r));
        CHECK(equal("new.h5", "fresh.h5"));
        went_on = recalled(&h);
    }
    CHECK(went_on > 0);
}

TEST(killed_at_any_time)
{
    enter();
    kill_until_done(NULL);
    kill_until_done(centre);
    fn_test_sweep();
}

/* --- stopped by a full disk --- */

TEST(a_full_disk_costs_nothing_that_was_done)
{
    struct stat st;
    enter();
    stop_at(NULL, SOME);
    CHECK(stat(fn_test_path("new.h5.part"), &st) == 0);
    CHECK_INT(st.st_size, SOME);
    check_goes_on(NULL, 200, IMAGES - 100);
    stop_at(NULL, 100); /* not even the first record */
    CHECK(!fn_file_exists(fn_test_path("new.h5.part")));
    stop_at(NULL, SOME / 2);
    stop_at(NULL, SOME); /* and again, further on */
    check_goes_on(NULL, 200, IMAGES - 100);
    fn_test_sweep();
}

/* --- the folder changes --- */

static void touch(const char *name)
{
    CHECK(utimensat(AT_FDCWD, fn_test_path(name), NULL, 0) == 0);
}

/* Other contents under the old size and time of change. */
static void swap_quietly(const char *name)
{
    struct stat st;
    char bytes[4] = "\xff\xd8\xff\xfe";
    CHECK(stat(fn_test_path(name), &st) == 0);
    fn_test_put(name, bytes, sizeof bytes);
    CHECK(truncate(fn_test_path(name), st.st_size) == 0);
    CHECK(utimensat(AT_FDCWD, fn_test_path(name),
                    (struct timespec[2]){st.st_atim, st.st_mtim}, 0) == 0);
}

/* Packs after a change to the folder that a part was made of. */
static void check_changed(const char *key, int expected)
{
    heard h = {.times = 0};
    fn_pack_report r;
    CHECK_OK(pack(&h, "fresh.h5", NULL, &r));
    CHECK_OK(pack(&h, "new.h5", NULL, &r));
    CHECK(equal("new.h5", "fresh.h5"));
    check_clean("new.h5");
    CHECK_INT(h.times, 1);
    if (!strstr(h.sentence, key) || !strstr(h.sentence, "has changed"))
        FN_TEST_FAIL("expected %s: %s", key, h.sentence);
    CHECK_INT(recalled(&h), expected);
    stop_at(NULL, SOME); /* for the next change */
}

TEST(a_changed_folder_counts_from_its_first_change)
{
    enter();
    stop_at(NULL, SOME);
    fn_test_put_image("people/p1/003.jpg", 99);
    check_changed("p1/003.jpg", FACES + 3);
    swap_quietly("people/p1/004.jpg");
    check_changed("p1/004.jpg", FACES + 4);
    fn_test_put_image("people/p1/004b.jpg", 3); /* a new one */
    check_changed("p1/004b.jpg", FACES + 5);
    unlink(fn_test_path("people/p1/004.jpg"));
    check_changed("p1/004b.jpg", FACES + 4);
    CHECK(rename(fn_test_path("people/p1"), fn_test_path("people/p1x")) == 0);
    check_changed("p1x/000.jpg", FACES);
    touch("people/p0/005.jpg");
    check_changed("p0/005.jpg", 5);
    fn_test_put_image("people/p0/007.jpg", 3); /* what was refused is repaired */
    check_changed("p0/007.jpg", 7);
    touch("people/p0/000.jpg");
    check_changed("p0/000.jpg", 0);
    fn_test_sweep();
}

/* All that is left of the folder is known: the records behind go. */
TEST(a_folder_that_has_shrunk)
{
    enter();
    stop_at(NULL, SOME);
    for (int i = 1; i < PEOPLE; i++) {
        char name[64];
        snprintf(name, sizeof name, "people/p%d", i);
        CHECK_OK(fn_file_remove_tree(fn_test_path(name)));
    }
    CHECK_OK(fn_file_mkdirs(fn_test_path("people/p00")));
    CHECK(rename(fn_test_path("people/p0/109.jpg"), fn_test_path("people/p00/1.jpg")) == 0);
    check_goes_on(NULL, FACES - 1, FACES - 1);
    fn_test_sweep();
}

/* --- another command --- */

static void tell_any(void *ctx, const char *path, const char *reason, int64_t done,
                     int64_t total)
{
    (void)path;
    (void)done;
    (void)total;
    *(int *)ctx += reason != NULL;
}

static void check_starts_anew(const char *crop)
{
    heard h;
    fn_pack_report r;
    CHECK_OK(pack(&h, "fresh.h5", crop, &r));
    CHECK_OK(pack(&h, "new.h5", crop, &r));
    CHECK_INT(h.times, 1);
    CHECK(strstr(h.sentence, "new.h5.part: starts anew") != NULL);
    CHECK(equal("new.h5", "fresh.h5"));
    check_clean("new.h5");
}

static void put_landmarks(int x)
{
    char text[TEXT];
    int n = snprintf(text, sizeof text,
                     "path\tside\tlex\tley\trex\trey\tnx\tny\tlmx\tlmy\trmx\trmy\n"
                     "p0/000.jpg\t40\t%d\t10\t28\t10\t20\t17\t14\t24\t27\t24\n"
                     "p1/001.jpg\t40\t12\t10\t28\t10\t20\t17\t14\t24\t27\t24\n",
                     x);
    fn_test_put("marks.tsv", text, (size_t)n);
}

TEST(another_recipe_folder_or_program_starts_anew)
{
    char recipe[TEXT];
    heard h;
    fn_pack_report r;
    int told = 0;
    fn_pack_options o = {.tell = tell_any, .ctx = &told};
    enter();
    stop_at(NULL, SOME);
    check_starts_anew(centre);
    put_landmarks(12);
    snprintf(recipe, sizeof recipe, "landmarks: %s", fn_test_path("marks.tsv"));
    o.crop = recipe;
    limit_files(1 << 13);
    CHECK_FAILS(fn_pack_make(fn_test_path("new.h5"), fn_test_path("people"), &o, &r),
                FN_EIO, "new.h5");
    limit_files(RLIM_INFINITY);
    put_landmarks(13); /* the same recipe, other points */
    told = 0;
    CHECK_OK(fn_pack_make(fn_test_path("fresh.h5"), fn_test_path("people"), &o, &r));
    h = (heard){.times = 0};
    o = (fn_pack_options){.crop = recipe, .tell = tell_any, .say = say, .ctx = &h};
    CHECK_OK(fn_pack_make(fn_test_path("new.h5"), fn_test_path("people"), &o, &r));
    CHECK(strstr(h.sentence, "starts anew") != NULL);
    CHECK(equal("new.h5", "fresh.h5"));
    stop_at(NULL, SOME);
    CHECK(rename(fn_test_path("people"), fn_test_path("other")) == 0);
    o = (fn_pack_options){.tell = tell_any, .say = say, .ctx = &h};
    CHECK_OK(fn_pack_make(fn_test_path("new.h5"), fn_test_path("other"), &o, &r));
    CHECK(strstr(h.sentence, "starts anew") != NULL);
    fn_test_sweep();
}

/* Killed between giving the pack its name and removing the part. */
TEST(a_part_that_outlived_its_pack)
{
    heard h;
    fn_pack_report r;
    char *part;
    size_t size;
    enter();
    CHECK_OK(pack(&h, "new.h5", NULL, &r));
    CHECK_OK(pack(&h, "fresh.h5", NULL, &r));
    CHECK(mkdir(fn_test_path("new.h5.part.tmp"), 0700) ==
          0); /* no draft can be made there */
    CHECK_FAILS(pack(&h, "new.h5", NULL, &r), FN_EIO, "new.h5.part.tmp");
    CHECK(equal("new.h5", "fresh.h5"));
    CHECK_OK(fn_file_read(&part, &size, fn_test_path("new.h5.part"), 1 << 26));
    CHECK(rmdir(fn_test_path("new.h5.part.tmp")) == 0);
    fn_test_put("new.h5.part.tmp", "the draft of somebody who was killed", 36);
    CHECK_OK(pack(&h, "new.h5", NULL, &r));
    CHECK_INT(recalled(&h), IMAGES);
    CHECK(h.left_out == 2 && r.left_out == 2 && r.images == IMAGES - 2);
    CHECK(equal("new.h5", "fresh.h5"));
    check_clean("new.h5");
    fn_free(part);
    fn_test_sweep();
}

TEST(every_failed_allocation_of_going_on_is_reported)
{
    heard h;
    fn_pack_report r;
    char *part;
    size_t size;
    fn_status rc = FN_ENOMEM;
    long n;
    enter();
    CHECK_OK(pack(&h, "fresh.h5", NULL, &r));
    stop_at(NULL, 1 << 17); /* few, because every image is an allocation */
    CHECK_OK(fn_file_read(&part, &size, fn_test_path("new.h5.part"), 1 << 20));
    for (n = 1; rc != FN_OK && n < 100000; n += n < 60 ? 1 : 37) {
        fn_test_put("new.h5.part", part, size);
        fn_fail_alloc(n);
        rc = pack(&h, "new.h5", NULL, &r);
        fn_fail_alloc(0);
        CHECK(rc == FN_OK || (rc == FN_ENOMEM && *fn_last_error()));
        CHECK(rc == FN_OK || fn_file_exists(fn_test_path("new.h5.part")));
        CHECK(rc == FN_OK || !fn_file_exists(fn_test_path("new.h5")));
        if (rc != FN_OK && n % 5 == 0) { /* and goes on from there */
            CHECK_OK(pack(&h, "new.h5", NULL, &r));
            CHECK(recalled(&h) > 0 && equal("new.h5", "fresh.h5"));
            unlink(fn_test_path("new.h5"));
        }
    }
    CHECK(rc == FN_OK && n > 60);
    CHECK(equal("new.h5", "fresh.h5"));
    fn_free(part);
    fn_test_sweep();
}
