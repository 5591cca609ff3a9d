/* trainer.h -- what the training loop holds, and one step of it. */
#ifndef FN_TRAIN_TRAINER_H
#define FN_TRAIN_TRAINER_H

#include "data/loader.h"
#include "nn/plan.h"
#include "train/checkpoint.h"
#include "train/config.h"
#include "train/loss.h"
#include "train/mine.h"

typedef struct fn_trainer {
    fn_config config;
    fn_net *net;
    fn_params *params;
    fn_plan *plan;
    fn_optim *optim;
    fn_pack *pack;
    fn_sampler *sampler;
    fn_loader *loader;
    fn_record record; /* record.step counts the steps taken */
    int dim;
    float *distance, *d_embedding; /* [n, n], [n, dim] */
    fn_triplets triplets;
    /* of the last step */
    fn_loss loss;
    double gradient, waited; /* norm; seconds */
    int skipped;             /* steps in a row whose numbers were not finite */
} fn_trainer;

/* Everything but the loader, with fresh weights: memory is claimed, nothing is read but the
 * network and the pack's index. */
fn_status fn_trainer_open(fn_trainer *t, const fn_config *c) FN_CHECKED;
void fn_trainer_close(fn_trainer *t);

/* Batches from step t->record.step on. */
fn_status fn_trainer_start(fn_trainer *t) FN_CHECKED;

/* One batch: load, forward, mine, loss, backward, update. A batch whose loss or gradient is not
 * finite changes nothing; the third in a row is FN_ENUMERIC. */
fn_status fn_trainer_step(fn_trainer *t) FN_CHECKED;

#endif
