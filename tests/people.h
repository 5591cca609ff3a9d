/* people.h -- small folders of images for the tests of packs, samplers and loaders. */
#ifndef FN_TESTS_PEOPLE_H
#define FN_TESTS_PEOPLE_H

#include "core/file.h"
#include "core/mem.h"
#include "data/image.h"
#include "data/pack.h"
#include "tests/test.h"

#include <unistd.h>

enum { FN_TEST_PATH = 512 };

/* A fresh folder under /tmp; fn_test_sweep removes it. */
static char fn_test_root[FN_TEST_PATH];

static void fn_test_scratch(void)
{
    strcpy(fn_test_root, "/tmp/facenet-test-XXXXXX");
    CHECK(mkdtemp(fn_test_root) != NULL);
}

static void fn_test_sweep(void)
{
    CHECK_OK(fn_file_remove_tree(fn_test_root));
}

/* ROOT/name; four results may be in use at once. */
static const char *fn_test_path(const char *name)
{
    static char path[4][FN_TEST_PATH + 256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", fn_test_root, name);
    return path[turn];
}

static void fn_test_put(const char *name, const void *bytes, size_t size)
{
    char folder[FN_TEST_PATH + 256];
    snprintf(folder, sizeof folder, "%s", fn_test_path(name));
    *strrchr(folder, '/') = '\0';
    CHECK_OK(fn_file_mkdirs(folder));
    unlink(fn_test_path(name)); /* writing over a file makes some file systems flush it */
    FILE *f = fopen(fn_test_path(name), "wb");
    CHECK(f && fwrite(bytes, 1, size, f) == size);
    CHECK(f && fclose(f) == 0);
}

/* A 40 x 32 picture that no other number has. */
static inline void fn_test_draw(fn_pixels *p, int number)
{
    CHECK_OK(fn_pixels_make(p, 40, 32));
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 40; x++) {
            uint8_t *rgb = p->rgb + (y * 40 + x) * 3;
            rgb[0] = (uint8_t)(3 * x + number * 37);
            rgb[1] = (uint8_t)(5 * y + number * 11);
            rgb[2] = (uint8_t)(x * y / 8 + number * 5);
        }
}

static inline void fn_test_put_image(const char *name, int number)
{
    fn_pixels p;
    uint8_t *bytes = NULL;
    size_t size = 0;
    fn_test_draw(&p, number);
    fn_image image = fn_pixels_view(&p);
    if (strstr(name, ".png"))
        CHECK_OK(fn_encode_png(&bytes, &size, &image));
    else
        CHECK_OK(fn_encode_jpeg(&bytes, &size, &image, 90));
    fn_test_put(name, bytes, size);
    fn_free(bytes);
    fn_pixels_free(&p);
}

/* ROOT/people/pNNN/pNNN_MMMM.jpg for people with count[i] images each. */
static inline void fn_test_put_people(const int *count, int people)
{
    char name[64];
    for (int i = 0, number = 0; i < people; i++)
        for (int k = 1; k <= count[i]; k++) {
            snprintf(name, sizeof name, "people/p%03d/p%03d_%04d.jpg", i, i, k);
            fn_test_put_image(name, number++);
        }
}

/* The pack of such people, open. */
static inline fn_pack *fn_test_pack(const int *count, int people)
{
    fn_pack_options o = {.crop = NULL};
    fn_pack_report r;
    fn_pack *p = NULL;
    fn_test_put_people(count, people);
    CHECK_OK(fn_pack_make(fn_test_path("test.h5"), fn_test_path("people"), &o, &r));
    CHECK_OK(fn_pack_open(&p, fn_test_path("test.h5")));
    return p;
}

/* Opens instead a pack in which the stored bytes of this image are others. */
static inline void fn_test_damage(fn_pack **p, int image)
{
    char *file, *at = NULL;
    uint8_t *bytes;
    size_t size, n;
    CHECK_OK(fn_pack_bytes(*p, image, &bytes, &n));
    CHECK_OK(fn_file_read(&file, &size, fn_pack_path(*p), 1 << 24));
    for (size_t i = 0; !at && i + n <= size; i++)
        if (memcmp(file + i, bytes, n) == 0)
            at = file + i;
    CHECK(at != NULL);
    memset(at, 0x55, n);
    CHECK_OK(fn_file_replace(fn_test_path("damaged.h5"), file, size));
    fn_free(file);
    fn_free(bytes);
    fn_pack_close(*p);
    CHECK_OK(fn_pack_open(p, fn_test_path("damaged.h5")));
}

#endif
