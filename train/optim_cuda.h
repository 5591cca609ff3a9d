/* optim_cuda.h -- train/optim.h on a GPU: the update of a network whose weights and gradients
 * lie there. What the host's optimizer holds is where it begins, and where a checkpoint finds
 * what it came to. */
#ifndef FN_TRAIN_OPTIM_CUDA_H
#define FN_TRAIN_OPTIM_CUDA_H

#include "core/device.h"
#include "kernels/launch_train.h"
#include "train/optim.h"

typedef struct fn_optim_cuda fn_optim_cuda;

/* The device's memory, borrowed. Buffers lie like fn_params' value. */
typedef struct fn_optim_place {
    float *w;
    const float *g;
    const fn_told *told; /* the rate */
    const double *loss;
} fn_optim_place;

/* Begins with `host`'s state and steps. All that is passed outlives it; of `p`, only how it is laid
 * out is read. Errors: FN_ENOMEM, FN_EDEVICE. */
fn_status fn_optim_cuda_open(fn_optim_cuda **out, fn_device *d, const fn_params *p,
                             fn_optim *host, fn_optim_options o, float clip,
                             fn_optim_place place) FN_CHECKED;
void fn_optim_cuda_close(fn_optim_cuda *o);

/* Takes the host's state and steps anew: they were read from a checkpoint. */
fn_status fn_optim_cuda_load(fn_optim_cuda *o) FN_CHECKED;

/* Queues one step, which a loss or a gradient that is not finite turns into none; after
 * FN_PATIENCE of those in a row, all are. */
fn_status fn_optim_cuda_step(fn_optim_cuda *o) FN_CHECKED;

/* Queues sum += g, both like the weights and the device's, for a batch in parts: of a statistic,
 * the part's share of the faces. */
fn_status fn_optim_cuda_add(fn_optim_cuda *o, float *sum, const float *g,
                            float share) FN_CHECKED;

/* These wait. What was decided of the last step; and state and steps, to the host. */
fn_status fn_optim_cuda_ask(fn_optim_cuda *o, fn_update_state *taken) FN_CHECKED;
fn_status fn_optim_cuda_fetch(fn_optim_cuda *o) FN_CHECKED;

#endif
