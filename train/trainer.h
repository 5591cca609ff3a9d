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
    const struct fn_stepper *stepper;
    void *own;   /* the stepper's */
    fn_gpu *gpu; /* NULL: all is done on the CPU */
    fn_net *net;
    fn_params *params;
    int chunk; /* faces of one pass of the network; of the batch, if it is not cut */
    bool cut;
    fn_plan *plan, *rest; /* of a chunk; of the last, smaller one (NULL: it is not) */
    fn_optim *optim;
    fn_pack *pack;
    size_t face_bytes; /* fn_pack_decoded_bytes, with a GPU */
    fn_sampler *sampler;
    fn_record record; /* record.step counts the steps taken */
    int dim;
    /* of the last step: */
    fn_batch batch;   /* its last piece, the loader's */
    double waited;    /* seconds */
    char remark[512]; /* once, what people should hear of it; else "" */
    /* and what it came to, once looked at: */
    float *distance; /* [n, n] */
    fn_triplets triplets;
    fn_loss loss;
    double gradient; /* norm */
    int skipped;     /* steps in a row whose numbers were not finite */
} fn_trainer;

/* Everything but the loader, with fresh weights: memory is claimed, nothing is read but the
 * network, the pack's index and, for a GPU, some headers of images. Where train.chunk is 0,
 * t->config says what became of it: on a GPU the batch is cut into as few chunks as leave a part
 * of its memory free. FN_ENOMEM says how much is wanted and which chunk would fit. */
fn_status fn_trainer_open(fn_trainer *t, const fn_config *c) FN_CHECKED;
void fn_trainer_close(fn_trainer *t);

/* Batches from step t->record.step on. */
fn_status fn_trainer_start(fn_trainer *t) FN_CHECKED;

/* Bytes of what grows with the batch, the chunk and the network; with a GPU, of its memory. */
typedef struct fn_trainer_size {
    size_t values, images, weights, pairs;
    /* With a GPU alone. Faces as they are decoded, by face_bytes: of `images`, what is claimed with
     * the first pieces; and of the host's memory. */
    size_t faces, pinned;
} fn_trainer_size;
fn_trainer_size fn_trainer_size_of(const fn_trainer *t);

/* One batch: load, forward, mine, loss, backward, update. A batch that is cut goes through the
 * network twice (Gao et al. 2021): forward, chunk by chunk, for the embeddings of all; after mining
 * and the loss over the whole batch, each chunk forward again and backward with its part of
 * dL/de. The weights' gradients are the sum over the chunks, in their order; statistics of batch
 * norm are each chunk's own, and the running ones move by the mean over the faces. A batch whose
 * loss or gradient is not finite changes nothing; the third in a row is FN_ENUMERIC. On a GPU the
 * step is queued, and that is noticed when somebody looks, 16 steps later at most; by then nothing
 * was changed any more. */
fn_status fn_trainer_step(fn_trainer *t) FN_CHECKED;

/* What the last step came to: loss to skipped are set. Waits for a GPU. Errors: FN_ENUMERIC,
 * FN_EDEVICE. */
fn_status fn_trainer_look(fn_trainer *t) FN_CHECKED;

/* A crop of the last batch as the network saw it, made anew from the pack: slot 0 .. batch.size -
 * 1, x [height, width, 3]. Errors: those of fn_pack_image, FN_ENOMEM. */
fn_status fn_trainer_crop(const fn_trainer *t, float *x, int slot) FN_CHECKED;

/* Before anybody reads them: params and optim as the last step left them. Errors: FN_EDEVICE. */
fn_status fn_trainer_fetch(fn_trainer *t) FN_CHECKED;

#endif
