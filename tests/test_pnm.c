/* test_pnm.c -- PGM and PPM: every form of the header, and what must be refused. */
#include "core/mem.h"
#include "data/image.h"
#include "tests/image_bytes.h"

/* Decodes a copy of exactly that size, so that a read beyond it is seen. */
static fn_status decode(fn_pixels *p, const void *bytes, size_t size)
{
    uint8_t *copy = fn_alloc(size, 1);
    memcpy(copy, bytes, size);
    fn_status rc = fn_decode(p, copy, size, "a.ppm");
    fn_free(copy);
    return rc;
}

static void check_reads(const char *bytes, size_t size, int width, int height,
                        const char *rgb)
{
    fn_pixels p;
    CHECK_OK(decode(&p, bytes, size));
    CHECK_INT(p.width, width);
    CHECK_INT(p.height, height);
    CHECK(p.rgb && memcmp(p.rgb, rgb, (size_t)(3 * width * height)) == 0);
    fn_pixels_free(&p);
}

#define READS(bytes, w, h, rgb) check_reads(bytes, sizeof(bytes) - 1, w, h, rgb)
#define REFUSED(bytes, why)                                                      \
    do {                                                                         \
        fn_pixels p_;                                                            \
        CHECK_FAILS(decode(&p_, bytes, sizeof(bytes) - 1), FN_EDATA, "a.ppm: "); \
        CHECK(strstr(fn_last_error(), why) != NULL);                             \
        CHECK(!p_.rgb);                                                          \
    } while (0)

TEST(grey_and_colour)
{
    READS("P6 2 1 255\n\x01\x02\x03\xfd\xfe\xff", 2, 1, "\x01\x02\x03\xfd\xfe\xff");
    READS("P5\n1 2\n255\n\x07\xff", 1, 2, "\x07\x07\x07\xff\xff\xff");
}

TEST(space_and_comments_in_the_header)
{
    READS("P5# a 9 9\n\t 1#8\n#\n\r2 # 3 \n255 \n\x41", 1, 2, "\n\n\n\x41\x41\x41");
    READS("P5 1 1 255\n#", 1, 1, "###"); /* behind the header '#' is a sample */
    READS("P5 1 1 255\n\x01more", 1, 1, "\x01\x01\x01");
}

TEST(other_largest_values_are_scaled)
{
    READS("P5 4 1 3\n\0\1\2\3", 4, 1, "\0\0\0\x55\x55\x55\xaa\xaa\xaa\xff\xff\xff");
    READS("P6 1 1 100\n\x32\x64\0", 1, 1, "\x80\xff\0");
    REFUSED("P5 1 1 3\n\4", "a value is over the largest");
}

TEST(bad_headers_are_refused_in_words)
{
    REFUSED("P5", "not in its header");
    REFUSED("P5 ", "not in its header");
    REFUSED("P51 1 255\n\0", "not in its header");
    REFUSED("P5 -1 1 255\n\0", "not in its header");
    REFUSED("P5 1 1", "not in its header");
    REFUSED("P5 1 1 #255\n", "not in its header");
    REFUSED("P5 0 1 255\n\0", "without pixels");
    REFUSED("P5 1 1 0\n\0", "not in 1..65535");
    REFUSED("P5 1 1 65536\n\0", "not in 1..65535");
    REFUSED("P5 1 1 256\n\0\0", "16 bits; convert it");
    REFUSED("P5 1 1 255", "no white space");
    REFUSED("P5 1 1 255x\0", "no white space");
    REFUSED("P5 1 1 255\n", "ends too early");
    REFUSED("P6 2 2 255\n12345678901", "ends too early");
}

TEST(sizes_that_promise_too_much_are_refused)
{
    REFUSED("P6 16385 1 255\n", "over the limit of 16384");
    REFUSED("P6 8000 8000 255\n", "50000000 in all");
    REFUSED("P6 99999999999999999999 1 255\n", "over the limit");
    REFUSED("P6 4294967297 1 255\n123", "over the limit");
    REFUSED("P6 16384 3000 255\n", "ends too early");
}

TEST(memory_that_runs_out)
{
    fn_pixels p;
    fn_fail_alloc(1);
    CHECK_FAILS(fn_decode(&p, "P5 1 1 255\n\0", 12, "a.pgm"), FN_ENOMEM, "1 x 1");
    fn_fail_alloc(0);
    CHECK(!p.rgb);
}
