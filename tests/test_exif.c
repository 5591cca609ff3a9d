/* test_exif.c -- orientation: found in both orders of bytes, applied in all eight ways, and never
 * read from beyond the segment. */
#include "core/mem.h"
#include "data/codec.h"
#include "tests/image_bytes.h"

enum { WIDE = 40, HIGH = 24 };

static void encode(uint8_t **bytes, size_t *size)
{
    fn_pixels p;
    paint(&p, WIDE, HIGH);
    fn_image view = fn_pixels_view(&p);
    CHECK_OK(fn_encode_jpeg(bytes, size, &view, 90));
    fn_pixels_free(&p);
}

/* The JPEG with other segments before the Exif one. */
static void put_file(made *m, const uint8_t *bytes, size_t size, exif_kind e)
{
    m->n = 0;
    put(m, bytes, 2);
    put(m, "\xff\xe1\0\x08http\0\0", 10); /* APP1 of XMP */
    put(m, "\xff", 1);                    /* a filling byte */
    put_exif(m, e);
    put(m, bytes + 2, size - 2);
}

/* Where the picture's upper left corner and its right neighbour come to lie. */
static const int corner[9][4] = {{0},           {0, 0, 1, 0},  {1, 0, -1, 0},
                                 {1, 1, -1, 0}, {0, 1, 1, 0},  {0, 0, 0, 1},
                                 {1, 0, 0, 1},  {1, 1, 0, -1}, {0, 1, 0, -1}};

static void check_turned(const fn_pixels *plain, const fn_pixels *turned, int o)
{
    bool swap = o >= 5;
    CHECK_INT(turned->width, swap ? HIGH : WIDE);
    CHECK_INT(turned->height, swap ? WIDE : HIGH);
    int left = corner[o][0] * (turned->width - 1),
        top = corner[o][1] * (turned->height - 1);
    int dx = corner[o][2], dy = corner[o][3], wrong = 0;
    /* Down in the plain picture is the other axis, away from its corner. */
    int ex = dx ? 0 : corner[o][0] ? -1 : 1, ey = dx ? (corner[o][1] ? -1 : 1) : 0;
    for (int y = 0; y < HIGH; y++)
        for (int x = 0; x < WIDE; x++) {
            int tx = left + x * dx + y * ex, ty = top + x * dy + y * ey;
            wrong += memcmp(plain->rgb + 3 * (y * WIDE + x),
                            turned->rgb + 3 * (ty * turned->width + tx), 3) != 0;
        }
    CHECK_INT(wrong, 0);
}

TEST(all_eight_in_both_orders_of_bytes)
{
    static made m;
    fn_pixels plain, turned;
    uint8_t *bytes;
    size_t size;
    encode(&bytes, &size);
    CHECK_OK(fn_decode(&plain, bytes, size, "a.jpg"));
    for (int o = 1; o <= 8; o++)
        for (int big = 0; big < 2; big++) {
            put_file(&m, bytes, size, (exif_kind){big, o, 3, 1});
            CHECK_OK(fn_decode(&turned, m.byte, m.n, "b.jpg"));
            check_turned(&plain, &turned, o);
            fn_pixels_free(&turned);
        }
    fn_pixels_free(&plain);
    fn_free(bytes);
}

/* A PNG of 3 x 2 pixels that are all different, with the chunk before the pixels or behind. */
static void put_png(made *m, const made *exif, bool behind)
{
    uint8_t rows[2 * 10] = {0};
    made end;
    for (uint8_t i = 0; i < 9; i++) {
        rows[1 + i] = i;
        rows[11 + i] = (uint8_t)(100 + i);
    }
    png_start(m, (png_kind){3, 2, 8, 2, 0});
    if (!behind)
        put_chunk(m, "eXIf", exif->byte, exif->n);
    png_end(m, rows, sizeof rows);
    if (!behind)
        return;
    memcpy(end.byte, m->byte + m->n - 12, 12); /* IEND */
    m->n -= 12;
    put_chunk(m, "eXIf", exif->byte, exif->n);
    put(m, end.byte, 12);
}

TEST(a_png_is_turned_too)
{
    static made m, exif;
    fn_pixels plain, turned;
    for (int o = 1; o <= 8; o++)
        for (int k = 0; k < 4; k++) {
            exif.n = 0;
            put_tiff(&exif, (exif_kind){k & 1, o, 3, 1});
            put_png(&m, &exif, k / 2);
            CHECK_OK(fn_decode(&turned, m.byte, m.n, "a.png"));
            CHECK(turned.width == (o < 5 ? 3 : 2) && turned.height == (o < 5 ? 2 : 3));
            exif.n = 4; /* an Exif that says nothing */
            put_png(&m, &exif, k / 2);
            CHECK_OK(fn_decode(&plain, m.byte, m.n, "a.png"));
            CHECK(plain.width == 3 && plain.height == 2);
            CHECK_OK(fn_exif_turn(&plain, o));
            CHECK(memcmp(plain.rgb, turned.rgb, 18) == 0);
            fn_pixels_free(&plain);
            fn_pixels_free(&turned);
        }
}

static int orientation_of(const made *m, size_t n)
{
    uint8_t *copy = fn_alloc(n, 1);
    memcpy(copy, m->byte, n);
    int o = fn_exif_orientation((fn_file_bytes){copy, n, "a.jpg"});
    fn_free(copy);
    return o;
}

TEST(what_is_not_an_orientation_is_none)
{
    static made m;
    uint8_t *bytes;
    size_t size;
    encode(&bytes, &size);
    const exif_kind bad[] = {{true, 0, 3, 1}, {true, 9, 3, 1},  {false, 256, 3, 1},
                             {true, 6, 4, 1}, {false, 6, 3, 2}, {false, 6, 2, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put_file(&m, bytes, size, bad[i]);
        CHECK_INT(orientation_of(&m, m.n), 1);
    }
    CHECK_INT(fn_exif_orientation((fn_file_bytes){bytes, size, "a.jpg"}), 1);
    put_file(&m, bytes, size, (exif_kind){false, 6, 3, 1});
    CHECK_INT(orientation_of(&m, m.n), 6);
    /* An Exif segment behind the pixels' start counts for nothing. */
    m.n = 0;
    put(&m, "\xff\xd8\xff\xda\0\2", 6);
    put_exif(&m, (exif_kind){true, 6, 3, 1});
    CHECK_INT(orientation_of(&m, m.n), 1);
    fn_free(bytes);
}

/* Cut anywhere, and with any byte of the segment replaced: never a read beyond, never more than
 * eight ways. */
TEST(damage_is_harmless)
{
    static made m, bad;
    m.n = 0;
    put(&m, "\xff\xd8", 2);
    put_exif(&m, (exif_kind){false, 8, 3, 1});
    put(&m, "\xff\xd9", 2);
    for (size_t n = 0; n < m.n - 2; n++)
        CHECK_INT(orientation_of(&m, n), 1);
    for (size_t i = 0; i < m.n; i++)
        for (int v = 0; v < 256; v++) {
            bad = m;
            bad.byte[i] = (uint8_t)v;
            int o = orientation_of(&bad, bad.n);
            CHECK(o >= 1 && o <= 8);
        }
}

/* The same for the chunk of a PNG. */
TEST(damage_of_a_png_is_harmless)
{
    static made m, exif, bad;
    exif.n = 0;
    put_tiff(&exif, (exif_kind){true, 8, 3, 1});
    put_png(&m, &exif, false);
    CHECK_INT(orientation_of(&m, m.n), 8);
    size_t end = 8 + 25 + 12 + exif.n;
    for (size_t n = 0; n < m.n; n++)
        CHECK_INT(orientation_of(&m, n), n < end ? 1 : 8);
    for (size_t i = 0; i < end; i++)
        for (int v = 0; v < 256; v++) {
            bad = m;
            bad.byte[i] = (uint8_t)v;
            int o = orientation_of(&bad, bad.n);
            CHECK(o >= 1 && o <= 8);
        }
}

/* A directory that is said to lie at the very end, or beyond 4 GiB. */
TEST(places_beyond_the_segment)
{
    static made m;
    for (uint32_t at = 0; at < 40; at++) {
        m.n = 0;
        put(&m,
            "\xff\xd8\xff\xe1\0\x10"
            "Exif\0\0MM\0*",
            16);
        put_be(&m, at < 20 ? at : 0xffffffffu - (at - 20), 4);
        CHECK_INT(orientation_of(&m, m.n), 1);
    }
}

TEST(memory_that_runs_out)
{
    static made m;
    fn_pixels p;
    uint8_t *bytes;
    size_t size;
    encode(&bytes, &size);
    put_file(&m, bytes, size, (exif_kind){true, 6, 3, 1});
    for (long n = 1; n <= 2; n++) {
        fn_fail_alloc(n);
        CHECK_FAILS(fn_decode(&p, m.byte, m.n, "a.jpg"), FN_ENOMEM, "no memory");
        CHECK(!p.rgb);
    }
    fn_fail_alloc(0);
    fn_free(bytes);
}
