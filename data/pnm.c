/* pnm.c -- binary PGM and PPM of 8 bits, read by ourselves.
 *
 *   P5 or P6, width, height, largest value: decimals, with white space and comments (from '#'
 *   to the end of the line) before each; then one white space and the samples, rows from the
 *   top (netpbm's manual pages pgm and ppm).
 *
 * Values are scaled so that the largest becomes 255. Bytes behind the samples are passed over,
 * as those behind a JPEG or PNG are. */
#include "data/codec.h"

#include <string.h>

typedef struct header {
    fn_file_bytes file;
    size_t at; /* bytes read; at the end the place of the samples */
    int channels, width, height, most;
} header;

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_space(header *h)
{
    const uint8_t *p = h->file.data;
    bool comment = false;
    for (; h->at < h->file.size; h->at++) {
        uint8_t c = p[h->at];
        if (comment)
            comment = c != '\n' && c != '\r';
        else if (c == '#')
            comment = true;
        else if (!is_space(c))
            return;
    }
}

/* A number over `most` reads as most + 1, however many digits it has. */
static bool read_number(header *h, int *value, int most)
{
    skip_space(h);
    size_t first = h->at;
    *value = 0;
    for (; h->at < h->file.size; h->at++) {
        int digit = h->file.data[h->at] - '0';
        if (digit < 0 || digit > 9)
            break;
        *value = *value > most ? most + 1 : 10 * *value + digit;
    }
    if (*value > most)
        *value = most + 1;
    return h->at > first;
}

static fn_status refuse(const header *h, const char *what)
{
    return fn_fail(FN_EDATA, "%s: damaged PGM or PPM (%s); copy it again or remove it",
                   h->file.name, what);
}

static fn_status read_header(header *h)
{
    h->channels = h->file.data[1] == '6' ? 3 : 1;
    h->at = 2;
    if (h->file.size < 3 || (!is_space(h->file.data[2]) && h->file.data[2] != '#') ||
        !read_number(h, &h->width, FN_MAX_SIDE) ||
        !read_number(h, &h->height, FN_MAX_SIDE) || !read_number(h, &h->most, 65535))
        return refuse(h, "width, height and largest value are not in its header");
    FN_TRY(fn_image_check(h->width, h->height, h->file.name));
    if (h->most < 1 || h->most > 65535)
        return refuse(h, "the largest value is not in 1..65535");
    if (h->most > 255)
        return fn_fail(FN_EDATA, "%s: a PGM or PPM of 16 bits; convert it to 8 bits or PNG",
                       h->file.name);
    if (h->at == h->file.size || !is_space(h->file.data[h->at++]))
        return refuse(h, "no white space behind its header");
    return FN_OK;
}

static fn_status check_samples(const header *h, const uint8_t *from, size_t count)
{
    if (h->file.size - h->at < count)
        return refuse(h, "the file ends too early");
    for (size_t i = 0; h->most < 255 && i < count; i++)
        if (from[i] > h->most)
            return refuse(h, "a value is over the largest that its header names");
    return FN_OK;
}

fn_status fn_pnm_decode(fn_pixels *out, fn_file_bytes file)
{
    header h = {.file = file};
    FN_TRY(read_header(&h));
    const uint8_t *from = file.data + h.at;
    size_t pixels = (size_t)h.width * (size_t)h.height;
    FN_TRY(check_samples(&h, from, pixels * (size_t)h.channels));
    FN_TRY(fn_pixels_make(out, h.width, h.height));
    uint8_t scaled[256];
    for (int v = 0; v <= h.most; v++)
        scaled[v] = (uint8_t)((v * 255 + h.most / 2) / h.most);
    for (size_t i = 0; i < 3 * pixels; i++)
        out->rgb[i] = scaled[from[h.channels == 3 ? i : i / 3]];
    return FN_OK;
}
