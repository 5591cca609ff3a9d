/* synth.h -- faces drawn by us, for people without data: deterministic in (seed, person,
 * image), one identity per person, varied pose, light, expression and background. They are
 * drawings, not faces: nothing measured on them says anything about people. */
#ifndef FN_DATA_SYNTH_H
#define FN_DATA_SYNTH_H

#include "data/image.h"

enum { FN_SYNTH_SIDE = 112 };

fn_status fn_synth_face(fn_pixels *out, uint64_t seed, int person, int image) FN_CHECKED;

typedef struct fn_synth_options {
    int people, images; /* images of each person */
    uint64_t seed;
    int first; /* person of fn_synth_face that comes first, so that two sets can be disjoint;
                * names count from 1: person 0 is synth_000001 */
} fn_synth_options;

/* Writes FOLDER/synth_000001/synth_000001_0001.jpg ... in LFW's layout, and last
 * FOLDER/pairs.txt: LFW's grammar, 10 folds, people of one fold in no other, up to 300
 * matched and as many mismatched pairs a fold. Errors: FN_EINVAL for fewer than 20 people or
 * 2 images, FN_EEXIST when the folder holds something. */
fn_status fn_synth_folder(const char *folder, fn_synth_options o) FN_CHECKED;

#endif
