/* test_projector.c -- the projector's files: which faces, in which order, with which names and
 * pictures, and what a second write leaves alone. */
#include "tests/people.h"
#include "train/projector.h"

enum { PEOPLE = 4, IMAGES = 8, DIM = 3 };

static const int count[PEOPLE] = {1, 3, 1, 3};
static const int image[IMAGES] = {0, 1, 2, 3, 4, 5, 6, 7};
static fn_pack *pack;
static float embedding[IMAGES * DIM];

static void enter(void)
{
    fn_test_scratch();
    pack = fn_test_pack(count, PEOPLE);
    for (int i = 0; i < IMAGES * DIM; i++)
        embedding[i] = (float)i / 8;
}

static void leave(void)
{
    fn_pack_close(pack);
    fn_test_sweep();
}

static fn_status open_one(fn_projector **p, int faces)
{
    static char run[FN_TEST_PATH + 256];
    snprintf(run, sizeof run, "%s", fn_test_path("run"));
    return fn_projector_open(p, pack, image, fn_pack_images(pack),
                             (fn_projector_options){run, faces, 1});
}

static void check_text(const char *name, const char *want)
{
    char *text = NULL;
    size_t size;
    CHECK_OK(fn_file_read(&text, &size, fn_test_path(name), 1 << 20));
    CHECK_TEXT(text ? text : "", want);
    fn_free(text);
}

static bool there(const char *name)
{
    return fn_file_exists(fn_test_path(name));
}

static void write_one(int faces)
{
    fn_projector *p = NULL;
    CHECK_OK(open_one(&p, faces));
    CHECK(!there("run")); /* nothing is written before there is something to say */
    CHECK_OK(fn_projector_write(p, embedding, DIM));
    fn_projector_close(p);
}

/* People of three faces come before those of one, in the order of their names. */
TEST(those_with_most_faces_first)
{
    enter();
    write_one(5);
    check_text("run/projector/metadata.tsv", "person\timage\n"
                                             "p001\tp001_0001.jpg\n"
                                             "p001\tp001_0002.jpg\n"
                                             "p001\tp001_0003.jpg\n"
                                             "p003\tp003_0001.jpg\n"
                                             "p003\tp003_0002.jpg\n");
    check_text("run/projector/tensors.tsv", "0.375\t0.5\t0.625\n"
                                            "0.75\t0.875\t1\n"
                                            "1.125\t1.25\t1.375\n"
                                            "1.875\t2\t2.125\n"
                                            "2.25\t2.375\t2.5\n");
    leave();
}

TEST(the_configuration_names_files_beside_it)
{
    enter();
    write_one(100); /* more than there are */
    check_text("run/projector_config.pbtxt", "embeddings {\n"
                                             "  tensor_name: \"validation\"\n"
                                             "  tensor_shape: 8\n"
                                             "  tensor_shape: 3\n"
                                             "  tensor_path: \"projector/tensors.tsv\"\n"
                                             "  metadata_path: \"projector/metadata.tsv\"\n"
                                             "  sprite {\n"
                                             "    image_path: \"projector/sprite.png\"\n"
                                             "    single_image_dim: 32\n"
                                             "    single_image_dim: 32\n"
                                             "  }\n"
                                             "}\n");
    leave();
}

static double mean_of(const fn_pixels *p, int left, int top, int channel)
{
    double sum = 0;
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 32; x++)
            sum += p->rgb[3 * ((top + y) * p->width + left + x) + channel];
    return sum / (32 * 32);
}

/* 8 faces in 3 columns; the ninth tile is white. The pictures are told by their mean colours. */
TEST(the_sprite_holds_the_faces_in_that_order)
{
    static const int order[IMAGES] = {1, 2, 3, 5, 6, 7, 0, 4};
    fn_pixels sprite, face;
    enter();
    write_one(IMAGES);
    CHECK_OK(fn_image_read(&sprite, fn_test_path("run/projector/sprite.png")));
    CHECK(sprite.width == 96 && sprite.height == 96);
    for (int i = 0; i < IMAGES; i++) {
        double want = 0;
        CHECK_OK(fn_pack_image(pack, order[i], &face));
        for (int k = 0; k < face.width * face.height; k++)
            want += face.rgb[3 * k + 1];
        want /= face.width * face.height;
        CHECK_NEAR(mean_of(&sprite, i % 3 * 32, i / 3 * 32, 1), want, 2.5);
        fn_pixels_free(&face);
    }
    CHECK_NEAR(mean_of(&sprite, 64, 64, 0), 255, 0);
    fn_pixels_free(&sprite);
    leave();
}

TEST(a_second_write_changes_the_embeddings_alone)
{
    fn_projector *p = NULL;
    enter();
    CHECK_OK(open_one(&p, 1));
    CHECK_OK(fn_projector_write(p, embedding, DIM));
    CHECK_INT(remove(fn_test_path("run/projector/sprite.png")), 0);
    embedding[1 * DIM] = -2;
    CHECK_OK(fn_projector_write(p, embedding, DIM));
    check_text("run/projector/tensors.tsv", "-2\t0.5\t0.625\n");
    CHECK(!there("run/projector/sprite.png"));
    fn_projector_close(p);
    leave();
}

/* A file name may hold a TAB and a line break; a table may not. */
TEST(odd_names_do_not_shift_the_table)
{
    fn_pack_options o = {.crop = NULL};
    fn_pack_report r;
    fn_projector *p = NULL;
    fn_test_scratch();
    fn_test_put_image("people/a\tb/one\ntwo.jpg", 1);
    fn_test_put_image("people/c/\"q\".jpg", 2);
    CHECK_OK(fn_pack_make(fn_test_path("odd.h5"), fn_test_path("people"), &o, &r));
    CHECK_OK(fn_pack_open(&pack, fn_test_path("odd.h5")));
    CHECK_OK(open_one(&p, 2));
    CHECK_OK(fn_projector_write(p, embedding, DIM));
    check_text("run/projector/metadata.tsv",
               "person\timage\na b\tone two.jpg\nc\t\"q\".jpg\n");
    fn_projector_close(p);
    leave();
}

TEST(a_file_where_the_folder_belongs_is_told)
{
    fn_projector *p = NULL;
    enter();
    CHECK_OK(open_one(&p, 2));
    fn_test_put("run/projector", "x", 1);
    CHECK(fn_projector_write(p, embedding, DIM) != FN_OK);
    CHECK(strstr(fn_last_error(), "run/projector") != NULL);
    CHECK(!there("run/projector_config.pbtxt"));
    fn_projector_close(p);
    fn_projector_close(NULL);
    leave();
}

static fn_status write_all(void)
{
    fn_projector *p = NULL;
    fn_status rc = open_one(&p, IMAGES);
    CHECK((rc == FN_OK) == (p != NULL));
    if (rc == FN_OK)
        rc = fn_projector_write(p, embedding, DIM);
    fn_projector_close(p);
    return rc;
}

/* The configuration, without which TensorBoard looks for nothing, comes last. */
TEST(each_failed_allocation_is_told)
{
    fn_status rc = FN_ENOMEM;
    long n = 0;
    enter();
    while (rc == FN_ENOMEM && ++n < 1000) {
        fn_fail_alloc(n);
        rc = write_all();
        fn_fail_alloc(0);
        CHECK((rc == FN_OK) == there("run/projector_config.pbtxt"));
    }
    CHECK_OK(rc);
    CHECK(n > 20);
    leave();
}
