/* sizes.h -- a pack whose images have many sizes, and what a loader of faces hands out of it. */
#ifndef FN_TESTS_SIZES_H
#define FN_TESTS_SIZES_H

#include "core/rng.h"
#include "data/degrade.h"
#include "data/loader.h"
#include "tests/people.h"

enum { FN_TEST_PEOPLE = 6, FN_TEST_IMAGES = 3 };

static const fn_augment fn_test_augment = {.view = 0.9f,
                                           .shift = 0.05f,
                                           .zoom = 0.1f,
                                           .flip = 1,
                                           .brightness = 0.1f,
                                           .contrast = 0.2f,
                                           .degrade = 0.6f,
                                           .blur = 0.03f,
                                           .jpeg = 20};

static inline void fn_test_put_sized(const char *name, uint32_t number)
{
    fn_rng r = fn_rng_at(9, FN_RNG_TEST, 0, number);
    fn_pixels p;
    uint8_t *bytes = NULL;
    size_t size = 0;
    CHECK_OK(
        fn_pixels_make(&p, 9 + (int)fn_rng_below(&r, 40), 7 + (int)fn_rng_below(&r, 50)));
    for (int y = 0; y < p.height; y++)
        for (int x = 0; x < p.width; x++)
            for (int c = 0; c < 3; c++)
                p.rgb[3 * (y * p.width + x) + c] = (uint8_t)(5 * x + (3 + c) * y +
                                                             37 * (int)number);
    fn_image image = fn_pixels_view(&p);
    CHECK_OK(fn_encode_jpeg(&bytes, &size, &image, 90));
    fn_test_put(name, bytes, size);
    fn_free(bytes);
    fn_pixels_free(&p);
}

static inline fn_pack *fn_test_sizes(void)
{
    fn_pack_options o = {.crop = NULL};
    fn_pack_report r;
    fn_pack *p = NULL;
    char name[64];
    for (int i = 0; i < FN_TEST_PEOPLE; i++)
        for (int k = 0; k < FN_TEST_IMAGES; k++) {
            snprintf(name, sizeof name, "people/p%d/p%d_%d.jpg", i, i, k);
            fn_test_put_sized(name, (uint32_t)(i * FN_TEST_IMAGES + k));
        }
    CHECK_OK(fn_pack_make(fn_test_path("test.h5"), fn_test_path("people"), &o, &r));
    CHECK_OK(fn_pack_open(&p, fn_test_path("test.h5")));
    return p;
}

/* The face of a slot as the loader has to hand it out. */
static inline void fn_test_face(fn_pixels *face, const fn_pack *pack, int image,
                                const fn_loader_options *o, int64_t step, int slot)
{
    const fn_augment *a = &o->augment;
    CHECK_OK(fn_pack_image(pack, image, face));
    if (a->blur > 0 || a->jpeg)
        CHECK_OK(fn_degrade_apply(
            face, fn_degrade_draw(a, o->seed, (uint64_t)step, (uint32_t)slot)));
}

#endif
