/* hparams.h -- a run's configuration as TensorBoard's HPARAMS tab reads it
 * (tensorboard/plugins/hparams/plugin_data.proto). There is no experiment among the messages:
 * TensorBoard makes one of the sessions of all runs that it finds. */
#ifndef FN_TRAIN_HPARAMS_H
#define FN_TRAIN_HPARAMS_H

#include "core/proto.h"
#include "train/config.h"

/* Every key but `run`. */
void fn_hparams_start(fn_proto *p, double wall, int64_t step, const fn_config *c);
/* The run came to its end. Readers keep the first such message, so a run that was cut off, and
 * may be resumed, has none. */
void fn_hparams_end(fn_proto *p, double wall, int64_t step);

#endif
