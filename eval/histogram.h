/* histogram.h -- the distances of pairs of one person and of two as a picture: SVG. */
#ifndef FN_EVAL_HISTOGRAM_H
#define FN_EVAL_HISTOGRAM_H

#include "core/text.h"
#include "eval/verification.h"

/* Each kind's bars add up to 1; distances are finite and >= 0. */
void fn_histogram_draw(fn_text *t, const fn_pairs *p, const float *distance,
                       const fn_verification *v);

#endif
