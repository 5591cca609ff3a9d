/* journal.h -- what a run leaves in its folder for people and tools to read.
 *
 *   config.yaml   the resolved configuration   net.yaml    the network
 *   env.json      program, machine, threads     train.log   what the console showed
 *   metrics.csv   one line a log step           events.out.tfevents.*   TensorBoard */
#ifndef FN_TRAIN_JOURNAL_H
#define FN_TRAIN_JOURNAL_H

#include "nn/net.h"
#include "train/board.h"
#include "train/config.h"
#include "train/loss.h"

typedef struct fn_journal fn_journal;

/* Who hears the console's lines; without '\n'. NULL: nobody. */
typedef struct fn_tell {
    void (*line)(void *ctx, const char *text);
    void *ctx;
} fn_tell;

/* Opens the folder of a run that begins at `step` (0: a new run, whose folder must not hold
 * one already: FN_EEXIST). Resuming drops the metrics after `step`. */
fn_status fn_journal_open(fn_journal **out, const fn_config *c, const fn_net *net,
                          int64_t step, bool resume, fn_tell tell) FN_CHECKED;
void fn_journal_close(fn_journal *j);

/* To console and train.log. */
void fn_journal_say(fn_journal *j, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

typedef struct fn_metrics {
    int64_t step;              /* steps done */
    fn_loss loss;              /* of the last batch */
    int64_t triplets;          /* of the last batch */
    double rate;               /* learning rate */
    double gradient;           /* norm of the last gradient */
    double images_per_s, wait; /* since the last line; wait: share of time without data */
} fn_metrics;

/* One line to console, log, metrics.csv and TensorBoard. `left` is in seconds. */
fn_status fn_journal_metrics(fn_journal *j, const fn_metrics *m, int64_t steps,
                             double left) FN_CHECKED;

/* The run's event file, for what is not a number. */
fn_board *fn_journal_board(fn_journal *j);

/* A validation: accuracy and its standard error in shares. */
fn_status fn_journal_validation(fn_journal *j, int64_t step, double accuracy, double error,
                                double auc, double threshold) FN_CHECKED;

#endif
