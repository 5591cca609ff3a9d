/* loader.h -- threads that decode and augment batches ahead of the trainer. Batches come in
 * order of their steps and are the same for any number of threads. A batch can come in pieces,
 * once or twice over: then only a few pieces are ever in memory, and twice means decoded twice.
 * What comes is either crops, as the network reads them, or the faces that they are views of. */
#ifndef FN_DATA_LOADER_H
#define FN_DATA_LOADER_H

#include "data/sampler.h"
#include "data/tray.h"

typedef struct fn_loader fn_loader;

enum { FN_LOADER_AHEAD = 2 };

typedef struct fn_loader_options {
    int height, width; /* of the network's input */
    fn_augment augment;
    uint64_t seed; /* of the augmentation */
    int threads;   /* >= 1 */
    int ahead;     /* pieces kept ready; default FN_LOADER_AHEAD */
    int chunk;     /* images of a piece; default the whole batch. The last may be smaller */
    int passes;    /* how often each batch comes; default 1 */
    int64_t first_step;
    /* Where faces are to lie, which the caller's thread claims; then no crops are made of them.
     * Zeros: crops. */
    fn_tray_memory faces;
} fn_loader_options;

/* `n` images of a batch of `size`: its slots first .. first + n - 1. */
typedef struct fn_batch {
    const float *x; /* [n, height, width, 3] crops; or NULL, and faces: */
    const uint8_t *rgb;
    const fn_tray_face *face; /* [n]: a crop is fn_view_render of one */
    size_t bytes;             /* of rgb */
    const int *label;         /* [size], people of the pack */
    const int *image;         /* [size], images of the pack */
    int first, n, size;
    int64_t step;
} fn_batch;

/* Pack and sampler outlive the loader. */
fn_status fn_loader_open(fn_loader **out, const fn_pack *pack, const fn_sampler *sampler,
                         fn_loader_options o) FN_CHECKED;
/* Stops the threads, even in the middle of a batch. */
void fn_loader_close(fn_loader *l);

/* Waits for the next piece, which stays valid until the next call. An image that cannot be
 * decoded fails here, with its name. `waited` (may be NULL) receives seconds. */
fn_status fn_loader_next(fn_loader *l, fn_batch *b, double *waited) FN_CHECKED;

/* Would the next piece come at once, and whole? */
bool fn_loader_ready(fn_loader *l);

/* The crop of one of the batch's `size` slots, made anew: x [height, width, 3]. `o` is what the
 * batch's loader was opened with. Errors: those of fn_pack_image, FN_ENOMEM. */
fn_status fn_loader_crop(float *x, const fn_pack *pack, const fn_loader_options *o,
                         const fn_batch *b, int slot) FN_CHECKED;

#endif
