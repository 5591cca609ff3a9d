/* roc.h -- ROC and DET curves as pictures: SVG, rates of errors on log axes. */
#ifndef FN_EVAL_ROC_H
#define FN_EVAL_ROC_H

#include "core/text.h"
#include "eval/verification.h"

typedef enum fn_roc_kind {
    FN_ROC, /* true accept rate over false accept rate */
    FN_DET, /* false reject rate over false accept rate */
} fn_roc_kind;

/* Several curves can share a picture: v[n], name[n], n >= 1. */
void fn_roc_draw(fn_text *t, fn_roc_kind kind, const fn_verification *const *v,
                 const char *const *name, int n, const char *title);

/* Does the curve turn at point i? The points of a straight run between two corners say
 * nothing new. */
bool fn_roc_corner(const fn_verification *v, int i);

#endif
