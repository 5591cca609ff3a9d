/* checkpoint.h -- the whole state of a training run at one step, so that a resumed run goes
 * on bit for bit.
 *
 *   RUN/checkpoints/step_000001000/model.fnm      weights, statistics, record (nn/model.h)
 *                                  state.h5       the optimizer's buffers
 *                                  manifest.json  step, bytes and SHA-256 of both; last
 *
 * Random numbers, batches and the schedule are functions of the step: nothing of them is kept.
 * A checkpoint is written under another name, fsynced, and renamed as a whole folder; older
 * ones go only after the new one was read back and found right. */
#ifndef FN_TRAIN_CHECKPOINT_H
#define FN_TRAIN_CHECKPOINT_H

#include "nn/model.h"
#include "train/optim.h"

typedef struct fn_checkpoint {
    const fn_net *net;
    fn_params *params;
    fn_optim *optim;
    fn_record record; /* its `step` is the checkpoint's */
} fn_checkpoint;

/* Writes the state and keeps the newest `keep` checkpoints. */
fn_status fn_checkpoint_save(const char *run, const fn_checkpoint *c, int keep) FN_CHECKED;

/* Reads the newest checkpoint whose manifest holds into c->params, c->optim and c->record.
 * `passed` receives "" or a sentence about newer ones that are damaged. Errors: FN_ENOENT when
 * there is none; FN_EDATA when all are damaged; FN_ECONFIG when it is of another network. */
fn_status fn_checkpoint_load(const char *run, fn_checkpoint *c, char *passed,
                             size_t size) FN_CHECKED;

#endif
