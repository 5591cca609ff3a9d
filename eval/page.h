/* page.h -- an evaluation as one HTML file that needs no other: the figure, how it was made,
 * curves, distances, folds and the worst mistakes. It shows faces of the images. */
#ifndef FN_EVAL_PAGE_H
#define FN_EVAL_PAGE_H

#include "eval/lfw.h"

/* Replaces the file atomically. Reads the images of the mistakes again. */
fn_status fn_page_write(const char *path, const fn_lfw *r) FN_CHECKED;

#endif
