/* train.h -- a whole training run (Schroff et al. 2015, section 3). */
#ifndef FN_TRAIN_TRAIN_H
#define FN_TRAIN_TRAIN_H

#include "train/config.h"
#include "train/journal.h"

#include <signal.h>

typedef struct fn_train_options {
    bool resume; /* go on from the run's newest checkpoint */
    const volatile sig_atomic_t
        *stop; /* not 0: save a checkpoint, FN_ESTOPPED; may be NULL */
    fn_tell tell;
} fn_train_options;

/* Trains as `c` says and leaves RUN/model.fnm. */
fn_status fn_train(const fn_config *c, const fn_train_options *o) FN_CHECKED;

/* Checks the configuration and the data, says what the run would need, takes one step on one
 * batch, and writes nothing. */
fn_status fn_train_dry(const fn_config *c, fn_tell to) FN_CHECKED;

#endif
