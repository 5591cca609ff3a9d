/* test_crop.c -- recipes, landmark files and alignment. */
#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/crop.h"
#include "data/landmark.h"
#include "tests/test.h"

#include <unistd.h>

#define HEADER "path\tside\tlex\tley\trex\trey\tnx\tny\tlmx\tlmy\trmx\trmy\n"
#define POINTS "115.0\t106.0\t147.4\t123.1\t125.6\t142.6\t98.1\t151.7\t135.7\t168.4\n"

/* The crop of POINTS, from an independent computation: square to image is a matrix. */
static const double to_image[2][3] = {{1.22603773, -0.47307127, 83.01826597},
                                      {0.47307127, 1.22603773, 11.78174891}};

/* Red is x and green is y, so that a pixel says where it came from. */
static void paint_places(fn_pixels *p, int width, int height, int step)
{
    CHECK_OK(fn_pixels_make(p, width, height));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            p->rgb[3 * (y * width + x)] = (uint8_t)(x / step);
            p->rgb[3 * (y * width + x) + 1] = (uint8_t)(y / step);
        }
}

static fn_crop *open_crop(const char *recipe)
{
    fn_crop *c;
    CHECK_OK(fn_crop_open(&c, recipe));
    if (!c)
        exit(1);
    return c;
}

static void check_pixel(const fn_pixels *p, int x, int y, int r, int g)
{
    CHECK_INT(p->rgb[3 * (y * p->width + x)], r);
    CHECK_INT(p->rgb[3 * (y * p->width + x) + 1], g);
}

TEST(none_copies_the_image)
{
    fn_pixels p, out;
    paint_places(&p, 50, 40, 1);
    fn_image part = {p.rgb + 3 * 55, 30, 20, 150};
    fn_crop *c = open_crop("none");
    CHECK_INT(fn_crop_kind_of(c), FN_CROP_NONE);
    CHECK_OK(fn_crop_apply(&out, c, &part, "a.jpg"));
    CHECK_INT(out.width, 30);
    CHECK_INT(out.height, 20);
    check_pixel(&out, 0, 0, 5, 1);
    check_pixel(&out, 29, 19, 34, 20);
    fn_crop_close(c);
    fn_pixels_free(&p);
    fn_pixels_free(&out);
}

TEST(centre_of_lfw)
{
    fn_pixels p, out;
    paint_places(&p, 250, 250, 1);
    fn_image image = fn_pixels_view(&p);
    fn_crop *c = open_crop("centre: 137@125,135");
    CHECK_INT(fn_crop_kind_of(c), FN_CROP_CENTRE);
    CHECK_OK(fn_crop_apply(&out, c, &image, "a.jpg"));
    CHECK_INT(out.width, 137);
    CHECK_INT(out.height, 137);
    check_pixel(&out, 0, 0, 57, 67);
    check_pixel(&out, 68, 68, 125, 135); /* the middle pixel is the centre */
    check_pixel(&out, 136, 136, 193, 203);
    fn_crop_close(c);
    fn_pixels_free(&p);
    fn_pixels_free(&out);
}

TEST(centre_repeats_the_border)
{
    fn_pixels p, out;
    paint_places(&p, 20, 10, 1);
    fn_image image = fn_pixels_view(&p);
    fn_crop *c = open_crop("centre:40@2,8");
    CHECK_OK(fn_crop_apply(&out, c, &image, "a.jpg"));
    CHECK_INT(out.width, 40);
    check_pixel(&out, 0, 0, 0, 0);
    check_pixel(&out, 18, 12, 0, 0);
    check_pixel(&out, 19, 13, 1, 1);
    check_pixel(&out, 39, 39, 19, 9);
    fn_crop_close(c);
    fn_pixels_free(&p);
    fn_pixels_free(&out);
}

TEST(wrong_recipes_are_refused)
{
    static const char *const wrong[] = {
        "",
        "None",
        "none ",
        "centre",
        "center: 137@125,135",
        "centre: 0@125,135",
        "centre: -5@125,135",
        "centre: 137@125",
        "centre: 137@125,135x",
        "centre: 137 @ 125,135",
        "centre: 16385@1,1",
        "centre: 99999999999999@1,1",
        "landmarks:",
        "landmarks faces.tsv",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fn_crop *c = (fn_crop *)&c;
        CHECK_FAILS(fn_crop_open(&c, wrong[i]), FN_ECONFIG, "crop '");
        CHECK(!c);
    }
}

TEST(recipes_of_landmarks_are_told_by_their_word)
{
    CHECK(fn_crop_by_landmarks("landmarks: /no/such/file.tsv"));
    CHECK(!fn_crop_by_landmarks("landmarks"));
    CHECK(!fn_crop_by_landmarks("none"));
    CHECK(!fn_crop_by_landmarks("centre: 137@125,135"));
}

/* --- landmark files --- */

static char folder[64], file[128], recipe[160];

static void start_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/test_crop_XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(file, sizeof file, "%s/faces.tsv", folder);
    snprintf(recipe, sizeof recipe, "landmarks: %s", file);
}

static void write_file(const char *text)
{
    CHECK_OK(fn_file_replace(file, text, strlen(text)));
}

/* A pixel of the aligned square must come from where the matrix says. */
static void check_aligned(const fn_pixels *out, double step)
{
    static const int at[][2] = {{20, 30}, {64, 64}, {100, 25}, {60, 110}, {35, 80}};
    CHECK_INT(out->width, FN_ALIGN_SIDE);
    CHECK_INT(out->height, FN_ALIGN_SIDE);
    for (size_t i = 0; i < sizeof at / sizeof *at && out->rgb; i++) {
        double u = at[i][0] + 0.5, v = at[i][1] + 0.5;
        const uint8_t *p = out->rgb + 3 * (at[i][1] * out->width + at[i][0]);
        for (int c = 0; c < 2; c++) {
            double want = to_image[c][0] * u + to_image[c][1] * v + to_image[c][2];
            /* Pixel x holds x and its middle is at x + 1/2; with steps, blocks hold it. */
            CHECK_NEAR(p[c], want - 0.5, step == 1 ? 0.51 : 0.8);
        }
    }
}

TEST(landmarks_align_by_least_squares)
{
    fn_pixels p, out;
    start_folder();
    write_file(HEADER "b/b_0001.jpg\t256\t" POINTS "a/a_0001.jpg\t256\t" POINTS);
    paint_places(&p, 256, 256, 1);
    fn_image image = fn_pixels_view(&p);
    fn_crop *c = open_crop(recipe);
    CHECK_INT(fn_crop_kind_of(c), FN_CROP_LANDMARKS);
    CHECK_OK(fn_crop_apply(&out, c, &image, "a/a_0001.jpg"));
    check_aligned(&out, 1);
    fn_pixels_free(&out);
    CHECK_FAILS(fn_crop_apply(&out, c, &image, "x.jpg"), FN_ENOENT,
                "x.jpg: no landmarks in");
    CHECK(!out.rgb);
    fn_crop_close(c);
    fn_pixels_free(&p);
    CHECK_OK(fn_file_remove_tree(folder));
}

/* Points of an image of side 256 on the same image at twice its size. */
TEST(landmarks_scale_with_the_image)
{
    fn_pixels p, out;
    start_folder();
    write_file(HEADER "a.jpg\t256\t" POINTS);
    paint_places(&p, 512, 512, 2);
    fn_image image = fn_pixels_view(&p);
    fn_crop *c = open_crop(recipe);
    CHECK_OK(fn_crop_apply(&out, c, &image, "a.jpg"));
    check_aligned(&out, 2);
    fn_crop_close(c);
    fn_pixels_free(&p);
    fn_pixels_free(&out);
    CHECK_OK(fn_file_remove_tree(folder));
}

TEST(landmark_file_may_have_crlf_and_no_last_newline)
{
    fn_landmarks *l;
    start_folder();
    write_file("path\tside\tlex\tley\trex\trey\tnx\tny\tlmx\tlmy\trmx\trmy\r\n"
               "a b.jpg\t1\t.5\t-1e1\t3\t4\t5\t6\t7\t8\t9\t+10");
    CHECK_OK(fn_landmark_open(&l, file));
    CHECK(fn_landmark_find(l, "a b.jpg") != NULL);
    fn_landmark_close(l);
    write_file(HEADER);
    CHECK_OK(fn_landmark_open(&l, file));
    CHECK(!fn_landmark_find(l, "a"));
    fn_landmark_close(l);
    CHECK_OK(fn_file_remove_tree(folder));
}

TEST(damaged_landmark_files_name_the_place)
{
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"", "faces.tsv: the file is empty"},
        {"a.jpg\t1\t" POINTS, "faces.tsv:1:1: the first line must name the columns"},
        {"path side\n", "faces.tsv:1:10: fewer than 12"},
        {HEADER "a.jpg\t1\t2\n", "faces.tsv:2:10: fewer than 12 TAB-separated columns"},
        {HEADER "a.jpg\t1\t1\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\n", ":2:29: more than 12"},
        {HEADER "a.jpg\t256\t" POINTS "b.jpg\t1\t2\tx\t3\t4\t5\t6\t7\t8\t9\t10\n",
         "faces.tsv:3:11: expected a number of pixels"},
        {HEADER "b.jpg\t1\tnan\t2\t3\t4\t5\t6\t7\t8\t9\t10\n", ":2:9: expected a number"},
        {HEADER "b.jpg\t1\t0x1\t2\t3\t4\t5\t6\t7\t8\t9\t10\n", ":2:9: expected a number"},
        {HEADER "b.jpg\t1\t1e99\t2\t3\t4\t5\t6\t7\t8\t9\t10\n", ":2:9: expected a number"},
        {HEADER "b.jpg\t1\t\t2\t3\t4\t5\t6\t7\t8\t9\t10\n", ":2:9: expected a number"},
        {HEADER "b.jpg\t1\t1 \t2\t3\t4\t5\t6\t7\t8\t9\t10\n", ":2:9: expected a number"},
        {HEADER "b.jpg\t0\t" POINTS, "faces.tsv:2:7: the side must be above 0"},
        {HEADER "\t1\t" POINTS, "faces.tsv:2:1: the path is empty"},
        {HEADER "\n", "faces.tsv:2:1: fewer than 12"},
        {HEADER "a\t1\t" POINTS "b\t1\t" POINTS "a\t1\t" POINTS, "a is listed twice"},
    };
    start_folder();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fn_crop *c;
        write_file(bad[i].text);
        CHECK_FAILS(fn_crop_open(&c, recipe), FN_EDATA, bad[i].part);
        CHECK(!c);
    }
    fn_crop *c;
    CHECK_OK(fn_file_replace(file, HEADER "a\0b", sizeof HEADER + 2));
    CHECK_FAILS(fn_crop_open(&c, recipe), FN_EDATA, "NUL");
    CHECK_OK(fn_file_remove_tree(folder));
    CHECK_FAILS(fn_crop_open(&c, recipe), FN_ENOENT, "faces.tsv");
}

TEST(landmarks_without_extent_are_refused)
{
    fn_pixels p, out;
    float same[5][2] = {{3, 4}, {3, 4}, {3, 4}, {3, 4}, {3, 4}};
    paint_places(&p, 10, 10, 1);
    fn_image image = fn_pixels_view(&p);
    CHECK_FAILS(fn_align_face(&out, &image, same, 32), FN_EDATA, "do not span a face");
    CHECK(!out.rgb);
    fn_pixels_free(&p);
}

/* The template's own points map the square onto itself, and far ones repeat the border. */
TEST(template_is_the_fixed_point)
{
    enum { S = 64 };
    fn_pixels p, out;
    float point[5][2], far[5][2];
    paint_places(&p, S, S, 1);
    fn_image image = fn_pixels_view(&p);
    for (int i = 0; i < 10; i++) {
        point[i / 2][i % 2] = fn_align_template[i / 2][i % 2] * S;
        far[i / 2][i % 2] = point[i / 2][i % 2] + 1e6F;
    }
    CHECK_OK(fn_align_face(&out, &image, (const float(*)[2])point, S));
    for (int i = 0; i < S * S; i++)
        check_pixel(&out, i % S, i / S, i % S, i / S);
    fn_pixels_free(&out);
    CHECK_OK(fn_align_face(&out, &image, (const float(*)[2])far, S));
    check_pixel(&out, 5, 5, S - 1, S - 1);
    fn_pixels_free(&out);
    fn_pixels_free(&p);
}

/* 0.8 of the square is the usual tight crop of 112 pixels. */
TEST(template_leaves_room_around_the_tight_crop)
{
    CHECK_NEAR((fn_align_template[0][0] - 0.1F) / 0.8F * 112, 38.2946, 1e-3);
    CHECK_NEAR((fn_align_template[1][1] - 0.1F) / 0.8F * 112, 51.5014, 1e-3);
    CHECK_NEAR((fn_align_template[4][0] - 0.1F) / 0.8F * 112, 70.7299, 1e-3);
    CHECK_NEAR((fn_align_template[4][1] - 0.1F) / 0.8F * 112, 92.2041, 1e-3);
}

/* A face that shrinks eightfold is averaged: stripes become grey, where single samples would
 * all fall into the dark ones. */
TEST(large_faces_do_not_alias)
{
    enum { S = 32, BIG = 8 * S };
    fn_pixels p, out;
    float point[5][2];
    CHECK_OK(fn_pixels_make(&p, BIG, BIG));
    for (int i = 0; i < BIG * BIG * 3; i++)
        p.rgb[i] = (i / 3 % BIG + 2) % 8 < 4 ? 255 : 0;
    fn_image image = fn_pixels_view(&p);
    for (int i = 0; i < 10; i++)
        point[i / 2][i % 2] = fn_align_template[i / 2][i % 2] * BIG;
    CHECK_OK(fn_align_face(&out, &image, (const float(*)[2])point, S));
    for (int i = 0; i < S * S * 3; i++)
        CHECK_NEAR(out.rgb[i], 127.5, 20);
    fn_pixels_free(&p);
    fn_pixels_free(&out);
}

TEST(memory_that_runs_out)
{
    fn_pixels p, out;
    fn_crop *c = NULL;
    start_folder();
    write_file(HEADER "a.jpg\t256\t" POINTS);
    fn_status s = FN_ENOMEM;
    long n;
    for (n = 1; s != FN_OK; n++) {
        fn_fail_alloc(n);
        s = fn_crop_open(&c, recipe);
        CHECK((s == FN_OK && c) || (s == FN_ENOMEM && !c));
    }
    CHECK(n > 4);
    fn_fail_alloc(0);
    paint_places(&p, 256, 256, 1);
    fn_image image = fn_pixels_view(&p);
    fn_fail_alloc(1);
    CHECK_FAILS(fn_crop_apply(&out, c, &image, "a.jpg"), FN_ENOMEM, "a.jpg: no memory");
    CHECK(!out.rgb);
    fn_crop_close(c);
    fn_pixels_free(&p);
    CHECK_OK(fn_file_remove_tree(folder));
}
