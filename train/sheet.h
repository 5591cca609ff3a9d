/* sheet.h -- faces as the network sees them, in a grid: one picture for TensorBoard. */
#ifndef FN_TRAIN_SHEET_H
#define FN_TRAIN_SHEET_H

#include "data/image.h"

typedef struct fn_sheet {
    fn_pixels pixels;           /* white where no face was put */
    int columns, width, height; /* of one tile */
    int gap;                    /* pixels between tiles */
} fn_sheet;

/* Fills in `pixels` for `rows` rows of the other members. Errors: FN_ENOMEM. */
fn_status fn_sheet_make(fn_sheet *s, int rows) FN_CHECKED;
void fn_sheet_free(fn_sheet *s);

/* Puts a face in slot `i`, counted along the rows. x [height * shrink, width * shrink, 3] is
 * the network's input (data/view.h); a pixel of the tile is the mean of shrink x shrink. */
void fn_sheet_put(fn_sheet *s, int i, const float *x, int shrink);

#endif
