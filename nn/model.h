/* model.h -- a .fnm file: architecture as text, weights, and the record of how to use them.
 * HDF5, readable by h5py; the layout is in docs/formats.md. Implements fn_model_* of
 * include/facenet.h. */
#ifndef FN_NN_MODEL_H
#define FN_NN_MODEL_H

#include "core/digest.h"
#include "nn/net.h"
#include "nn/params.h"

/* Recipe and lineage: what a stranger needs to use the weights as they were trained. */
typedef struct fn_record {
    char crop
        [FN_TEXT_BYTES]; /* data/crop.h, of the evaluation: "none", "centre: 137@125,135" */
    float view;          /* share of the cropped side that the net sees, (0, 1] */
    float threshold;     /* squared distance; same person below. NAN: never measured */
    char threshold_from[FN_TEXT_BYTES]; /* "eval of pairs.txt, 6000 pairs" */
    float margin;                       /* of the triplet loss; 0: unknown */
    int64_t step;                       /* training steps behind these weights */
    char data[FN_DIGEST_BYTES];         /* SHA-256 of the training pack; "" unknown */
} fn_record;

struct fn_model {
    fn_net *net;
    fn_params *params; /* no gradients */
    int dim;           /* of the first head */
    fn_record record;
    char digest[FN_DIGEST_BYTES]; /* SHA-256 of the weights' bytes, by fn_model_open */
};

/* Saves net, params->value and record; never in place. */
fn_status fn_model_save(const char *path, const fn_net *net, const fn_params *params,
                        const fn_record *record) FN_CHECKED;

#endif
