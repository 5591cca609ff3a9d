/* board.h -- TensorBoard event files, written by hand (protobuf and CRC-32C). Every start
 * opens a new file that sorts after all existing ones and says from which step it goes on. */
#ifndef FN_TRAIN_BOARD_H
#define FN_TRAIN_BOARD_H

#include "train/config.h"
#include "train/curve.h"
#include "train/histogram.h"

typedef struct fn_board fn_board;

/* `first_step` is the first that will be written: TensorBoard forgets what older files hold
 * from it on. Errors: FN_ENOENT (no folder), FN_EEXIST, FN_EIO, FN_ENOMEM. */
fn_status fn_board_open(fn_board **out, const char *folder, int64_t first_step) FN_CHECKED;
void fn_board_close(fn_board *b);
fn_status fn_board_scalar(fn_board *b, const char *tag, int64_t step,
                          double value) FN_CHECKED; /* kept as float */
fn_status fn_board_text(fn_board *b, const char *tag, int64_t step,
                        const char *text) FN_CHECKED;
/* One without a distance in it is not written. */
fn_status fn_board_histogram(fn_board *b, const char *tag, int64_t step,
                             const fn_histogram *h) FN_CHECKED;
fn_status fn_board_image(fn_board *b, const char *tag, int64_t step,
                         const fn_image *image) FN_CHECKED; /* kept as PNG */
fn_status fn_board_curve(fn_board *b, const char *tag, int64_t step,
                         const fn_curve *c) FN_CHECKED;
/* The run as the HPARAMS tab has it: train/hparams.h. */
fn_status fn_board_session_start(fn_board *b, int64_t step, const fn_config *c) FN_CHECKED;
fn_status fn_board_session_end(fn_board *b, int64_t step) FN_CHECKED;
fn_status fn_board_flush(fn_board *b) FN_CHECKED;

#endif
