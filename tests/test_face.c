/* test_face.c -- faces cut out of photographs by a model's recipe, and the way from an image file
 * to an embedding by the public calls alone. */
#include "data/crop.h"
#include "infer/session.h"
#include "tests/rig.h"

static const float eyes_nose_mouth[10] = {6, 7, 12, 7, 9, 10, 7, 13, 11, 13};

static fn_model with_recipe(const rig *r, const char *recipe)
{
    fn_model m = {
        .net = r->net, .params = r->params, .dim = DIM, .record = {.view = share}};
    snprintf(m.record.crop, sizeof m.record.crop, "%s", recipe);
    return m;
}

static void check_same(const fn_pixels *a, const fn_pixels *b)
{
    CHECK_INT(a->width, b->width);
    CHECK_INT(a->height, b->height);
    CHECK(a->rgb != b->rgb);
    CHECK(a->width == b->width && a->height == b->height && a->rgb && b->rgb &&
          memcmp(a->rgb, b->rgb, (size_t)a->width * (size_t)a->height * 3) == 0);
}

TEST(none_is_the_photograph)
{
    rig r;
    fn_pixels face;
    rig_open(&r);
    fn_model m = with_recipe(&r, "none");
    CHECK_INT(fn_face_landmarks(&m), 0);
    CHECK_OK(fn_face_cut(&face, &m, &r.image[3], NULL));
    check_same(&face, &r.face[3]);
    fn_pixels_free(&face);
    CHECK_OK(fn_face_cut(&face, &m, &r.image[3], eyes_nose_mouth)); /* of no use here */
    check_same(&face, &r.face[3]);
    fn_pixels_free(&face);
    CHECK(!face.rgb && !face.width && !face.height);
    fn_pixels_free(&face);
    rig_close(&r);
}

TEST(centre_is_a_square_of_it)
{
    rig r;
    fn_pixels face, want;
    fn_crop *crop = NULL;
    rig_open(&r);
    fn_model m = with_recipe(&r, "centre: 14@9,8");
    CHECK_INT(fn_face_landmarks(&m), 0);
    CHECK_OK(fn_crop_open(&crop, "centre: 14@9,8"));
    CHECK_OK(fn_crop_apply(&want, crop, &r.image[1], "a"));
    CHECK_OK(fn_face_cut(&face, &m, &r.image[1], NULL));
    CHECK_INT(face.width, 14);
    CHECK_INT(face.rgb[0], r.image[1].rgb[1 * r.image[1].stride + 2 * 3]);
    check_same(&face, &want);
    fn_pixels_free(&face);
    fn_pixels_free(&want);
    fn_crop_close(crop);
    rig_close(&r);
}

/* The file of the training set's landmarks need not be where it was. */
TEST(landmarks_are_the_callers)
{
    rig r;
    fn_pixels face = {NULL, 1, 1}, want;
    float point[5][2];
    rig_open(&r);
    fn_model m = with_recipe(&r, "landmarks: /no/such/file.tsv");
    CHECK_INT(fn_face_landmarks(&m), 5);
    CHECK_FAILS(fn_face_cut(&face, &m, &r.image[0], NULL), FN_EINVAL,
                "small was trained on faces aligned by five landmarks: give");
    CHECK(!face.rgb && !face.width);
    memcpy(point, eyes_nose_mouth, sizeof point);
    CHECK_OK(fn_align_face(&want, &r.image[0], (const float(*)[2])point, FN_ALIGN_SIDE));
    CHECK_OK(fn_face_cut(&face, &m, &r.image[0], eyes_nose_mouth));
    check_same(&face, &want);
    fn_pixels_free(&face);
    fn_pixels_free(&want);
    rig_close(&r);
}

TEST(what_is_no_face_is_refused)
{
    static const float same[10] = {3, 4, 3, 4, 3, 4, 3, 4, 3, 4};
    float nan[10] = {NAN};
    rig r;
    fn_pixels face = {NULL, 1, 1};
    rig_open(&r);
    fn_model aligned = with_recipe(&r, "landmarks: a.tsv"), none = with_recipe(&r, "none"),
             odd = with_recipe(&r, "center: 3");
    CHECK_FAILS(fn_face_cut(&face, &aligned, &r.image[0], same), FN_EDATA, "do not span");
    CHECK(!face.rgb && !face.width);
    CHECK_FAILS(fn_face_cut(&face, &aligned, &r.image[0], nan), FN_EDATA, "do not span");
    fn_image bad = {r.image[0].rgb, 0, 4, 12};
    CHECK_FAILS(fn_face_cut(&face, &none, &bad, NULL), FN_EINVAL,
                "the photograph: 0 x 4 pixels");
    bad = (fn_image){NULL, 4, 4, 12};
    CHECK_FAILS(fn_face_cut(&face, &aligned, &bad, eyes_nose_mouth), FN_EINVAL,
                "at no address");
    bad = (fn_image){r.image[0].rgb, 4, 4, 11};
    CHECK_FAILS(fn_face_cut(&face, &none, &bad, NULL), FN_EINVAL, "rows of 11 bytes");
    CHECK_FAILS(fn_face_cut(&face, &odd, &r.image[0], NULL), FN_ECONFIG, "'center: 3'");
    CHECK(!face.rgb);
    rig_close(&r);
}

static fn_status cut_all(const rig *r, const fn_model m[3])
{
    for (int i = 0; i < 3; i++) {
        fn_pixels face = {NULL, 1, 1};
        fn_status rc = fn_face_cut(&face, &m[i], &r->image[i], eyes_nose_mouth);
        CHECK((rc == FN_OK) == !!face.rgb);
        fn_pixels_free(&face);
        FN_TRY(rc);
    }
    return FN_OK;
}

TEST(failed_allocations)
{
    rig r;
    rig_open(&r);
    fn_model m[3] = {with_recipe(&r, "none"), with_recipe(&r, "centre: 5@9,9"),
                     with_recipe(&r, "landmarks: a.tsv")};
    fn_status rc = FN_ENOMEM;
    int n = 0;
    while (rc == FN_ENOMEM && ++n < 100) {
        fn_fail_alloc(n);
        rc = cut_all(&r, m);
        fn_fail_alloc(0);
    }
    CHECK_OK(rc);
    CHECK_INT(n, 2 + 2 + 1 + 1);
    rig_close(&r);
}

/* A file in memory, its face, its embedding; against the part of it cut out by hand. */
TEST(from_a_file_to_an_embedding)
{
    rig r;
    uint8_t *bytes = NULL;
    size_t size = 0;
    fn_pixels photo, face;
    float out[DIM], want[DIM];
    fn_session *s = NULL;
    rig_open(&r);
    fn_model m = with_recipe(&r, "centre: 16@9,10");
    CHECK_OK(fn_encode_png(&bytes, &size, &r.image[0]));
    CHECK_OK(
        fn_session_open(&s, &m, &(fn_session_options){.size = sizeof(fn_session_options)}));
    CHECK_OK(fn_decode(&photo, bytes, size, "upload"));
    fn_image whole = fn_pixels_view(&photo);
    CHECK_OK(fn_face_cut(&face, &m, &whole, NULL));
    fn_image crop = fn_pixels_view(&face);
    CHECK_OK(fn_embed(s, &crop, 1, out));
    fn_image part = {r.image[0].rgb + 2 * r.image[0].stride + 3, 16, 16, r.image[0].stride};
    CHECK_OK(fn_embed(s, &part, 1, want));
    CHECK(memcmp(out, want, sizeof want) == 0);
    CHECK(worst(out, r.want, 1) > apart);
    fn_pixels_free(&photo);
    CHECK_FAILS(fn_decode(&photo, bytes, size / 2, "upload"), FN_EDATA, "upload: ");
    CHECK(!photo.rgb);
    fn_pixels_free(&face);
    fn_free(bytes);
    fn_session_close(s);
    rig_close(&r);
}
