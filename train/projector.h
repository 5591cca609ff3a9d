/* projector.h -- embeddings of validation faces for TensorBoard's PROJECTOR tab:
 *
 *   RUN/projector_config.pbtxt       where the rest is, relative to RUN
 *       projector/tensors.tsv        the embeddings, one face a line
 *       projector/metadata.tsv       person and image of each
 *       projector/sprite.png         small pictures of them
 *
 * Each write replaces the last: the tab shows the newest validation. */
#ifndef FN_TRAIN_PROJECTOR_H
#define FN_TRAIN_PROJECTOR_H

#include "data/pack.h"

typedef struct fn_projector fn_projector;

typedef struct fn_projector_options {
    const char *run;
    int faces;  /* at most */
    float view; /* share of the crop that the network sees */
} fn_projector_options;

/* Chooses faces of image [n], n > 0: images of the pack, upwards. The people with most of them come
 * first, 20 of each, or more where there are too few people. The pack and the list outlive the
 * projector; nothing is written yet. */
fn_status fn_projector_open(fn_projector **out, const fn_pack *pack, const int *image,
                            int n, fn_projector_options o) FN_CHECKED;
void fn_projector_close(fn_projector *p);

/* embedding [n, dim], of the images of the list. */
fn_status fn_projector_write(fn_projector *p, const float *embedding, int dim) FN_CHECKED;

#endif
