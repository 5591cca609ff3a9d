/* view.h -- what the network sees of a cropped face: one C function for training,
 * evaluation and inference, so that they cannot drift apart.
 *
 * A view is a square part of the crop (in shares of the crop's sides), resampled to the
 * network's input by a triangle filter that widens when it shrinks (no aliasing), mirrored
 * or not, lightened, and scaled to (v - 127.5) / 128. */
#ifndef FN_DATA_VIEW_H
#define FN_DATA_VIEW_H

#include "core/status.h"

#include <stdbool.h>

typedef struct fn_view {
    float x, y, width, height; /* part of the crop, in shares of its sides; may stick out:
                                * pixels outside repeat the border */
    bool flip;
    float gain, lift; /* v' = (v - 127.5) * gain + 127.5 + 255 * lift, clamped to 0..255 */
} fn_view;

/* The view of evaluation: the centre `share` of the crop, untouched. */
fn_view fn_view_centre(float share);

/* x [height, width, 3] floats. `scratch` is grown as needed and reused; start with NULL/0,
 * release with fn_free. Errors: FN_ENOMEM. */
typedef struct fn_view_scratch {
    float *data;
    size_t count;
} fn_view_scratch;
fn_status fn_view_render(float *x, int height, int width, const fn_image *crop, fn_view v,
                         fn_view_scratch *scratch) FN_CHECKED;

/* The byte nearest to what a number of a view was made of: its scaling undone. */
uint8_t fn_view_byte(float v);

/* How training draws views. All are half-ranges around the centre view; 0 switches off. */
typedef struct fn_augment {
    float view;       /* share of the side, as in evaluation */
    float shift;      /* of the crop's side, each axis */
    float zoom;       /* relative: side * (1 +- zoom) */
    int flip;         /* mirror every second */
    float brightness; /* lift */
    float contrast;   /* gain 1 +- contrast */
    float degrade;    /* chance of a blur, and of a recompression (data/degrade.h) */
    float blur;       /* largest deviation, of the crop's side */
    int jpeg;         /* lowest quality; 0: none */
} fn_augment;

/* The view of one slot of one step: a function of (seed, step, slot) alone. */
fn_view fn_augment_draw(const fn_augment *a, uint64_t seed, uint64_t step, uint32_t slot);

#endif
