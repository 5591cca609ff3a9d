/* config.h -- the training configuration: one table of fields reads the YAML file and
 * `key=value` overrides, gives the defaults, and writes the resolved file of a run. */
#ifndef FN_TRAIN_CONFIG_H
#define FN_TRAIN_CONFIG_H

#include "core/field.h"
#include "data/view.h"
#include "train/loss.h"
#include "train/optim.h"
#include "train/schedule.h"

typedef struct fn_config {
    char net[FN_TEXT_BYTES]; /* "nn2", or a path */
    char run[FN_TEXT_BYTES]; /* the run folder */
    int device;              /* fn_device_choice */
    int threads;             /* 0: every core */
    int64_t seed;

    char train_pack[FN_TEXT_BYTES]; /* data.train */
    char val_pack[FN_TEXT_BYTES];   /* data.val; "": no validation */
    int data_threads;

    int64_t steps;
    int people, faces, negatives; /* of a batch */
    int chunk;     /* 0: the batch in one pass; on a GPU, in as few as it has memory for */
    int exact;     /* no Winograd convolutions */
    int precision; /* fn_precision, of the training alone */
    float margin, clip;
    int mining, fallback, reduce;             /* fn_mining, fn_fallback, fn_reduce */
    int64_t log_every, val_every, save_every; /* steps */
    int val_pairs, save_keep;
    int log_images, log_projector; /* triplets, faces; 0: none */

    fn_augment augment;
    fn_optim_options optim;
    fn_schedule schedule; /* its `steps` is filled from `steps` */
} fn_config;

extern const fn_field fn_config_fields[];

/* Defaults < file < overrides ("train.steps=100"); later ones win. Errors: FN_ECONFIG with
 * file:line:col, or "argument 'train.stepz=1': ..." with a did-you-mean. */
fn_status fn_config_read(fn_config *out, const char *path, char *const *override,
                         int n) FN_CHECKED;

/* Every key with its value, as YAML that fn_config_read takes back; *text: fn_free. */
fn_status fn_config_print(char **text, const fn_config *c) FN_CHECKED;

/* How its batches are mined, but for the step. */
fn_mine_options fn_config_mining(const fn_config *c);

/* A run may be resumed with another place, length, speed and reporting, but with nothing else
 * changed: FN_ECONFIG names the first key that differs. */
fn_status fn_config_same(const fn_config *now, const fn_config *then) FN_CHECKED;

#endif
