/* show.h -- what TensorBoard shows of a step and of a validation beyond the journal's numbers. */
#ifndef FN_TRAIN_SHOW_H
#define FN_TRAIN_SHOW_H

#include "train/board.h"
#include "train/trainer.h"
#include "train/validate.h"

/* Histograms of d(a,p) and d(a,n) of the last step's triplets. */
fn_status fn_show_distances(fn_board *b, const fn_trainer *t) FN_CHECKED;

/* The last step's hardest triplets, config.log_images of them: one picture with a row for each
 * (anchor, positive, negative as the network saw them), and a table of their names. */
fn_status fn_show_hardest(fn_board *b, const fn_trainer *t) FN_CHECKED;

/* Histograms and the precision-recall curve of the validation's pairs. */
fn_status fn_show_validation(fn_board *b, int64_t step, const fn_validation *v) FN_CHECKED;

#endif
