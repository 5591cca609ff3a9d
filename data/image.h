/* image.h -- decoded images: 8-bit RGB with an owner, decoding, encoding, resampling. */
#ifndef FN_DATA_IMAGE_H
#define FN_DATA_IMAGE_H

#include "core/status.h"

#include <stdbool.h>

typedef struct fn_pixels {
    uint8_t *rgb; /* [height, width, 3], dense, owned */
    int width, height;
} fn_pixels;

enum { FN_MAX_SIDE = 16384, FN_MAX_PIXELS = 50 * 1000 * 1000 };

fn_status fn_pixels_make(fn_pixels *out, int width, int height) FN_CHECKED; /* zeroed */
void fn_pixels_free(fn_pixels *p);
fn_image fn_pixels_view(const fn_pixels *p);

/* Decodes JPEG, PNG or binary PGM/PPM by its first bytes, into 8-bit RGB: grey is repeated,
 * palettes are looked up, 16 bits are rounded to 8, alpha is composed over white, CMYK and YCCK
 * are taken as Adobe writes them (inverted), interlaced and progressive files are complete, and a
 * JPEG's Exif orientation is applied. Colour profiles and gamma are passed over. Warnings of the
 * decoder and truncated files are errors, and so is what would cost more than an honest image
 * (pixels, memory, scans). `name` stands in front of the sentence. Errors: FN_EDATA. */
fn_status fn_decode(fn_pixels *out, const void *bytes, size_t size,
                    const char *name) FN_CHECKED;
/* Reads the header alone: the size that fn_decode would give. */
fn_status fn_decode_size(int *width, int *height, const void *bytes, size_t size,
                         const char *name) FN_CHECKED;

/* *bytes is the caller's (fn_free). Quality 1..100, 4:4:4. */
fn_status fn_encode_jpeg(uint8_t **bytes, size_t *size, const fn_image *image,
                         int quality) FN_CHECKED;
fn_status fn_encode_png(uint8_t **bytes, size_t *size, const fn_image *image) FN_CHECKED;

/* Reads and decodes a file. */
fn_status fn_image_read(fn_pixels *out, const char *path) FN_CHECKED;

#endif
