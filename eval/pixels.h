/* pixels.h -- images as vectors of their pixels: the baseline that a network has to beat. */
#ifndef FN_EVAL_PIXELS_H
#define FN_EVAL_PIXELS_H

#include "data/crop.h"

enum { FN_PIXEL_SIDE = 96, FN_PIXELS = FN_PIXEL_SIDE * FN_PIXEL_SIDE * 3 };

/* v [n, FN_PIXELS]: the whole crop at 96x96, less its mean, to unit norm, so that brightness and
 * contrast do not count. */
fn_status fn_pixels_read(float *v, const fn_crop *crop, const char *folder,
                         char *const *path, int n) FN_CHECKED;

#endif
