/* launch_train.h -- the launchers of what training does beside the network, on the terms of
 * kernels/launch.h: triplets, the update of the weights, views of faces. What one launch finds
 * out, the next reads in the device's memory: no step waits for the host. */
#ifndef FN_KERNELS_LAUNCH_TRAIN_H
#define FN_KERNELS_LAUNCH_TRAIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- triplets (train/mine.h, train/loss.h) --- */

/* What the host tells of a step, by one copy: a captured step reads it anew. */
typedef struct fn_told {
    uint64_t seed, step; /* of random mining */
    float rate;          /* learning rate */
} fn_told;

/* In the order of fn_mining, fn_fallback, fn_reduce. */
enum {
    FN_TRIPLET_SEMIHARD,
    FN_TRIPLET_HARDEST_NEGATIVE,
    FN_TRIPLET_HARDEST,
    FN_TRIPLET_ALL,
    FN_TRIPLET_RANDOM
};
enum { FN_TRIPLET_SKIP, FN_TRIPLET_FARTHEST_NEGATIVE, FN_TRIPLET_NEAREST_NEGATIVE };
enum { FN_TRIPLET_MEAN, FN_TRIPLET_ACTIVE, FN_TRIPLET_SUM };

typedef struct fn_triplet_rule {
    int mining, fallback, reduce;
    float margin;
} fn_triplet_rule;

/* Of one anchor, or of all. */
typedef struct fn_triplet_sums {
    double loss, d_ap, d_an;
    int64_t count, above; /* triplets; those with a term above 0 */
    int64_t pairs, most;  /* as in fn_triplets */
    int64_t sick;         /* embeddings that are not finite */
} fn_triplet_sums;

typedef struct fn_triplet_result {
    double loss, active, d_ap, d_an; /* fn_loss */
    fn_triplet_sums sums;
    float scale; /* of the gradient */
} fn_triplet_result;

/* Embeddings, and what is made of them. n is at most FN_TRIPLET_FACES. */
typedef struct fn_triplet_batch {
    const float *e;       /* [n, dim], unit rows */
    const float *d;       /* [n, n], as fn_launch_distances gives them */
    const int32_t *label; /* [n] */
    const fn_told *told;
    /* out: */
    /* [n, n]: of (anchor, positive), the negative; -1: no triplet. Read by rows it is the list
     * of fn_mine. FN_TRIPLET_ALL leaves it alone. */
    int32_t *negative;
    int32_t *weight;       /* [n, n]: c of train/loss.c */
    fn_triplet_sums *part; /* [n] */
    fn_triplet_result *result;
    float *de; /* [n, dim] */
    int n, dim;
} fn_triplet_batch;

enum { FN_TRIPLET_FACES = 20000 }; /* 8 bytes of a block's memory each, of 163 KB */

/* triplet.cu: d [n, n] of the products e e' [n, n], of which the upper half is read; as
 * fn_distances finishes its own. */
int fn_launch_distances(float *d, const float *product, int n, void *stream);
/* mine.cu: writes negative, weight, part, result. A batch without a pair or without a negative,
 * which fn_mine refuses, has no triplets, and NaN for a loss: no step is taken. */
int fn_launch_mine(const fn_triplet_batch *b, const fn_triplet_rule *r, void *stream);
/* triplet.cu: de, of e, weight and result. */
int fn_launch_triplet_back(const fn_triplet_batch *b, void *stream);

/* --- the update of the weights (train/optim.h) --- */

/* In the order of fn_optim_kind. */
enum { FN_UPDATE_ADAGRAD, FN_UPDATE_SGD, FN_UPDATE_ADAM, FN_UPDATE_ADAMW };

typedef struct fn_update_rule {
    int kind;
    float momentum, beta2, eps, decay; /* as in fn_optim_options */
    float keep;                        /* FN_STAT_KEEP */
    float clip;                        /* longest norm of a gradient; 0: any */
    int patience;                      /* FN_PATIENCE */
} fn_update_rule;

/* A part of one parameter. `at` is a multiple of 4. */
typedef struct fn_update_piece {
    int64_t at;
    int32_t count;
    int16_t trained, decayed; /* not trained: a statistic */
} fn_update_piece;

/* What was decided of the last step. The host begins with `steps`, and zeros. Once as many steps in
 * a row as `patience` were not sound it stays as it is, whatever comes: nothing is updated any
 * more, and the host may learn of it later. */
typedef struct fn_update_state {
    int64_t steps;     /* taken, ever */
    uint64_t step;     /* fn_told's */
    double loss, norm; /* of the gradient, unclipped */
    int32_t sound;     /* loss and norm are finite: the step was taken */
    int32_t skipped;   /* steps in a row that were not */
    float scale, fix_m, fix_v;
} fn_update_state;

/* The buffers lie like fn_params' value. */
typedef struct fn_update {
    float *w, *state[2]; /* state[1]: adam, adamw */
    const float *g;
    const fn_update_piece *piece; /* [pieces] */
    int64_t pieces;
    double *part; /* [pieces] */
    fn_update_state *taken;
    const fn_told *told;
    const double *loss; /* of this step: the step is skipped when it is not finite */
} fn_update;

/* update.cu: norm, decision, and the update. */
int fn_launch_update(const fn_update *u, const fn_update_rule *r, void *stream);

/* update.cu: sum += g, of the gradients of a part of a batch; of statistics, which are means over
 * faces, its share. */
int fn_launch_add_gradients(float *sum, const float *g, const fn_update_piece *piece,
                            int64_t pieces, float share, void *stream);

/* --- views of faces (data/view.h) --- */

/* One image of a batch, and what of it the network sees. */
typedef struct fn_face_view {
    int64_t at;                         /* in the bytes of all, [height, width, 3], dense */
    int32_t width, height;              /* of the image */
    float x, y, wide, high, gain, lift; /* fn_view, as drawn by the host */
    int32_t flip;
} fn_face_view;

/* augment.cu: x [n, height, width, 3] of what fn_view_render gives, within 2e-6. A face is blurred
 * and compressed (data/degrade.h) before it is uploaded. */
int fn_launch_augment(void *x, const uint8_t *rgb, const fn_face_view *view, int n,
                      int height, int width, int type, void *stream);
/* The same for a convolution of stride 2 that is done as one of stride 1 over squares of 2 x 2
 * pixels: x [n, rows, columns, 16]. Square (i, j) begins at pixel (2 i - pad, 2 j - pad), its
 * pixel (a, b) takes channels 3 (2 a + b) to 3 (2 a + b) + 2; the last four, and pixels outside of
 * the input, are 0. Of a kernel of 7 x 7 with pad 3: a row of squares more than its outputs for
 * each tap of 4 after the first, 115 x 115 for 224 x 224. */
int fn_launch_augment_squares(void *x, const uint8_t *rgb, const fn_face_view *view, int n,
                              int height, int width, int rows, int columns, int pad,
                              int type, void *stream);

#ifdef __cplusplus
}
#endif

#endif
