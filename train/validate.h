/* validate.h -- verification of held-out people while training: pairs drawn once from a pack,
 * embedded with the weights of the moment, judged as LFW's pairs are. */
#ifndef FN_TRAIN_VALIDATE_H
#define FN_TRAIN_VALIDATE_H

#include "data/pack.h"
#include "eval/verification.h"
#include "kernels/gpu.h"
#include "nn/net.h"
#include "nn/params.h"
#include "train/config.h"

typedef struct fn_validator fn_validator;

/* `net`, `params` and `gpu` outlive the validator, which runs on the GPU, or on the CPU where it is
 * NULL; always in fp32. A pack that shares a person with `train` is
 * FN_EDATA: such a figure would be worth nothing. */
fn_status fn_validator_open(fn_validator **out, const fn_config *c, const fn_net *net,
                            fn_params *params, const fn_pack *train,
                            fn_gpu *gpu) FN_CHECKED;
void fn_validator_close(fn_validator *v);

/* Free the result with fn_verification_free. */
fn_status fn_validator_run(fn_validator *v, fn_verification **out) FN_CHECKED;

/* What is validated on, and what the last run found; it belongs to the validator. */
typedef struct fn_validation {
    const fn_pack *pack;
    const int *image; /* [images] of the pack, upwards: those that a pair names */
    int images;
    const fn_pairs *pairs;             /* of places in `image` */
    const float *distance, *embedding; /* [pairs->n], [images, dim] */
    int dim;
} fn_validation;

fn_validation fn_validator_last(const fn_validator *v);

/* "3000 pairs of PACK": for a model's record. */
const char *fn_validator_name(const fn_validator *v);

#endif
