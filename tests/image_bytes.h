/* image_bytes.h -- JPEG and PNG files made by hand, byte by byte, and pictures to encode. */
#ifndef FN_TESTS_IMAGE_BYTES_H
#define FN_TESTS_IMAGE_BYTES_H

#include "core/rng.h"
#include "data/image.h"
#include "tests/test.h"

enum { ROOM = 1 << 16 };

/* A file made by hand, so that the tests say what every byte is. */
typedef struct made {
    uint8_t byte[ROOM];
    size_t n;
} made;

static inline void put(made *m, const void *bytes, size_t n)
{
    memcpy(m->byte + m->n, bytes, n);
    m->n += n;
}

static inline void put_be(made *m, uint32_t v, int bytes)
{
    while (bytes--)
        m->byte[m->n++] = (uint8_t)(v >> (8 * bytes));
}

/* --- PNG by hand: one stored deflate block --- */

static inline uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
    }
    return ~c;
}

static inline void put_chunk(made *m, const char *type, const void *data, size_t n)
{
    put_be(m, (uint32_t)n, 4);
    size_t start = m->n;
    put(m, type, 4);
    put(m, data, n);
    put_be(m, crc32_of(m->byte + start, n + 4), 4);
}

static inline uint32_t adler32_of(const uint8_t *p, size_t n)
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

static inline void png_start(made *m, png_kind k)
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
static inline void png_end(made *m, const void *rows, size_t n)
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

static inline void jpeg_start(made *m, int sof, int side, int components)
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

static inline void jpeg_scan(made *m, int first, int components)
{
    put_be(m, 0xffda, 2);
    put_be(m, (uint32_t)(6 + 2 * components), 2);
    put_be(m, (uint32_t)components, 1);
    for (int i = 0; i < components; i++)
        put_be(m, (uint32_t)(first + i) << 8, 2);
    put_be(m, 0x003f00, 3);
    put_be(m, 0xffu >> 2 * components, 1); /* "00" a block, then ones */
}

/* A progressive scan in which a few bytes stand for every block: all are at their end, 32767 at
 * a time. */
static inline void jpeg_bomb(made *m, int side, int scans)
{
    int64_t blocks = (int64_t)((side + 7) / 8) * ((side + 7) / 8);
    m->n = 0;
    jpeg_start(m, 0xc2, side, 1);
    put_be(m, 0xffc40014, 4); /* AC table 0: "0" means "a run of 2^14 + 14 bits" */
    put_be(m, 0x10, 1);
    put_be(m, 1, 1);
    for (int i = 0; i < 15; i++)
        put_be(m, 0, 1);
    put_be(m, 0xe0, 1);
    put_be(m, 0xffda, 2);
    put_be(m, 0x00080101, 4);
    put_be(m, 0x00000000, 4); /* the DC of all blocks, 0 */
    for (int64_t i = 0; i < (blocks + 7) / 8; i++)
        put_be(m, 0, 1);
    for (int s = 0; s < scans; s++) {
        put_be(m, 0xffda, 2);
        put_be(m, 0x00080101, 4);
        put_be(m, 0x00013f00, 4);
        /* 0, then 14 ones: fifteen bits a run; FF is followed by a stuffed 00. */
        int bits = 0, held = 0;
        for (int64_t left = blocks; left > 0; left -= 32767)
            for (int i = 0; i < 15; i++) {
                held = (held << 1 | (i > 0)) & 0xffff;
                if (++bits % 8)
                    continue;
                put_be(m, (uint32_t)held & 255, 1);
                if ((held & 255) == 255)
                    put_be(m, 0, 1);
            }
        while (bits++ % 8)
            held = (held << 1) & 0xffff;
        put_be(m, (uint32_t)held & 255, 1);
    }
    put_be(m, 0xffd9, 2);
}

/* --- Exif: a TIFF file of two entries, the second of which is the orientation --- */

typedef struct exif_kind {
    bool big;
    int orientation, type, count;
} exif_kind;

static inline void put_number(made *m, bool big, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        m->byte[m->n++] = (uint8_t)(v >> 8 * (big ? bytes - 1 - i : i));
}

static inline void put_tiff(made *m, exif_kind e)
{
    put(m, e.big ? "MM\0*" : "II*\0", 4);
    put_number(m, e.big, 8, 4);
    put_number(m, e.big, 2, 2);
    put_number(m, e.big, 0x010f, 2);
    put_number(m, e.big, 2, 2);
    put_number(m, e.big, 4, 4);
    put_number(m, e.big, 0x41424300, 4);
    put_number(m, e.big, 0x0112, 2);
    put_number(m, e.big, (uint32_t)e.type, 2);
    put_number(m, e.big, (uint32_t)e.count, 4);
    put_number(m, e.big, (uint32_t)e.orientation, 2);
    put_number(m, e.big, 0, 2);
}

/* As the segment of a JPEG. */
static inline void put_exif(made *m, exif_kind e)
{
    put_be(m, 0xffe1, 2);
    put_be(m, 2 + 6 + 8 + 2 + 24, 2);
    put(m, "Exif\0\0", 6);
    put_tiff(m, e);
}

/* --- pictures --- */

static inline void paint(fn_pixels *p, int width, int height)
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

static inline void paint_noise(fn_pixels *p, int width, int height)
{
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    CHECK_OK(fn_pixels_make(p, width, height));
    for (int i = 0; i < 3 * width * height; i++)
        p->rgb[i] = (uint8_t)fn_rng_u32(&r);
}

#endif
