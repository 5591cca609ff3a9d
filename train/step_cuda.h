/* step_cuda.h -- what of a training step is not the network, on a GPU: distances, triplets, loss,
 * gradient, update. All is queued, nothing waits, and nothing that differs between steps is an
 * argument of a launch: a step can be captured as a graph. */
#ifndef FN_TRAIN_STEP_CUDA_H
#define FN_TRAIN_STEP_CUDA_H

#include "core/device.h"
#include "kernels/cublas.h"
#include "train/loss.h"
#include "train/optim_cuda.h"

typedef struct fn_step_cuda fn_step_cuda;

typedef struct fn_step_options {
    int n, dim;           /* faces of a batch, numbers of an embedding */
    fn_mine_options mine; /* but for `step` */
    fn_reduce reduce;
    fn_optim_options optim;
    float clip;
} fn_step_options;

/* The network's, in the device's memory; weights and gradients lie like fn_params' value. */
typedef struct fn_step_place {
    const float *e; /* [n, dim], unit rows */
    float *w;
    const float *g;
} fn_step_place;

/* Everything passed is borrowed; of `p`, only how it is laid out is read, and `host` is where the
 * optimizer begins. Errors: FN_ENOMEM, FN_EDEVICE; FN_EINVAL for more faces than a GPU's block
 * has room for. */
fn_status fn_step_cuda_open(fn_step_cuda **out, fn_device *d, fn_cublas *c,
                            const fn_params *p, fn_optim *host, fn_step_place place,
                            const fn_step_options *o) FN_CHECKED;
void fn_step_cuda_close(fn_step_cuda *s);

/* Takes the state of `host` anew: it was read from a checkpoint. */
fn_status fn_step_cuda_load(fn_step_cuda *s) FN_CHECKED;

enum { FN_STEPS_AHEAD = 16 }; /* that can be queued between two questions */

/* Outside of a graph, before each step: people of the batch [n], and the rate. Queued; waits only
 * if FN_STEPS_AHEAD steps were told since the last fn_step_cuda_ask. */
fn_status fn_step_cuda_tell(fn_step_cuda *s, int64_t step, const int *label,
                            float rate) FN_CHECKED;

/* Queued: triplets and loss of the embeddings; then, once the network has gone back from
 * fn_step_cuda_gradient() [n, dim], the update. */
fn_status fn_step_cuda_loss(fn_step_cuda *s) FN_CHECKED;
const float *fn_step_cuda_gradient(const fn_step_cuda *s);
fn_status fn_step_cuda_update(fn_step_cuda *s) FN_CHECKED;
/* Queued, for a batch in chunks: the gradients of one are added to `sum`, the place's g; the
 * statistics by the chunk's share of the faces. */
fn_status fn_step_cuda_add(fn_step_cuda *s, float *sum, const float *g,
                           float share) FN_CHECKED;

/* What the last step came to; once FN_PATIENCE in a row were not finite, the last of those. */
typedef struct fn_step_report {
    fn_loss loss;
    int64_t triplets, steps; /* found in the batch; taken, ever */
    int64_t step;            /* which it was */
    double gradient;         /* its norm */
    int skipped;             /* steps in a row whose numbers were not finite */
} fn_step_report;

/* These wait. FN_EINVAL for a batch that fn_mine refuses; it moved nothing. */
fn_status fn_step_cuda_ask(fn_step_cuda *s, fn_step_report *r) FN_CHECKED;
/* The list of fn_mine, for people to see; of every triplet there is none. */
fn_status fn_step_cuda_triplets(fn_step_cuda *s, fn_triplets *t) FN_CHECKED;
/* The distances [n, n] that it was made from. */
fn_status fn_step_cuda_distances(fn_step_cuda *s, float *d) FN_CHECKED;
/* The optimizer's state and steps, to the host's optimizer. */
fn_status fn_step_cuda_fetch(fn_step_cuda *s) FN_CHECKED;

/* Bytes of the device's memory that a batch's pairs take. */
size_t fn_step_cuda_bytes(int n, int dim);

#endif
