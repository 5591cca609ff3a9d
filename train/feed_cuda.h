/* feed_cuda.h -- faces on their way into a GPU: decoded by the loader's threads into pinned memory,
 * uploaded as bytes while the step before computes, and cut there to the crops that the network
 * reads (kernels/augment.cu). The host sees no float of them. */
#ifndef FN_TRAIN_FEED_CUDA_H
#define FN_TRAIN_FEED_CUDA_H

#include "core/device.h"
#include "data/loader.h"
#include "kernels/op.h"

typedef struct fn_feed fn_feed;

/* Bytes that pieces of `chunk` faces of so many bytes take, once the first have come. */
typedef struct fn_feed_size {
    size_t device, pinned;
} fn_feed_size;
fn_feed_size fn_feed_size_of(int chunk, size_t face);

/* A loader with these options, but for `faces`. All is borrowed. Errors: FN_ENOMEM, FN_EDEVICE. */
fn_status fn_feed_open(fn_feed **out, fn_device *d, const fn_pack *pack,
                       const fn_sampler *sampler, fn_loader_options o) FN_CHECKED;
void fn_feed_close(fn_feed *f);

/* The next piece as fn_loader_next tells of it, its lists valid until the next call; the faces are
 * the device's alone. `waited` (may be NULL) receives seconds, for the decoders. Errors: those of
 * fn_loader_next, and FN_ENOMEM, FN_EDEVICE. */
fn_status fn_feed_next(fn_feed *f, fn_batch *b, double *waited) FN_CHECKED;

/* Queued, once for each piece: its crops to x of FN_F32 or FN_BF16, in the device's memory: [n,
 * height, width, 3], or squares of 2 x 2 pixels [n, rows, columns, 16] (kernels/stem.h); within
 * 2e-6 of fn_view_render's, and rounded. The next piece, if it is decoded, is sent after it. */
fn_status fn_feed_crop(fn_feed *f, void *x, fn_type type,
                       const struct fn_stem *squares) FN_CHECKED;

#endif
