/* image.h -- decoded images: 8-bit RGB with an owner, decoding, encoding. fn_pixels_*, fn_decode
 * and fn_image_read are in include/facenet.h. */
#ifndef FN_DATA_IMAGE_H
#define FN_DATA_IMAGE_H

#include "core/status.h"

#include <stdbool.h>

enum { FN_MAX_SIDE = 16384, FN_MAX_PIXELS = 50 * 1000 * 1000 };

fn_status fn_pixels_make(fn_pixels *out, int width, int height) FN_CHECKED; /* zeroed */

/* FN_EINVAL when a caller's image has no pixels, or rows that overlap. */
fn_status fn_image_accept(const fn_image *image) FN_CHECKED;

/* *bytes is the caller's (fn_free). Quality 1..100, 4:4:4. */
fn_status fn_encode_jpeg(uint8_t **bytes, size_t *size, const fn_image *image,
                         int quality) FN_CHECKED;
fn_status fn_encode_png(uint8_t **bytes, size_t *size, const fn_image *image) FN_CHECKED;

#endif
