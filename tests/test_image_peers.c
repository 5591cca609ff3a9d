/* test_image_peers.c -- images that Pillow and OpenCV write, read by us as they read them. */
#include "data/image.h"
#include "tests/scratch.h"

#include <unistd.h>

static const char *const python = "build/venv/bin/python3";

/* The largest difference of a value, or 256 when the sizes differ. */
static int largest_difference(const char *name)
{
    char peer[256];
    char *bytes;
    size_t n;
    fn_pixels p;
    snprintf(peer, sizeof peer, "%s.rgb", name);
    CHECK_OK(fn_file_read(&bytes, &n, fn_scratch(peer), 1 << 24));
    CHECK_OK(fn_image_read(&p, fn_scratch(name)));
    const uint8_t *want = (const uint8_t *)bytes;
    int w = want[0] | want[1] << 8, h = want[2] | want[3] << 8, most = 0;
    if (!p.rgb || p.width != w || p.height != h || n != 4 + (size_t)(3 * w * h))
        most = 256;
    for (size_t i = 0; most < 256 && i < n - 4; i++) {
        int d = abs(p.rgb[i] - want[4 + i]);
        most = d > most ? d : most;
    }
    fn_pixels_free(&p);
    fn_free(bytes);
    return most;
}

/* Rounding differs: of inks and alpha by one; upsampled colour is libjpeg's own on both sides. */
static const struct {
    const char *name;
    int most;
} cases[] = {
    {"turned1.jpg", 1},  {"turned2.jpg", 1},     {"turned3.jpg", 1},   {"turned4.jpg", 1},
    {"turned5.jpg", 1},  {"turned6.jpg", 1},     {"turned7.jpg", 1},   {"turned8.jpg", 1},
    {"grey.jpg", 1},     {"progressive.jpg", 1}, {"halved.jpg", 1},    {"cmyk.jpg", 2},
    {"ycck.jpg", 2},     {"colour.png", 0},      {"palette.png", 0},   {"bit.png", 0},
    {"grey.png", 0},     {"alpha.png", 1},       {"greyalpha.png", 1}, {"deep.png", 1},
    {"deepgrey.png", 1}, {"colour.ppm", 0},      {"grey.pgm", 0},
};

TEST(every_kind_as_pillow_reads_it)
{
    char command[512];
    if (access(python, X_OK) != 0)
        SKIP("there is no build/venv (make setup)");
    fn_scratch_enter();
    snprintf(command, sizeof command, "%s tests/image_peers.py %s", python,
             fn_scratch_root);
    CHECK_INT(system(command), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int most = largest_difference(cases[i].name);
        if (most > cases[i].most)
            FN_TEST_FAIL("%s differs by %d", cases[i].name, most);
    }
    fn_scratch_leave();
}
