/* test_decode_fuzz.c -- thousands of damaged images of every kind: bits, bytes, pieces and lengths
 * are changed, checksums of PNG mended so that the damage gets behind them. Whatever comes: a
 * picture or a sentence, never a crash (sanitizers look), and memory stays bounded. */
#include "core/mem.h"
#include "data/image.h"
#include "tests/image_bytes.h"

#include <sys/resource.h>

enum { ROUNDS = 1500, LARGEST = 2 * ROOM };

typedef struct bytes {
    uint8_t *byte; /* [LARGEST] */
    size_t n;
} bytes;

static uint32_t below(fn_rng *r, size_t n)
{
    return fn_rng_below(r, n ? (uint32_t)n : 1);
}

/* --- valid files --- */

static void take_encoded(bytes *b, bool png)
{
    fn_pixels p;
    uint8_t *encoded = NULL;
    size_t n = 0;
    paint(&p, 40, 24);
    fn_image view = fn_pixels_view(&p);
    if (png)
        CHECK_OK(fn_encode_png(&encoded, &n, &view));
    else
        CHECK_OK(fn_encode_jpeg(&encoded, &n, &view, 85));
    memcpy(b->byte, encoded, n);
    b->n = n;
    fn_free(encoded);
    fn_pixels_free(&p);
}

static void take_made(bytes *b, const made *m)
{
    memcpy(b->byte, m->byte, m->n);
    b->n = m->n;
}

static void jpeg_baseline(bytes *b)
{
    take_encoded(b, false);
}

static void jpeg_turned(bytes *b)
{
    static made m;
    take_encoded(b, false);
    m.n = 0;
    put(&m, b->byte, 2);
    put_exif(&m, (exif_kind){false, 6, 3, 1});
    put(&m, b->byte + 2, b->n - 2);
    take_made(b, &m);
}

static void jpeg_progressive(bytes *b)
{
    static made m;
    jpeg_bomb(&m, 96, 3);
    take_made(b, &m);
}

static void jpeg_of_four_inks(bytes *b)
{
    static made m;
    jpeg_start(&m, 0xc0, 8, 4);
    jpeg_scan(&m, 1, 4);
    put_be(&m, 0xffd9, 2);
    take_made(b, &m);
}

static void png_plain(bytes *b)
{
    take_encoded(b, true);
}

static void png_deep(bytes *b)
{
    static made m;
    uint8_t rows[8 * (1 + 8 * 8 * 2)] = {0}; /* more than seven passes of 8 x 8 need */
    size_t n = 0;
    const int wide[7] = {1, 1, 2, 2, 4, 4, 8}, high[7] = {1, 1, 1, 2, 2, 4, 4};
    for (int pass = 0; pass < 7; pass++)
        n += (size_t)high[pass] * (1 + 8 * (size_t)wide[pass]);
    png_start(&m, (png_kind){8, 8, 16, 6, 1});
    png_end(&m, rows, n);
    take_made(b, &m);
}

static void png_palette(bytes *b)
{
    static made m, tiff;
    tiff.n = 0;
    put_tiff(&tiff, (exif_kind){true, 7, 3, 1});
    png_start(&m, (png_kind){4, 2, 2, 3, 0});
    put_chunk(&m, "PLTE", "\1\2\3\4\5\6\7\10\11\12\13\14", 12);
    put_chunk(&m, "tRNS", "\0\x80", 2);
    put_chunk(&m, "eXIf", tiff.byte, tiff.n);
    png_end(&m, "\0\x1b\0\xe4", 4);
    take_made(b, &m);
}

static void ppm(bytes *b)
{
    static made m;
    static const char text[] = "P6 # colours\n4 3\n200\n";
    m.n = 0;
    put(&m, text, sizeof text - 1);
    for (uint32_t i = 0; i < 36; i++)
        put_be(&m, 5 * i, 1);
    take_made(b, &m);
}

static void pgm(bytes *b)
{
    static made m;
    static const char text[] = "P5\n5 5\n255\n";
    m.n = 0;
    put(&m, text, sizeof text - 1);
    for (uint32_t i = 0; i < 25; i++)
        put_be(&m, 9 * i, 1);
    take_made(b, &m);
}

/* --- damage --- */

static void flip_bits(bytes *b, fn_rng *r)
{
    for (uint32_t k = 1 + below(r, 8); k > 0; k--)
        b->byte[below(r, b->n)] ^= (uint8_t)(1u << below(r, 8));
}

/* The values at which lengths and counts break. */
static uint8_t odd_byte(fn_rng *r)
{
    static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
    uint32_t i = below(r, sizeof odd + 2);
    return i < sizeof odd ? odd[i] : (uint8_t)fn_rng_u32(r);
}

static void set_bytes(bytes *b, fn_rng *r)
{
    for (uint32_t k = 1 + below(r, 4); k > 0; k--)
        b->byte[below(r, b->n)] = odd_byte(r);
}

static void cut(bytes *b, fn_rng *r)
{
    b->n = below(r, b->n + 1);
}

static void remove_piece(bytes *b, fn_rng *r)
{
    size_t at = below(r, b->n), n = 1 + below(r, b->n - at);
    memmove(b->byte + at, b->byte + at + n, b->n - at - n);
    b->n -= n;
}

static void repeat_piece(bytes *b, fn_rng *r)
{
    size_t at = below(r, b->n), n = 1 + below(r, b->n - at);
    if (b->n + n > LARGEST)
        return;
    memmove(b->byte + at + n, b->byte + at, b->n - at);
    b->n += n;
}

/* Two bytes behind a marker of a JPEG, four before a type of a PNG, a digit of a PNM. */
static void change_length(bytes *b, fn_rng *r)
{
    for (int tries = 0; tries < 200; tries++) {
        size_t at = below(r, b->n);
        const uint8_t *p = b->byte + at;
        if (at + 4 > b->n)
            continue;
        bool marker = p[0] == 0xff && p[1] >= 0xc0 && p[1] < 0xff;
        bool type = at >= 8 && p[0] >= 'A' && p[1] >= 'A' && p[2] >= 'A' && p[3] >= 'A' &&
                    p[0] <= 'z' && p[1] <= 'z' && p[2] <= 'z' && p[3] <= 'z';
        if (marker)
            b->byte[at + 2 + below(r, 2)] = odd_byte(r);
        else if (type)
            b->byte[at - 4 + below(r, 4)] = odd_byte(r);
        else if (p[0] >= '0' && p[0] <= '9' && at < 20)
            b->byte[at] = (uint8_t)('0' + below(r, 10));
        else
            continue;
        return;
    }
}

/* Makes the checksums of a PNG's chunks right again, as far as their lengths lead. */
static void mend_png(bytes *b)
{
    for (size_t at = 8; b->n >= 20 && at <= b->n - 12;) {
        uint8_t *p = b->byte + at;
        size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (n > b->n - at - 12)
            return;
        uint32_t crc = crc32_of(p + 4, n + 4);
        for (int i = 0; i < 4; i++)
            p[8 + n + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + n;
    }
}

static void damage(bytes *b, fn_rng *r)
{
    static void (*const how[])(bytes *, fn_rng *) = {
        flip_bits, set_bytes, cut, remove_piece, repeat_piece, change_length,
    };
    for (uint32_t k = 1 + below(r, 2); k > 0 && b->n > 0; k--)
        how[below(r, sizeof how / sizeof *how)](b, r);
    if (b->n > 8 && b->byte[0] == 0x89 && below(r, 4))
        mend_png(b);
}

/* --- what comes of it --- */

/* In a copy of just that size, so that a read beyond it is seen. */
static bool decodes(const bytes *b)
{
    uint8_t *copy = fn_alloc(b->n, 1);
    fn_pixels p;
    memcpy(copy, b->byte, b->n);
    fn_status s = fn_decode(&p, copy, b->n, "bad");
    CHECK(s == FN_OK || (s == FN_EDATA && strncmp(fn_last_error(), "bad: ", 5) == 0));
    CHECK((s == FN_OK) == (p.rgb != NULL));
    CHECK(p.width <= FN_MAX_SIDE && p.height <= FN_MAX_SIDE);
    CHECK((int64_t)p.width * p.height <= FN_MAX_PIXELS);
    fn_pixels_free(&p);
    fn_free(copy);
    return s == FN_OK;
}

static void check(void (*make)(bytes *b), uint32_t purpose)
{
    bytes b = {fn_alloc(LARGEST, 1), 0};
    int good = 0;
    make(&b);
    CHECK(decodes(&b));
    for (int i = 0; i < ROUNDS; i++) {
        fn_rng r = fn_rng_at(11, FN_RNG_TEST, (uint64_t)i, purpose);
        make(&b);
        damage(&b, &r);
        good += decodes(&b);
    }
    CHECK(good > 0 && good < ROUNDS);
    printf("# %d of %d are still pictures\n", good, ROUNDS);
    fn_free(b.byte);
}

TEST(jpegs)
{
    check(jpeg_baseline, 1);
    check(jpeg_turned, 2);
    check(jpeg_progressive, 3);
    check(jpeg_of_four_inks, 4);
}

TEST(pngs)
{
    check(png_plain, 5);
    check(png_deep, 6);
    check(png_palette, 7);
}

TEST(pnms)
{
    check(ppm, 8);
    check(pgm, 9);
}

/* The pixels of the largest image, a JPEG's coefficients beside them, and room for a sanitizer. */
TEST(memory_was_bounded)
{
    struct rusage u;
    CHECK(getrusage(RUSAGE_SELF, &u) == 0);
    printf("# at most %ld MB at a time\n", u.ru_maxrss / 1024);
    CHECK(u.ru_maxrss < 1200 * 1024);
}
