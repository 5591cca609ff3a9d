/* mistakes.h -- the worst mistakes of an evaluation as pictures: what the network saw. */
#ifndef FN_EVAL_MISTAKES_H
#define FN_EVAL_MISTAKES_H

#include "core/text.h"
#include "eval/lfw.h"

enum { FN_MISTAKES = 12 };

/* worst[0 .. *n - 1]: pairs that their fold's threshold judges wrongly, the worst first: for
 * `same` the farthest pairs of one person, otherwise the nearest of two people. */
fn_status fn_mistakes_find(int worst[FN_MISTAKES], int *n, bool same,
                           const fn_lfw *r) FN_CHECKED;

/* As HTML figures, the crops as JPEG in data URIs; reads the images again. */
fn_status fn_mistakes_draw(fn_text *t, bool same, const fn_lfw *r) FN_CHECKED;

#endif
