/* hparams.h -- a run's configuration as TensorBoard's HPARAMS tab reads it
 * (tensorboard/plugins/hparams/plugin_data.proto). There is no experiment among the messages:
 * TensorBoard makes one of the sessions of all runs that it finds. */
#ifndef FN_TRAIN_HPARAMS_H
#define FN_TRAIN_HPARAMS_H

#include "train/config.h"
#include "train/wire.h"

/* Every key but `run`. */
fn_status fn_hparams_start(fn_wire *w, double wall, int64_t step,
                           const fn_config *c) FN_CHECKED;
/* The run came to its end. Readers keep the first such message, so a run that was cut off, and
 * may be resumed, has none. */
fn_status fn_hparams_end(fn_wire *w, double wall, int64_t step) FN_CHECKED;

#endif
