/* test_image.c -- decoding and encoding: what comes back, and what is refused. */
#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/image.h"
#include "tests/test.h"

#include <unistd.h>

enum { ROOM = 1 << 16 };

/* A file made by hand, so that the tests say what every byte is. */
typedef struct made {
    uint8_t byte[ROOM];
    size_t n;
} made;

static void put(made *m, const void *bytes, size_t n)
{
    memcpy(m->byte + m->n, bytes, n);
    m->n += n;
}

static void put_be(made *m, uint32_t v, int bytes)
{
    while (bytes--)
        m->byte[m->n++] = (uint8_t)(v >> (8 * bytes));
}

/* --- PNG by hand: one stored deflate block --- */

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
    }
    return ~c;
}

static void put_chunk(made *m, const char *type, const void *data, size_t n)
{
    put_be(m, (uint32_t)n, 4);
    size_t start = m->n;
    put(m, type, 4);
    put(m, data, n);
    put_be(m, crc32_of(m->byte + start, n + 4), 4);
}

static uint32_t adler32_of(const uint8_t *p, size_t n)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < n; i++) {
        a = (a + p[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

typedef struct png_kind {
    uint32_t width, height;
    int depth, color, interlace;
} png_kind;

static void png_start(made *m, png_kind k)
{
    made ihdr = {.n = 0};
    m->n = 0;
    put(m, "\x89PNG\r\n\x1a\n", 8);
    put_be(&ihdr, k.width, 4);
    put_be(&ihdr, k.height, 4);
    put_be(&ihdr, (uint32_t)k.depth, 1);
    put_be(&ihdr, (uint32_t)k.color, 1);
    put(&ihdr, "\0\0", 2);
    put_be(&ihdr, (uint32_t)k.interlace, 1);
    put_chunk(m, "IHDR", ihdr.byte, ihdr.n);
}

/* `rows` holds the filter byte of each row and its samples. */
static void png_end(made *m, const void *rows, size_t n)
{
    made z = {.n = 0};
    put(&z, "\x78\x01\x01", 3);
    put_be(&z, (uint32_t)((n & 255) << 8 | n >> 8), 2);
    put_be(&z, (uint32_t)((~n & 255) << 8 | (~n >> 8 & 255)), 2);
    put(&z, rows, n);
    put_be(&z, adler32_of(rows, n), 4);
    put_chunk(m, "IDAT", z.byte, z.n);
    put_chunk(m, "IEND", "", 0);
}

/* --- JPEG by hand: every block is its DC of 0, that is grey 128 --- */

static void jpeg_start(made *m, int sof, int side, int components)
{
    m->n = 0;
    put_be(m, 0xffd8, 2);
    put_be(m, 0xffdb0043, 4);
    put_be(m, 0, 1);
    for (int i = 0; i < 64; i++)
        put_be(m, 1, 1);
    for (uint32_t table = 0; table <= 0x10; table += 0x10) { /* one code: "0" means 0 */
        put_be(m, 0xffc40014, 4);
        put_be(m, table, 1);
        put_be(m, 1, 1);
        for (int i = 0; i < 16; i++)
            put_be(m, 0, 1);
    }
    put_be(m, 0xff00 | (uint32_t)sof, 2);
    put_be(m, (uint32_t)(8 + 3 * components), 2);
    put_be(m, 8, 1);
    put_be(m, (uint32_t)side, 2);
    put_be(m, (uint32_t)side, 2);
    put_be(m, (uint32_t)components, 1);
    for (int i = 1; i <= components; i++)
        put_be(m, (uint32_t)i << 16 | 0x1100, 3);
}

static void jpeg_scan(made *m, int first, int components)
{
    put_be(m, 0xffda, 2);
    put_be(m, (uint32_t)(6 + 2 * components), 2);
    put_be(m, (uint32_t)components, 1);
    for (int i = 0; i < components; i++)
        put_be(m, (uint32_t)(first + i) << 8, 2);
    put_be(m, 0x003f00, 3);
    put_be(m, components == 1 ? 0x3f : 0x03, 1); /* "00" a block, then ones */
}

/* --- pictures --- */

static void paint(fn_pixels *p, int width, int height)
{
    CHECK_OK(fn_pixels_make(p, width, height));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *v = p->rgb + 3 * (y * width + x);
            v[0] = (uint8_t)(40 + 170 * x / width);
            v[1] = (uint8_t)(200 - 150 * y / height);
            v[2] = (uint8_t)(60 + 60 * (x / 8 % 2));
        }
}

static void paint_noise(fn_pixels *p, int width, int height)
{
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    CHECK_OK(fn_pixels_make(p, width, height));
    for (int i = 0; i < 3 * width * height; i++)
        p->rgb[i] = (uint8_t)fn_rng_u32(&r);
}

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

TEST(header_alone_gives_the_size)
{
    fn_pixels p;
    uint8_t *bytes;
    size_t size;
    int w, h;
    paint(&p, 61, 47);
    fn_image view = fn_pixels_view(&p);
    CHECK_OK(fn_encode_jpeg(&bytes, &size, &view, 90));
    CHECK_OK(fn_decode_size(&w, &h, bytes, size, "a.jpg"));
    CHECK(w == 61 && h == 47);
    fn_free(bytes);
    CHECK_OK(fn_encode_png(&bytes, &size, &view));
    CHECK_OK(fn_decode_size(&w, &h, bytes, size, "a.png"));
    CHECK(w == 61 && h == 47);
    CHECK_FAILS(fn_decode_size(&w, &h, bytes, 20, "a.png"), FN_EDATA, "a.png: damaged PNG");
    CHECK_FAILS(fn_decode_size(&w, &h, "GIF89a", 6, "a.gif"), FN_EDATA, "neither");
    fn_free(bytes);
    fn_pixels_free(&p);
}

TEST(orientation_in_exif_is_not_applied)
{
    static const uint8_t exif[] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0,    'M', 'M',
                                   0,    42,   0, 0,  0,   8,   0,   1,   1, 0x12, 0,   3,
                                   0,    0,    0, 1,  0,   6,   0,   0,   0, 0,    0,   0};
    static made m;
    fn_pixels p, plain, turned;
    uint8_t *bytes;
    size_t size;
    paint(&p, 40, 24);
    fn_image view = fn_pixels_view(&p);
    CHECK_OK(fn_encode_jpeg(&bytes, &size, &view, 90));
    m.n = 0;
    put(&m, bytes, 2);
    put(&m, exif, sizeof exif);
    put(&m, bytes + 2, size - 2);
    CHECK_OK(fn_decode(&plain, bytes, size, "a.jpg"));
    CHECK_OK(fn_decode(&turned, m.byte, m.n, "b.jpg"));
    CHECK_INT(turned.width, 40);
    CHECK_INT(turned.height, 24);
    CHECK(turned.rgb && memcmp(plain.rgb, turned.rgb, 40 * 24 * 3) == 0);
    fn_pixels_free(&p);
    fn_pixels_free(&plain);
    fn_pixels_free(&turned);
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

TEST(jpeg_in_cmyk_is_refused_in_words)
{
    static made m;
    fn_pixels p;
    jpeg_start(&m, 0xc0, 8, 4);
    jpeg_scan(&m, 1, 4);
    put_be(&m, 0xffd9, 2);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.jpg"), FN_EDATA,
                "a.jpg: a JPEG in CMYK or an unknown colour space; convert it to RGB");
}

TEST(jpeg_with_endless_scans_is_refused)
{
    static made m;
    fn_pixels p;
    for (int scans = 100; scans <= 101; scans++) {
        jpeg_start(&m, 0xc0, 8, 3);
        for (int i = 0; i < scans; i++)
            jpeg_scan(&m, 1 + i % 3, 1);
        put_be(&m, 0xffd9, 2);
        if (scans == 100)
            CHECK_OK(fn_decode(&p, m.byte, m.n, "a.jpg"));
        else
            CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.jpg"), FN_EDATA,
                        "more than 100 scans");
        fn_pixels_free(&p);
    }
}

/* The tiny file promises gigabytes: it must be refused before any allocation. */
TEST(huge_sides_are_refused_before_memory_is_taken)
{
    static made m;
    fn_pixels p;
    int w, h;
    jpeg_start(&m, 0xc0, 65535, 3);
    jpeg_scan(&m, 1, 3);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.jpg"), FN_EDATA, "65500 pixels");
    CHECK_FAILS(fn_decode_size(&w, &h, m.byte, m.n, "a.jpg"), FN_EDATA, "65500 pixels");
    jpeg_start(&m, 0xc0, 65500, 3); /* the most that libjpeg itself takes */
    jpeg_scan(&m, 1, 3);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.jpg"), FN_EDATA, "over the limit of 16384");
    jpeg_start(&m, 0xc0, 8000, 3);
    jpeg_scan(&m, 1, 3);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.jpg"), FN_EDATA, "50000000 in all");
    png_start(&m, (png_kind){65535, 65535, 8, 2, 0});
    png_end(&m, "", 0);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.png"), FN_EDATA, "limit");
    png_start(&m, (png_kind){8000, 8000, 8, 2, 0});
    png_end(&m, "", 0);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.png"), FN_EDATA, "over the limit");
}

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

TEST(png_damaged_in_each_way)
{
    static made m;
    fn_pixels p;
    png_start(&m, (png_kind){1, 1, 8, 2, 0});
    png_end(&m, "\0\x32\x64\xc8", 4);
    for (size_t n = 8; n < m.n; n++) {
        CHECK_FAILS(fn_decode(&p, m.byte, n, "a.png"), FN_EDATA, "a.png: damaged PNG");
        CHECK(!p.rgb);
    }
    m.byte[m.n - 20] ^= 1; /* the last byte of the pixel, then of its checksums */
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.png"), FN_EDATA, "a.png: damaged PNG");
    png_start(&m, (png_kind){0, 1, 8, 2, 0});
    png_end(&m, "\0", 1);
    CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.png"), FN_EDATA, "a.png");
}

TEST(other_bytes_are_refused)
{
    fn_pixels p;
    CHECK_FAILS(fn_decode(&p, "", 0, "a.jpg"), FN_EDATA, "a.jpg: the image is empty");
    CHECK_FAILS(fn_decode(&p, "\xff\xd8", 2, "a.jpg"), FN_EDATA, "neither JPEG nor PNG");
    CHECK_FAILS(fn_decode(&p, "GIF89a", 6, "a.jpg"), FN_EDATA, "convert it");
    CHECK(!p.rgb);
}

TEST(jpeg_cut_anywhere_is_refused)
{
    fn_pixels p, back;
    uint8_t *bytes;
    size_t size;
    paint_noise(&p, 64, 64);
    fn_image view = fn_pixels_view(&p);
    CHECK_OK(fn_encode_jpeg(&bytes, &size, &view, 90));
    for (size_t n = 3; n < size; n += n + 64 < size || n == size - 1 ? 64 : size - 1 - n) {
        /* A copy of exactly that size, so that a read beyond it is seen. */
        uint8_t *cut = fn_alloc(n, 1);
        memcpy(cut, bytes, n);
        CHECK_FAILS(fn_decode(&back, cut, n, "cut.jpg"), FN_EDATA, "cut.jpg: damaged JPEG");
        CHECK(!back.rgb);
        fn_free(cut);
    }
    fn_pixels_free(&p);
    fn_free(bytes);
}

/* Damage either passes unseen (it hit a pixel's value) or is refused; it never crashes. */
static void check_flips(const uint8_t *bytes, size_t size, int rounds, uint32_t purpose)
{
    uint8_t *bad = fn_alloc(size, 1);
    int refused = 0;
    for (int i = 0; i < rounds; i++) {
        fn_rng r = fn_rng_at(7, FN_RNG_TEST, (uint64_t)i, purpose);
        fn_pixels p;
        memcpy(bad, bytes, size);
        for (uint32_t k = 1 + fn_rng_below(&r, 4); k > 0; k--)
            bad[fn_rng_below(&r, (uint32_t)size)] ^= (uint8_t)(1 + fn_rng_below(&r, 255));
        fn_status s = fn_decode(&p, bad, size, "bad");
        CHECK(s == FN_OK || s == FN_EDATA || s == FN_ENOMEM);
        CHECK((s == FN_OK) == (p.rgb != NULL));
        refused += s != FN_OK;
        fn_pixels_free(&p);
    }
    CHECK(refused > rounds / 20);
    fn_free(bad);
}

TEST(flipped_bytes_never_crash)
{
    fn_pixels p;
    uint8_t *bytes;
    size_t size;
    paint(&p, 40, 40);
    fn_image view = fn_pixels_view(&p);
    CHECK_OK(fn_encode_jpeg(&bytes, &size, &view, 75));
    check_flips(bytes, size, 1500, 1);
    fn_free(bytes);
    CHECK_OK(fn_encode_png(&bytes, &size, &view));
    check_flips(bytes, size, 500, 2);
    fn_free(bytes);
    fn_pixels_free(&p);
}

TEST(memory_that_runs_out)
{
    static made m;
    fn_pixels p, back;
    uint8_t *jpeg = NULL, *png = NULL;
    size_t jpeg_size, png_size;
    fn_status s = FN_ENOMEM;
    paint_noise(&p, 96, 96);
    fn_image view = fn_pixels_view(&p);
    long n;
    for (n = 1; s != FN_OK; n++) {
        fn_fail_alloc(n);
        s = fn_encode_jpeg(&jpeg, &jpeg_size, &view, 95);
        CHECK(s == FN_OK || (s == FN_ENOMEM && !jpeg));
    }
    CHECK(n > 3);
    for (n = 1, s = FN_ENOMEM; s != FN_OK; n++) {
        fn_fail_alloc(n);
        s = fn_encode_png(&png, &png_size, &view);
        CHECK(s == FN_OK || (s == FN_ENOMEM && !png));
    }
    CHECK(n > 2);
    png_start(&m, (png_kind){1, 1, 8, 6, 0});
    png_end(&m, "\0\x10\x20\x30\x00", 5);
    for (n = 1; n <= 2; n++) {
        fn_fail_alloc(n);
        CHECK_FAILS(fn_decode(&back, m.byte, m.n, "a.png"), FN_ENOMEM, "no memory");
        CHECK(!back.rgb);
    }
    fn_fail_alloc(1);
    CHECK_FAILS(fn_decode(&back, jpeg, jpeg_size, "a.jpg"), FN_ENOMEM, "96 x 96");
    fn_fail_alloc(0);
    fn_free(jpeg);
    fn_free(png);
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
