/* test_image.c -- decoding and encoding: what comes back. */
#include "core/file.h"
#include "core/mem.h"
#include "data/image.h"
#include "tests/image_bytes.h"

#include <unistd.h>

static double mean_error(const fn_pixels *a, const fn_pixels *b)
{
    double sum = 0;
    int n = 3 * a->width * a->height;
    for (int i = 0; i < n; i++)
        sum += abs(a->rgb[i] - b->rgb[i]);
    return sum / n;
}

static void check_pixel(const fn_pixels *p, int at, int r, int g, int b)
{
    if (!p->rgb)
        return;
    CHECK_INT(p->rgb[3 * at], r);
    CHECK_INT(p->rgb[3 * at + 1], g);
    CHECK_INT(p->rgb[3 * at + 2], b);
}

TEST(png_brings_back_every_pixel_whatever_the_stride)
{
    fn_pixels p, back;
    uint8_t *bytes;
    size_t size;
    paint_noise(&p, 37, 21);
    fn_image part = {p.rgb + 3, 30, 21, 37 * 3};
    CHECK_OK(fn_encode_png(&bytes, &size, &part));
    CHECK_OK(fn_decode(&back, bytes, size, "a.png"));
    CHECK_INT(back.width, 30);
    CHECK_INT(back.height, 21);
    for (int y = 0; y < 21; y++)
        CHECK(memcmp(back.rgb + y * 90, p.rgb + 3 + y * 111, 90) == 0);
    fn_pixels_free(&back);
    fn_pixels_free(&p);
    fn_free(bytes);
}

TEST(jpeg_brings_back_nearly_every_pixel)
{
    fn_pixels p, back;
    uint8_t *bytes;
    size_t size, poor;
    paint(&p, 61, 47);
    fn_image view = fn_pixels_view(&p);
    CHECK_OK(fn_encode_jpeg(&bytes, &poor, &view, 20));
    fn_free(bytes);
    CHECK_OK(fn_encode_jpeg(&bytes, &size, &view, 95));
    CHECK(poor < size);
    CHECK_OK(fn_decode(&back, bytes, size, "a.jpg"));
    CHECK_INT(back.width, 61);
    CHECK_INT(back.height, 47);
    CHECK(mean_error(&p, &back) < 1.5);
    fn_pixels_free(&back);
    fn_pixels_free(&p);
    fn_free(bytes);
}

TEST(jpeg_keeps_colour_at_full_resolution)
{
    fn_pixels p, back;
    uint8_t *bytes;
    size_t size;
    CHECK_OK(fn_pixels_make(&p, 32, 32));
    for (int i = 0; i < 32 * 32; i++)
        p.rgb[3 * i + (i % 2 ? 0 : 2)] = 255; /* columns of red and blue */
    fn_image view = fn_pixels_view(&p);
    CHECK_OK(fn_encode_jpeg(&bytes, &size, &view, 98));
    CHECK_OK(fn_decode(&back, bytes, size, "a.jpg"));
    CHECK(mean_error(&p, &back) < 10);
    fn_pixels_free(&back);
    fn_pixels_free(&p);
    fn_free(bytes);
}

TEST(jpeg_larger_than_one_chunk_of_the_encoder)
{
    fn_pixels p, back;
    uint8_t *bytes;
    size_t size;
    paint_noise(&p, 256, 256);
    fn_image view = fn_pixels_view(&p);
    CHECK_OK(fn_encode_jpeg(&bytes, &size, &view, 100));
    CHECK(size > 64 * 1024);
    CHECK_OK(fn_decode(&back, bytes, size, "a.jpg"));
    CHECK(mean_error(&p, &back) < 3);
    fn_pixels_free(&back);
    fn_pixels_free(&p);
    fn_free(bytes);
}

TEST(jpeg_of_one_grey_pixel)
{
    static made m;
    fn_pixels p;
    jpeg_start(&m, 0xc0, 1, 1);
    jpeg_scan(&m, 1, 1);
    put_be(&m, 0xffd9, 2);
    CHECK_OK(fn_decode(&p, m.byte, m.n, "a.jpg"));
    CHECK_INT(p.width, 1);
    CHECK_INT(p.height, 1);
    check_pixel(&p, 0, 128, 128, 128);
    fn_pixels_free(&p);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n - 2, "a.jpg"), FN_EDATA, "a.jpg: damaged JPEG");
    CHECK(!p.rgb);
}

/* The tiny file promises gigabytes: it must be refused before any allocation. */
TEST(png_of_grey_palette_alpha_and_16_bits)
{
    static made m;
    fn_pixels p;
    png_start(&m, (png_kind){2, 1, 8, 0, 0});
    png_end(&m, "\0\x40\xff", 3);
    CHECK_OK(fn_decode(&p, m.byte, m.n, "grey"));
    check_pixel(&p, 0, 64, 64, 64);
    check_pixel(&p, 1, 255, 255, 255);
    fn_pixels_free(&p);

    png_start(&m, (png_kind){8, 1, 1, 0, 0});
    png_end(&m, "\0\xa0", 2);
    CHECK_OK(fn_decode(&p, m.byte, m.n, "one bit"));
    check_pixel(&p, 0, 255, 255, 255);
    check_pixel(&p, 1, 0, 0, 0);
    fn_pixels_free(&p);

    png_start(&m, (png_kind){2, 1, 4, 3, 0});
    put_chunk(&m, "PLTE", "\x01\x02\x03\x0a\x14\x1e", 6);
    put_chunk(&m, "tRNS", "\xff\x80", 2);
    png_end(&m, "\0\x01", 2);
    CHECK_OK(fn_decode(&p, m.byte, m.n, "palette"));
    check_pixel(&p, 0, 1, 2, 3);
    check_pixel(&p, 1, 132, 137, 142); /* (10,20,30) * 128/255 + 255 * 127/255 */
    fn_pixels_free(&p);

    png_start(&m, (png_kind){1, 1, 8, 6, 0});
    png_end(&m, "\0\x10\x20\x30\x00", 5);
    CHECK_OK(fn_decode(&p, m.byte, m.n, "alpha"));
    check_pixel(&p, 0, 255, 255, 255);
    fn_pixels_free(&p);

    png_start(&m, (png_kind){1, 1, 16, 2, 0});
    png_end(&m, "\0\x12\x34\x80\x00\xff\xff", 7);
    CHECK_OK(fn_decode(&p, m.byte, m.n, "16 bits"));
    check_pixel(&p, 0, 0x12, 0x80, 0xff);
    fn_pixels_free(&p);
}

/* A gamma or a profile changes how a screen shows a value, not the value. */
TEST(png_gamma_and_comments_are_passed_over)
{
    static made m;
    fn_pixels p;
    png_start(&m, (png_kind){1, 1, 8, 2, 0});
    put_chunk(&m, "gAMA", "\0\0\x2a\x9b", 4);
    put_chunk(&m, "iCCP", "bad", 3);
    put_chunk(&m, "tEXt", "Title\0x", 7);
    png_end(&m, "\0\x32\x64\xc8", 4);
    CHECK_OK(fn_decode(&p, m.byte, m.n, "gamma"));
    check_pixel(&p, 0, 50, 100, 200);
    fn_pixels_free(&p);
}

TEST(png_interlaced)
{
    /* Adam7 of 2 x 2: pass 1 has (0,0), pass 6 has (1,0), pass 7 has the second row. */
    static made m;
    fn_pixels p;
    png_start(&m, (png_kind){2, 2, 8, 0, 1});
    png_end(&m, "\0\x01\0\x02\0\x03\x04", 7);
    CHECK_OK(fn_decode(&p, m.byte, m.n, "interlaced"));
    for (int i = 0; i < 4; i++)
        check_pixel(&p, i, i + 1, i + 1, i + 1);
    fn_pixels_free(&p);
}

TEST(reading_a_file)
{
    char folder[] = "/tmp/test_image_XXXXXX", path[64];
    fn_pixels p, back;
    uint8_t *bytes;
    size_t size;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/a.png", folder);
    paint_noise(&p, 9, 5);
    fn_image view = fn_pixels_view(&p);
    CHECK_FAILS(fn_image_read(&back, path), FN_ENOENT, path);
    CHECK_OK(fn_encode_png(&bytes, &size, &view));
    CHECK_OK(fn_file_replace(path, bytes, size));
    CHECK_OK(fn_image_read(&back, path));
    CHECK(back.rgb && memcmp(back.rgb, p.rgb, 9 * 5 * 3) == 0);
    fn_pixels_free(&back);
    CHECK_OK(fn_file_replace(path, bytes, size - 1));
    CHECK_FAILS(fn_image_read(&back, path), FN_EDATA, path);
    CHECK_FAILS(fn_image_read(&back, folder), FN_EINVAL, folder);
    CHECK_OK(fn_file_remove_tree(folder));
    fn_free(bytes);
    fn_pixels_free(&p);
}
