/* stepper.h -- where a training step is computed: on the CPU (stepper_cpu.c), or wholly on a GPU
 * (stepper_cuda.c). A trainer is given one of the two when it opens, and nobody asks again. */
#ifndef FN_TRAIN_STEPPER_H
#define FN_TRAIN_STEPPER_H

#include "train/trainer.h"

/* What the functions of fn_trainer with these names do, once plans and optimizer are open. */
typedef struct fn_stepper {
    fn_status (*open)(fn_trainer *t); /* claims t->own; where it fails, close follows */
    void (*close)(fn_trainer *t);     /* accepts a trainer that it never opened */
    fn_status (*start)(fn_trainer *t, const fn_loader_options *o); /* its pieces */
    fn_status (*load)(fn_trainer *t); /* takes t->params and t->optim as they are */
    fn_status (*step)(fn_trainer *t); /* but for counting it */
    fn_status (*look)(fn_trainer *t);
    fn_status (*fetch)(fn_trainer *t);
    fn_trainer_size (*size)(const fn_trainer *t);
} fn_stepper;

extern const fn_stepper fn_stepper_cpu, fn_stepper_cuda;

/* The plan that takes as many images as t->batch. */
fn_plan *fn_stepper_plan(const fn_trainer *t);

/* What plans and optimizer take; a stepper adds what it has. */
fn_trainer_size fn_stepper_size(const fn_trainer *t);

/* FN_ENUMERIC: the step, t->loss and t->gradient, which were not finite for FN_PATIENCE steps,
 * and where that begins in t->batch, of which d_out [batch.n, dim] is the gradient. A batch that
 * is cut is looked through in its last chunk: the faces of the others are gone. */
fn_status fn_stepper_give_up(fn_trainer *t, int64_t step, const float *d_out) FN_CHECKED;

#endif
