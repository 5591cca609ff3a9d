/* optim.h -- AdaGrad, SGD with momentum, Adam and AdamW on the flat buffers.
 *   adagrad  s += g^2;            w -= lr g / (sqrt(s) + eps)       (Duchi et al. 2011)
 *   sgd      m = momentum m + g;  w -= lr m
 *   adam     m, v of g + decay w;       w -= lr m' / (sqrt(v') + eps)   (Kingma & Ba 2015)
 *   adamw    m, v with bias correction; w -= lr (m' / (sqrt(v') + eps) + decay w)
 * Weight decay is of kernels only (rank > 1): w -= lr decay w, but for adam as above.
 * Running statistics (param.trained false) move by w += (1 - FN_STAT_KEEP) (batch's - w). */
#ifndef FN_TRAIN_OPTIM_H
#define FN_TRAIN_OPTIM_H

#include "nn/params.h"

#define FN_STAT_KEEP 0.9f /* of a running statistic, each step */

enum { FN_PATIENCE = 3 }; /* non-finite steps in a row before a run is given up */

typedef enum fn_optim_kind { FN_ADAGRAD, FN_SGD, FN_ADAM, FN_ADAMW } fn_optim_kind;

typedef struct fn_optim_options {
    fn_optim_kind kind;
    float momentum; /* sgd; beta1 of adam and adamw */
    float beta2;    /* adam, adamw */
    float eps;      /* adagrad, adam, adamw */
    float initial;  /* adagrad: the accumulator's start */
    float decay;
} fn_optim_options;

typedef struct fn_optim fn_optim;

/* `p` is borrowed, with its gradients. Errors: FN_ENOMEM; FN_ECONFIG when eps would allow a
 * division by 0. */
fn_status fn_optim_open(fn_optim **out, fn_params *p, fn_optim_options o) FN_CHECKED;
void fn_optim_close(fn_optim *o);
/* The Euclidean norm of the trained weights' gradient; not finite if any of it is not. */
double fn_optim_norm(const fn_optim *o);
/* What shortens a gradient of this norm to `most`; 1 where it is no longer, or `most` is 0. */
float fn_optim_clip(double norm, float most);
/* `scale` multiplies the gradient (not the statistics): below 1 where it is clipped. */
void fn_optim_step(fn_optim *o, float rate, float scale);

/* State for a checkpoint: buffers of p->count floats; count is 1 or 2. `steps` is the number
 * of steps taken (bias correction): read it, and set it when resuming. */
int fn_optim_state_count(const fn_optim *o);
float *fn_optim_state(fn_optim *o, int i);
int64_t *fn_optim_steps(fn_optim *o);

#endif
