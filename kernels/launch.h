/* launch.h -- every launcher of a .cu file, in plain C.
 *
 * A launcher queues work on `stream` (a cudaStream_t) and returns 0 or an error of CUDA's, for
 * fn_device_check. Pointers are the device's and 16-byte aligned, those to weights (gain, shift,
 * mean, var, slope) as floats are; `type` is that of every void pointer. Nothing is read that
 * the same call writes, unless it says so. */
#ifndef FN_KERNELS_LAUNCH_H
#define FN_KERNELS_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

/* Sums over rows are made in two steps; the first leaves at most so many for each channel, and
 * no more than there are rows. */
enum { FN_SUM_PARTS = 528 };

#ifdef __cplusplus
extern "C" {
#endif

struct fn_bnjoin;    /* kernels/bnjoin.h */
struct fn_join;      /* kernels/join.h */
struct fn_lrn;       /* kernels/lrn.h */
struct fn_pool_walk; /* kernels/pool_walk.h, of a plain tensor */
struct fn_poolnorm;  /* kernels/poolnorm.h */
struct fn_stem;      /* kernels/stem.h */
struct fn_tensor;    /* kernels/op.h; read by the launcher, not by what it queues */

/* avgpool.cu */
int fn_launch_avgpool(void *y, const void *x, const struct fn_pool_walk *w, int type,
                      void *stream);
int fn_launch_avgpool_back(void *dx, const void *dy, const struct fn_pool_walk *w, int type,
                           void *stream);

/* batchnorm.cu: x, y, dx, dy [rows, channels]; float arrays [channels] if not said otherwise. */
typedef struct fn_batchnorm_launch {
    const float *gain, *shift, *mean, *var; /* measure reads none of them */
    float eps;
    int relu;
    int64_t rows, channels;
    int64_t pixels; /* what backward's means are over: rows, if some were not left out */
    int type;
} fn_batchnorm_launch;
typedef struct fn_batchnorm_gradients {
    float *gain, *shift, *mean, *var; /* NULL: not wanted */
} fn_batchnorm_gradients;
/* partial [FN_SUM_PARTS, 2, channels] is scratch; share [2, channels] is for ..._back. */
int fn_launch_batchnorm_measure(float *mean, float *var, float *partial, const void *x,
                                fn_batchnorm_launch a, void *stream);
int fn_launch_batchnorm(void *y, const void *x, fn_batchnorm_launch a, void *stream);
int fn_launch_batchnorm_reduce(fn_batchnorm_gradients to, float *share, float *partial,
                               const void *dy, const void *x, fn_batchnorm_launch a,
                               void *stream);
int fn_launch_batchnorm_back(void *dx, const void *dy, const void *x, const float *share,
                             fn_batchnorm_launch a, void *stream);

/* concat.cu: y [rows, sum of Ci], x[i] [rows, Ci]; dx[i] may lack its data. */
int fn_launch_concat(void *y, const struct fn_tensor *x, int n, int64_t rows, void *stream);
int fn_launch_concat_back(const struct fn_tensor *dx, const void *dy, int n, int64_t rows,
                          void *stream);

/* bnpool.cu: as batchnorm and maxpool 3x3 with stride 2, one behind the other; a has x's rows. best
 * is the x that won, of y's size, and note the tap, a byte an element; both NULL where there is no
 * backward. The gradients are those of a batchnorm of `best` alone, with its rows and x's pixels:
 * fn_launch_batchnorm_reduce. Backward then needs x. */
int fn_launch_bnpool(void *y, void *best, void *note, const void *x, fn_batchnorm_launch a,
                     const struct fn_pool_walk *w, void *stream);
int fn_launch_bnpool_back(void *dx, const void *dy, const void *note, const void *x,
                          const float *share, fn_batchnorm_launch a,
                          const struct fn_pool_walk *w, void *stream);

/* bnjoin.cu: n inputs side by side, of which those in attr->norm are normalised first, each by
 * four of w (as batchnorm's), but in training by mean and var [sum of Ci], which
 * fn_launch_batchnorm_measure has left there. dx[i] and dw[k] may lack their data; share [2, sum
 * of Ci] is for ..._back; partial [FN_SUM_PARTS, 2, sum of Ci] is scratch. */
typedef struct fn_bnjoin_launch {
    const struct fn_tensor *x, *w; /* x[i] [rows, Ci] */
    float *mean, *var;             /* NULL: by w */
    const struct fn_bnjoin *attr;
    int n;
    int64_t rows;
} fn_bnjoin_launch;
int fn_launch_bnjoin(const struct fn_tensor *y, const fn_bnjoin_launch *l, void *stream);
int fn_launch_bnjoin_reduce(const struct fn_tensor *dw, float *share, float *partial,
                            const struct fn_tensor *dy, const fn_bnjoin_launch *l,
                            void *stream);
int fn_launch_bnjoin_back(const struct fn_tensor *dx, const float *share,
                          const struct fn_tensor *dy, const fn_bnjoin_launch *l,
                          void *stream);

/* cast.cu: an error where the GPU does not run our kernels; queues nothing. */
int fn_launch_probe(void);
/* `count` elements of one type to another. */
int fn_launch_cast(void *to, int to_type, const void *from, int from_type, int64_t count,
                   void *stream);

/* conv.cu: for cuDNN, weights are [width, taps, taps, block] of s, the first `out` of them ours;
 * dw [O, C, k, k]. */
int fn_launch_conv_pack(void *to, const float *w, const struct fn_stem *s, int64_t out,
                        int64_t width, int type, void *stream);
int fn_launch_conv_unpack(float *dw, const void *from, const struct fn_stem *s, int64_t out,
                          int type, void *stream);
/* x [n, height, width, channels] to [n, rows, columns, block], and the gradient back. */
int fn_launch_conv_blocks(void *to, const void *x, const struct fn_stem *s, int64_t n,
                          int type, void *stream);
int fn_launch_conv_blocks_back(void *dx, const void *from, const struct fn_stem *s,
                               int64_t n, int type, void *stream);
/* Rows of other widths: channels are left out, or added as 0. */
int fn_launch_widen(void *to, int to_width, const void *from, int from_width, int64_t rows,
                    int type, void *stream);
/* dy [rows, channels] where y > 0 (y NULL: everywhere) to `to` [rows, width], of which the rest
 * stays, and summed over the rows to sum [channels]; either may be NULL. partial
 * [FN_SUM_PARTS, channels] is scratch. */
int fn_launch_conv_mask(void *to, float *sum, float *partial, const void *dy, const void *y,
                        int64_t rows, int64_t channels, int64_t width, int type,
                        void *stream);

/* convs.cu: dy[i] [rows, Oi] where y[i] > 0 (y NULL: everywhere), side by side to `to` [rows, sum
 * of Oi], and summed over the rows to dbias[i] [Oi], of which some may lack their data; dbias
 * NULL: no sums. All Oi are multiples of 8. partial [FN_SUM_PARTS, sum of Oi] is scratch. */
int fn_launch_convs_gather(void *to, const struct fn_tensor *dbias, float *partial,
                           const struct fn_tensor *dy, const struct fn_tensor *y, int n,
                           int64_t rows, void *stream);

/* fork.cu: `count` elements, n readers. */
int fn_launch_fork(const struct fn_tensor *y, int n, const void *x, int64_t count,
                   void *stream);
int fn_launch_fork_back(void *dx, const struct fn_tensor *dy, int n, int64_t count,
                        void *stream);

/* join.cu: x[i] [rows, Ci], y[k] [rows, sum of Ci]; of n inputs those in a->bias have one in
 * `bias`, [Ci], in order. dx[i] and dbias[i] may lack their data. partial [FN_SUM_PARTS, sum of
 * Ci] is scratch. */
int fn_launch_join(const struct fn_tensor *y, const struct fn_tensor *x,
                   const struct fn_tensor *bias, const struct fn_join *a, int n,
                   int64_t rows, void *stream);
int fn_launch_join_back(const struct fn_tensor *dx, const struct fn_tensor *dbias,
                        float *partial, const struct fn_tensor *dy, const void *y,
                        const struct fn_join *a, int n, int64_t rows, void *stream);

/* l2norm.cu: x, y [rows, width] */
int fn_launch_l2norm(float *y, const float *x, int64_t rows, int64_t width, void *stream);
int fn_launch_l2norm_back(float *dx, const float *dy, const float *x, int64_t rows,
                          int64_t width, void *stream);

/* l2pool.cu: y = sqrt(scale * sum of squares). */
int fn_launch_l2pool(void *y, const void *x, const struct fn_pool_walk *w, float scale,
                     int type, void *stream);
int fn_launch_l2pool_back(void *dx, const void *dy, const void *y, const void *x,
                          const struct fn_pool_walk *w, float scale, int type,
                          void *stream);

/* linear.cu: w, dw [O, channels, plane] to and from [O, plane, channels]; rows that are all
 * the same. */
int fn_launch_linear_pack(void *to, const float *w, int64_t count, int64_t channels,
                          int64_t plane, int type, void *stream);
int fn_launch_linear_unpack(float *dw, const float *from, int64_t count, int64_t channels,
                            int64_t plane, void *stream);
int fn_launch_repeat(float *to, const float *row, int64_t rows, int64_t width,
                     void *stream);

/* lrn.cu: x, y [rows, channels]. */
int fn_launch_lrn(void *y, const void *x, const struct fn_lrn *attr, int64_t rows,
                  int64_t channels, int type, void *stream);
int fn_launch_lrn_back(void *dx, const void *dy, const void *x, const struct fn_lrn *attr,
                       int64_t rows, int64_t channels, int type, void *stream);

/* maxout.cu: y [count], x [count, pieces] */
int fn_launch_maxout(float *y, const float *x, int64_t count, int pieces, void *stream);
int fn_launch_maxout_back(float *dx, const float *dy, const float *x, int64_t count,
                          int pieces, void *stream);

/* maxpool.cu: note has an element of fn_launch_maxpool_note(taps of a window) bytes for each
 * of y, and is NULL where there is no backward. */
size_t fn_launch_maxpool_note(int64_t taps);
int fn_launch_maxpool(void *y, void *note, const void *x, const struct fn_pool_walk *w,
                      int type, void *stream);
int fn_launch_maxpool_back(void *dx, const void *dy, const void *note,
                           const struct fn_pool_walk *w, int type, void *stream);

/* poolnorm.cu, poolnorm_back.cu: x [n, x_high, x_wide, channels], y and pooled [n, y_high,
 * y_wide, channels], and of y's size note, a byte an element, NULL where there is no backward.
 * pooled is what the pool gives to the norm; NULL where the norm is first. bias [channels] or
 * NULL. Backward reads `kept`: x where the norm is first, otherwise pooled; dx or dbias
 * [channels] may be NULL; partial [FN_SUM_PARTS, channels] is scratch. */
typedef struct fn_poolnorm_launch {
    const struct fn_pool_walk *walk;
    const struct fn_poolnorm *attr;
    const float *bias;
    int type;
} fn_poolnorm_launch;
int fn_launch_poolnorm(void *y, void *pooled, void *note, const void *x,
                       const fn_poolnorm_launch *l, void *stream);
int fn_launch_poolnorm_back(void *dx, float *dbias, float *partial, const void *dy,
                            const void *note, const void *kept, const fn_poolnorm_launch *l,
                            void *stream);

/* prelu.cu: x, y [rows, channels]; slope [channels]. dx or dslope may be NULL; partial
 * [FN_SUM_PARTS, channels] is scratch. */
int fn_launch_prelu(void *y, const void *x, const float *slope, int64_t rows,
                    int64_t channels, int type, void *stream);
int fn_launch_prelu_back(void *dx, float *dslope, float *partial, const void *dy,
                         const void *x, const float *slope, int64_t rows, int64_t channels,
                         int type, void *stream);

/* relu.cu: y [count] may be x; dx may be dy. */
int fn_launch_relu(void *y, const void *x, int64_t count, int type, void *stream);
int fn_launch_relu_back(void *dx, const void *dy, const void *y, int64_t count, int type,
                        void *stream);

/* softmax.cu: x, y [rows, width]; y may be x. */
int fn_launch_softmax(void *y, const void *x, int64_t rows, int64_t width, int type,
                      void *stream);
int fn_launch_softmax_back(void *dx, const void *dy, const void *y, int64_t rows,
                           int64_t width, int type, void *stream);

#ifdef __cplusplus
}
#endif

#endif
