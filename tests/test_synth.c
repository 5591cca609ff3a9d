/* test_synth.c -- drawn faces: the same again, different from each other, hard enough for
 * pixels, and a folder that keeps LFW's rules. */
#include "core/file.h"
#include "core/mem.h"
#include "data/image.h"
#include "data/synth.h"
#include "data/view.h"
#include "tests/test.h"

#include <unistd.h>

enum { BYTES = 3 * FN_SYNTH_SIDE * FN_SYNTH_SIDE, FOLDS = 10 };

static fn_pixels face(uint64_t seed, int person, int image)
{
    fn_pixels p;
    CHECK_OK(fn_synth_face(&p, seed, person, image));
    if (!p.rgb)
        exit(1);
    return p;
}

/* Mean difference of two faces, 0..255. */
static double apart(fn_pixels a, fn_pixels b)
{
    double sum = 0;
    for (int i = 0; i < BYTES; i++)
        sum += abs(a.rgb[i] - b.rgb[i]);
    return sum / BYTES;
}

TEST(a_face_is_a_function_of_seed_person_and_image)
{
    fn_pixels a = face(1, 2, 3), again = face(1, 2, 3);
    CHECK_INT(a.width, FN_SYNTH_SIDE);
    CHECK_INT(a.height, FN_SYNTH_SIDE);
    CHECK(memcmp(a.rgb, again.rgb, BYTES) == 0);
    for (int i = 0; i < 3; i++) {
        fn_pixels other = face(i == 0 ? 9 : 1, i == 1 ? 9 : 2, i == 2 ? 9 : 3);
        CHECK(apart(a, other) > 10);
        fn_pixels_free(&other);
    }
    fn_pixels_free(&a);
    fn_pixels_free(&again);
}

/* A blank or nearly blank picture, or one that light burns out, teaches nothing. */
TEST(every_picture_shows_something)
{
    for (int person = 0; person < 40; person++) {
        fn_pixels p = face(5, person, person);
        double sum = 0, square = 0;
        int burnt = 0;
        for (int i = 0; i < BYTES; i++) {
            burnt += p.rgb[i] == 255;
            sum += p.rgb[i];
            square += (double)p.rgb[i] * p.rgb[i];
        }
        double mean = sum / BYTES, deviation = sqrt(square / BYTES - mean * mean);
        CHECK(mean > 20 && mean < 225);
        CHECK(deviation > 12);
        CHECK(burnt < 0.3 * BYTES);
        fn_pixels_free(&p);
    }
}

TEST(memory_that_runs_out)
{
    fn_pixels p;
    fn_status s = FN_ENOMEM;
    long n;
    for (n = 1; s != FN_OK; n++) {
        fn_fail_alloc(n);
        s = fn_synth_face(&p, 1, 1, 1);
        CHECK((s == FN_OK && p.rgb) || (s == FN_ENOMEM && !p.rgb));
    }
    CHECK_INT(n, 5); /* canvas, grid, pixels, then none failed */
    fn_fail_alloc(0);
    fn_pixels_free(&p);
}

/* --- the folder --- */

static char folder[64], path[256];

static void start_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/test_synth_XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
}

static const char *inside(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

typedef struct pair {
    int person[2], image[2]; /* numbers as they are written */
} pair;

/* pairs.txt read with sscanf: [fold][same][pair]. Returns pairs of each kind in a fold. */
static int read_pairs(pair **out)
{
    char *text, *line;
    size_t size;
    int folds = 0, n = 0, used = 0;
    CHECK_OK(fn_file_read(&text, &size, inside("pairs.txt"), 1 << 22));
    CHECK_INT(sscanf(text, "%d\t%d\n%n", &folds, &n, &used), 2);
    CHECK_INT(folds, FOLDS);
    CHECK(used > 0 && text[used - 1] == '\n');
    *out = fn_alloc((size_t)(2 * FOLDS * n), sizeof **out);
    line = text + used;
    for (int i = 0; i < 2 * FOLDS * n; i++) {
        pair *p = *out + i;
        used = 0;
        if (i / n % 2 == 0) {
            sscanf(line, "synth_%6d\t%d\t%d\n%n", &p->person[0], &p->image[0], &p->image[1],
                   &used);
            p->person[1] = p->person[0];
        } else {
            sscanf(line, "synth_%6d\t%d\tsynth_%6d\t%d\n%n", &p->person[0], &p->image[0],
                   &p->person[1], &p->image[1], &used);
        }
        CHECK(used > 0 && line[used - 1] == '\n');
        line += used;
    }
    CHECK_TEXT(line, "");
    fn_free(text);
    return n;
}

static bool equal(const pair *a, const pair *b)
{
    bool straight = a->person[0] == b->person[0] && a->image[0] == b->image[0] &&
                    a->person[1] == b->person[1] && a->image[1] == b->image[1];
    bool crossed = a->person[0] == b->person[1] && a->image[0] == b->image[1] &&
                   a->person[1] == b->person[0] && a->image[1] == b->image[0];
    return straight || crossed;
}

/* Pairs are in range, differ, repeat nowhere, and their people are in one fold only. */
static void check_pairs(const pair *p, int n, fn_synth_options o)
{
    int *fold_of = fn_alloc((size_t)o.people, sizeof *fold_of);
    for (int i = 0; i < 2 * FOLDS * n; i++) {
        bool same = i / n % 2 == 0;
        int fold = i / (2 * n) + 1;
        CHECK((p[i].person[0] == p[i].person[1]) == same);
        CHECK(!same || p[i].image[0] != p[i].image[1]);
        for (int k = 0; k < 2; k++) {
            int person = p[i].person[k] - 1 - o.first;
            bool good = person >= 0 && person < o.people;
            CHECK(good && p[i].image[k] >= 1 && p[i].image[k] <= o.images);
            if (!good)
                continue;
            CHECK(!fold_of[person] || fold_of[person] == fold);
            fold_of[person] = fold;
        }
        for (int k = i / n * n; k < i; k++)
            CHECK(!equal(&p[k], &p[i]));
    }
    fn_free(fold_of);
}

TEST(folder_has_the_layout_of_lfw)
{
    fn_synth_options o = {.people = 25, .images = 3, .seed = 4, .first = 100};
    char **name;
    pair *p;
    int n;
    start_folder();
    CHECK_OK(fn_synth_folder(inside("new"), o));
    snprintf(folder + strlen(folder), 8, "/new");
    CHECK_OK(fn_file_names(&name, &n, folder));
    CHECK_INT(n, 26);
    CHECK_TEXT(name[0], "pairs.txt");
    CHECK_TEXT(name[1], "synth_000101");
    CHECK_TEXT(name[n - 1], "synth_000125");
    fn_file_names_free(name, n);
    CHECK_OK(fn_file_names(&name, &n, inside("synth_000107")));
    CHECK_INT(n, 3);
    CHECK_TEXT(name[2], "synth_000107_0003.jpg");
    fn_file_names_free(name, n);

    fn_pixels drawn = face(4, 106, 2), read; /* names count from 1 */
    CHECK_OK(fn_image_read(&read, inside("synth_000107/synth_000107_0003.jpg")));
    CHECK(apart(drawn, read) > 0 && apart(drawn, read) < 12);
    fn_pixels_free(&drawn);
    fn_pixels_free(&read);

    /* Two people a fold have 2 * 3 matched and 3 * 3 mismatched pairs. */
    CHECK_INT(read_pairs(&p), 6);
    check_pairs(p, 6, o);
    fn_free(p);
    *strrchr(folder, '/') = '\0';
    CHECK_OK(fn_file_remove_tree(inside("new")));
    CHECK_OK(fn_file_remove_tree(folder));
}

TEST(folder_is_the_same_again)
{
    fn_synth_options o = {.people = 20, .images = 2, .seed = 4};
    char *a, *b;
    size_t na, nb;
    start_folder();
    CHECK_OK(fn_synth_folder(inside("one"), o));
    CHECK_OK(fn_synth_folder(inside("two"), o));
    static const char *const same[] = {"pairs.txt", "synth_000013/synth_000013_0002.jpg"};
    for (int i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "one/%s", same[i]);
        CHECK_OK(fn_file_read(&a, &na, inside(name), 1 << 20));
        snprintf(name, sizeof name, "two/%s", same[i]);
        CHECK_OK(fn_file_read(&b, &nb, inside(name), 1 << 20));
        CHECK(na == nb && memcmp(a, b, na) == 0);
        fn_free(a);
        fn_free(b);
    }
    CHECK_OK(fn_file_remove_tree(inside("one")));
    CHECK_OK(fn_file_remove_tree(inside("two")));
    CHECK_OK(fn_file_remove_tree(folder));
}

TEST(what_cannot_be_paired_is_refused)
{
    start_folder();
    const char *to = inside("new");
    fn_synth_options few = {.people = 19, .images = 2},
                     single = {.people = 20, .images = 1};
    fn_synth_options many = {.people = 20, .images = 10000};
    fn_synth_options far = {.people = 20, .images = 2, .first = 999990};
    fn_synth_options before = {.people = 20, .images = 2, .first = -1};
    fn_synth_options good = {.people = 20, .images = 2};
    CHECK_FAILS(fn_synth_folder(to, few), FN_EINVAL, "at least 20 people with 2 images");
    CHECK_FAILS(fn_synth_folder(to, single), FN_EINVAL, "at least 20 people with 2 images");
    CHECK_FAILS(fn_synth_folder(to, many), FN_EINVAL, "9999 images");
    CHECK_FAILS(fn_synth_folder(to, far), FN_EINVAL, "999999 people");
    CHECK_FAILS(fn_synth_folder(to, before), FN_EINVAL, "people -1 to");
    CHECK(!fn_file_exists(to));
    CHECK_OK(fn_file_replace(inside("mine.txt"), "x", 1));
    CHECK_FAILS(fn_synth_folder(folder, good), FN_EEXIST, "not empty");
    CHECK(fn_file_exists(inside("mine.txt")));
    CHECK_OK(fn_file_remove_tree(folder));
}

TEST(folder_without_memory)
{
    fn_synth_options o = {.people = 20, .images = 2};
    start_folder();
    for (long n = 1; n < 10; n++) { /* the first person and image */
        char name[32];
        snprintf(name, sizeof name, "new%ld", n);
        fn_fail_alloc(n);
        CHECK_FAILS(fn_synth_folder(inside(name), o), FN_ENOMEM, "memory");
        fn_fail_alloc(0);
        if (fn_file_exists(inside(name)))
            CHECK_OK(fn_file_remove_tree(inside(name)));
    }
    CHECK_OK(fn_file_remove_tree(folder));
}

/* --- how hard the pairs are --- */

enum { SIDE = 96, VALUES = 3 * SIDE * SIDE };

/* A view as the network gets it; normalised, so that plain light and contrast do not count. */
static void read_view(float *v, int person, int image, fn_view_scratch *scratch)
{
    char name[64];
    fn_pixels p;
    double mean = 0, square = 0;
    snprintf(name, sizeof name, "synth_%06d/synth_%06d_%04d.jpg", person, person, image);
    CHECK_OK(fn_image_read(&p, inside(name)));
    if (!p.rgb)
        exit(1);
    fn_image view = fn_pixels_view(&p);
    CHECK_OK(fn_view_render(v, SIDE, SIDE, &view, fn_view_centre(1), scratch));
    for (int i = 0; i < VALUES; i++)
        mean += (double)v[i] / VALUES;
    for (int i = 0; i < VALUES; i++)
        square += ((double)v[i] - mean) * ((double)v[i] - mean);
    for (int i = 0; i < VALUES; i++)
        v[i] = (float)(((double)v[i] - mean) / sqrt(square));
    fn_pixels_free(&p);
}

static int count_right(const double *d, int n, double threshold, int fold, bool others)
{
    int right = 0;
    for (int i = 0; i < 2 * FOLDS * n; i++)
        if ((i / (2 * n) == fold) != others)
            right += (d[i] < threshold) == (i / n % 2 == 0);
    return right;
}

/* The threshold of each fold is the best one of the other folds. */
static double accuracy(const double *d, int n)
{
    int right = 0;
    for (int fold = 0; fold < FOLDS; fold++) {
        double best = 0;
        int most = -1;
        for (int i = 0; i < 2 * FOLDS * n; i++) {
            int k = count_right(d, n, d[i], fold, true);
            if (k > most) {
                most = k;
                best = d[i];
            }
        }
        right += count_right(d, n, best, fold, false);
    }
    return (double)right / (2 * FOLDS * n);
}

/* A baseline that solves the drawings would make every trained figure worthless; one at
 * chance would say that the drawings hold no person at all. */
TEST(distance_of_pixels_is_a_weak_judge)
{
    fn_synth_options o = {.people = 80, .images = 4, .seed = 3};
    fn_view_scratch scratch = {NULL, 0};
    static float a[VALUES], b[VALUES];
    pair *p;
    start_folder();
    CHECK_OK(fn_synth_folder(inside("new"), o));
    snprintf(folder + strlen(folder), 8, "/new");
    int n = read_pairs(&p);
    CHECK_INT(n, 48);
    check_pairs(p, n, o);
    double *d = fn_alloc((size_t)(2 * FOLDS * n), sizeof *d);
    for (int i = 0; i < 2 * FOLDS * n; i++) {
        read_view(a, p[i].person[0], p[i].image[0], &scratch);
        read_view(b, p[i].person[1], p[i].image[1], &scratch);
        for (int k = 0; k < VALUES; k++)
            d[i] += ((double)a[k] - (double)b[k]) * ((double)a[k] - (double)b[k]);
    }
    double share = accuracy(d, n);
    printf("# distance of pixels: %.1f %% of %d pairs\n", 100 * share, 2 * FOLDS * n);
    CHECK(share > 0.53);
    CHECK(share < 0.75);
    fn_free(d);
    fn_free(p);
    fn_free(scratch.data);
    *strrchr(folder, '/') = '\0';
    CHECK_OK(fn_file_remove_tree(inside("new")));
    CHECK_OK(fn_file_remove_tree(folder));
}
