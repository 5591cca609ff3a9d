/* test_validate.c -- which images of a pack are validated on, and that their distances are those of
 * the images that the pairs mean. */
#include "tests/people.h"
#include "tests/rig.h"
#include "train/validate.h"

enum { PEOPLE = 60, EACH = 5, PAIRS = 40 };

static fn_validator *open_one(const rig *r, const fn_pack *train)
{
    fn_config c = {.seed = 1, .threads = 2, .val_pairs = PAIRS, .augment.view = share};
    fn_validator *v = NULL;
    snprintf(c.val_pack, sizeof c.val_pack, "%s", fn_test_path("val.h5"));
    CHECK_OK(fn_validator_open(&v, &c, r->net, r->params, train, NULL));
    return v;
}

static void embed(float *e, fn_session *s, const fn_pack *p, int image)
{
    fn_pixels face;
    CHECK_OK(fn_pack_image(p, image, &face));
    fn_image view = fn_pixels_view(&face);
    CHECK_OK(fn_embed(s, &view, 1, e));
    fn_pixels_free(&face);
}

static void check_pair(const fn_validation *v, int i, fn_session *s)
{
    const fn_pair *pair = &v->pairs->pair[i];
    int a = v->image[pair->a], b = v->image[pair->b];
    float e[2 * DIM];
    CHECK((fn_pack_person_of(v->pack, a) == fn_pack_person_of(v->pack, b)) == pair->same);
    embed(e, s, v->pack, a);
    embed(e + DIM, s, v->pack, b);
    CHECK_NEAR(v->distance[i], fn_distance(e, e + DIM, DIM), tolerance);
}

TEST(only_images_that_a_pair_names_are_embedded)
{
    int count[PEOPLE], named[PEOPLE * EACH] = {0};
    fn_verification *found = NULL;
    fn_pack *train = NULL;
    static rig r;
    for (int i = 0; i < PEOPLE; i++)
        count[i] = EACH;
    rig_open(&r);
    fn_test_scratch();
    fn_pack_close(fn_test_pack(count, PEOPLE));
    CHECK_OK(fn_pack_split(fn_test_path("test.h5"), fn_test_path("train.h5"),
                           fn_test_path("val.h5"), 0.5, 1));
    CHECK_OK(fn_pack_open(&train, fn_test_path("train.h5")));
    fn_validator *v = open_one(&r, train);
    CHECK_OK(fn_validator_run(v, &found));
    fn_validation last = fn_validator_last(v);
    fn_session *s = open_session(&r, 1, 1);
    CHECK_INT(last.pairs->n, PAIRS);
    CHECK(last.images <= 2 * PAIRS && last.images < fn_pack_images(last.pack));
    for (int i = 0; i < PAIRS; i++) {
        named[last.pairs->pair[i].a] = named[last.pairs->pair[i].b] = 1;
        check_pair(&last, i, s);
    }
    for (int i = 0; i < last.images; i++)
        CHECK(named[i] && (i == 0 || last.image[i] > last.image[i - 1]));
    fn_session_close(s);
    fn_verification_free(found);
    fn_validator_close(v);
    fn_pack_close(train);
    fn_test_sweep();
    rig_close(&r);
}
