/* exif.c -- how a camera was held: the tag "orientation" in the Exif of a JPEG or PNG.
 *
 *   JPEG: SOI, segments (0xFF, marker, length of 2 bytes, ...), of which the first APP1 that begins
 *   with "Exif\0\0" holds a TIFF file: "II*\0" or "MM\0*" (the order of its bytes), the place
 *   of its first directory, there a count and entries of 12 bytes: tag, type, count, value.
 *   (Exif 2.3, sections 4.5 to 4.6.)
 *
 *   PNG: 8 bytes, chunks (length, type, as many bytes, checksum), of which the first "eXIf" is
 *   such a TIFF file. (PNG 3rd edition, section 11.3.4.4; whoever decodes looks at checksums.)
 *
 *   orientation   1 as it is   2 mirrored     3 upside down     4 mirrored upside down
 *                 5 transposed 6 turned left  7 transposed over the other diagonal
 *                 8 turned right
 *
 * What is damaged or unknown counts as 1: it says nothing about the pixels. */
#include "data/codec.h"

#include <string.h>

/* What a chunk has around its bytes, and where the first one begins. */
enum { FRAME = 12, FIRST_CHUNK = 8 };
enum { SOS = 0xDA, EOI = 0xD9, APP1 = 0xE1, TAG = 0x0112, SHORT = 3, ENTRY = 12 };

typedef struct tiff {
    const uint8_t *data;
    size_t size;
    bool big; /* the byte of most weight comes first */
} tiff;

/* Callers have made sure that the bytes are there. */
static uint32_t read_number(const tiff *t, size_t at, int bytes)
{
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++)
        v |= (uint32_t)t->data[at + (size_t)i] << 8 * (t->big ? bytes - 1 - i : i);
    return v;
}

static int find_orientation(tiff t)
{
    if (t.size < 8)
        return 1;
    t.big = memcmp(t.data, "MM\0*", 4) == 0;
    if (!t.big && memcmp(t.data, "II*\0", 4) != 0)
        return 1;
    size_t at = read_number(&t, 4, 4);
    if (at > t.size - 2)
        return 1;
    size_t n = read_number(&t, at, 2), room = (t.size - at - 2) / ENTRY;
    for (size_t i = 0; i < n && i < room; i++) {
        size_t entry = at + 2 + i * ENTRY;
        if (read_number(&t, entry, 2) != TAG)
            continue;
        uint32_t value = read_number(&t, entry + 8, 2);
        bool plain = read_number(&t, entry + 2, 2) == SHORT &&
                     read_number(&t, entry + 4, 4) == 1;
        return plain && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

static bool has_no_length(uint8_t marker)
{
    return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
}

static int look_in_png(fn_file_bytes file)
{
    tiff all = {file.data, file.size, true};
    for (size_t at = FIRST_CHUNK; file.size - at >= FRAME;) {
        size_t length = read_number(&all, at, 4);
        if (length > file.size - at - FRAME)
            break;
        if (memcmp(file.data + at + 4, "eXIf", 4) == 0)
            return find_orientation((tiff){file.data + at + 8, length, false});
        at += FRAME + length;
    }
    return 1;
}

static int look_in_jpeg(fn_file_bytes file)
{
    const uint8_t *p = file.data;
    size_t at = 0;
    while (file.size - at >= 4 && p[at] == 0xFF) {
        uint8_t marker = p[at + 1];
        if (marker == 0xFF) { /* a filling byte */
            at++;
            continue;
        }
        at += 2;
        if (has_no_length(marker))
            continue;
        if (marker == SOS || marker == EOI || file.size - at < 2)
            break;
        size_t length = (size_t)(p[at] << 8 | p[at + 1]);
        if (length < 2 || length > file.size - at)
            break;
        if (marker == APP1 && length >= 8 && memcmp(p + at + 2, "Exif\0", 6) == 0)
            return find_orientation((tiff){p + at + 8, length - 8, false});
        at += length;
    }
    return 1;
}

int fn_exif_orientation(fn_file_bytes file)
{
    bool is_png = file.size >= FIRST_CHUNK && memcmp(file.data, "\x89PNG", 4) == 0;
    return is_png ? look_in_png(file) : look_in_jpeg(file);
}

fn_status fn_exif_turn(fn_pixels *p, int orientation)
{
    fn_pixels turned;
    int o = orientation, w = p->width, h = p->height;
    bool swap = o >= 5; /* width and height change places */
    bool from_right = o == 2 || o == 3 || o == 7 || o == 8;
    bool from_below = o == 3 || o == 4 || o == 6 || o == 7;
    if (o == 1)
        return FN_OK;
    FN_TRY(fn_pixels_make(&turned, swap ? h : w, swap ? w : h));
    uint8_t *to = turned.rgb;
    for (int y = 0; y < turned.height; y++)
        for (int x = 0; x < turned.width; x++, to += 3) {
            int sx = swap ? y : x, sy = swap ? x : y;
            sx = from_right ? w - 1 - sx : sx;
            sy = from_below ? h - 1 - sy : sy;
            memcpy(to, p->rgb + 3 * ((size_t)sy * (size_t)w + (size_t)sx), 3);
        }
    fn_pixels_free(p);
    *p = turned;
    return FN_OK;
}
