/* params.h -- every weight of a network in one flat buffer, its gradients in another of the
 * same layout: optimizer, checkpoint, all-reduce and norm are one loop each. */
#ifndef FN_NN_PARAMS_H
#define FN_NN_PARAMS_H

#include "nn/graph.h"

typedef struct fn_param {
    char name[2 * FN_NAME_BYTES]; /* "3a/3x3/conv/kernel" */
    fn_shape shape;               /* kernels [O, C, H, W], linear [O, C] or [O, C, H, W] */
    int64_t offset, count;        /* floats, from the start of value and grad */
    int64_t fan_in;               /* inputs of one output */
    fn_init init;
    bool trained; /* false: running statistic; grad is this batch's */
} fn_param;

typedef struct fn_params {
    fn_param *param; /* in order of creation: graph node.w[] indexes it */
    int n;
    int64_t count; /* floats in value; offsets are multiples of 16 floats, gaps are zero */
    float *value, *grad; /* grad is NULL unless opened for training */
} fn_params;

fn_status fn_params_open(fn_params **out, const fn_graph *g, bool training) FN_CHECKED;
void fn_params_close(fn_params *p);

/* He et al. 2015 normal, zeros and ones, as each op's table says; (seed, parameter) alone
 * decide, so the same seed gives the same weights everywhere. */
void fn_params_init(fn_params *p, uint64_t seed);

int64_t fn_params_trained(const fn_params *p); /* trained numbers, gaps not counted */

#endif
