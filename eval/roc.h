/* roc.h -- ROC curves as a picture: self-contained SVG, false accept rate on a log axis. */
#ifndef FN_EVAL_ROC_H
#define FN_EVAL_ROC_H

#include "eval/verification.h"

/* *svg is the caller's (fn_free). n >= 1. */
fn_status fn_roc_draw(char **svg, size_t *size, const fn_verification *const *v,
                      const char *const *name, int n, const char *title) FN_CHECKED;

/* Does the curve turn at point i? The points of a straight run between two corners say
 * nothing new. */
bool fn_roc_corner(const fn_verification *v, int i);

#endif
