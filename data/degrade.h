/* degrade.h -- a face as bad cameras and the web would have it: blurred, then compressed. Only
 * training does so to its images, and only when it is told to (fn_augment). */
#ifndef FN_DATA_DEGRADE_H
#define FN_DATA_DEGRADE_H

#include "data/image.h"
#include "data/view.h"

typedef struct fn_degrade {
    float blur; /* deviation of the Gaussian, in shares of the longer side; 0: none */
    int jpeg;   /* quality; 0: none */
} fn_degrade;

/* For one slot of one step: a function of (seed, step, slot) alone. */
fn_degrade fn_degrade_draw(const fn_augment *a, uint64_t seed, uint64_t step,
                           uint32_t slot);

/* Changes the face in place; on failure it stays as it was, or blurred. Errors: FN_ENOMEM. */
fn_status fn_degrade_apply(fn_pixels *face, fn_degrade d) FN_CHECKED;

#endif
