/* codec.h -- what data/image.c shares with its formats: data/jpeg.c, data/png.c (both with
 * data/exif.c) and data/pnm.c. */
#ifndef FN_DATA_CODEC_H
#define FN_DATA_CODEC_H

#include "data/image.h"

/* Bytes in memory: a file to decode, with the name that stands in front of complaints. */
typedef struct fn_file_bytes {
    const uint8_t *data;
    size_t size;
    const char *name;
} fn_file_bytes;

/* FN_EDATA when an image has no pixels or more than FN_MAX_SIDE or FN_MAX_PIXELS allow. */
fn_status fn_image_check(int64_t width, int64_t height, const char *name) FN_CHECKED;

fn_status fn_jpeg_decode(fn_pixels *out, fn_file_bytes file) FN_CHECKED;
fn_status fn_png_decode(fn_pixels *out, fn_file_bytes file) FN_CHECKED;
/* The file is of 2 bytes or more: its magic. */
fn_status fn_pnm_decode(fn_pixels *out, fn_file_bytes file) FN_CHECKED;

/* Orientation of a JPEG or PNG file by its Exif, 1..8; 1 when it has none that we understand. */
int fn_exif_orientation(fn_file_bytes file);
/* Turns a decoded picture upright. On failure it stays as it was. */
fn_status fn_exif_turn(fn_pixels *p, int orientation) FN_CHECKED;

#endif
