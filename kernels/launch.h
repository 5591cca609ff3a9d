/* launch.h -- every launcher of a .cu file, in plain C.
 *
 * A launcher queues work on `stream` (a cudaStream_t) and returns 0 or an error of CUDA's, for
 * fn_device_check. Pointers are the device's and 16-byte aligned; `type` is that of every void
 * pointer. Nothing is read that the same call writes, unless it says so. */
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

struct fn_pool_walk; /* kernels/pool_walk.h, of a plain tensor */

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

/* l2pool.cu: y = sqrt(scale * sum of squares). */
int fn_launch_l2pool(void *y, const void *x, const struct fn_pool_walk *w, float scale,
                     int type, void *stream);
int fn_launch_l2pool_back(void *dx, const void *dy, const void *y, const void *x,
                          const struct fn_pool_walk *w, float scale, int type,
                          void *stream);

/* maxpool.cu: note has an element of fn_launch_maxpool_note(taps of a window) bytes for each
 * of y, and is NULL where there is no backward. */
size_t fn_launch_maxpool_note(int64_t taps);
int fn_launch_maxpool(void *y, void *note, const void *x, const struct fn_pool_walk *w,
                      int type, void *stream);
int fn_launch_maxpool_back(void *dx, const void *dy, const void *note,
                           const struct fn_pool_walk *w, int type, void *stream);

/* relu.cu: y [count] may be x; dx may be dy. */
int fn_launch_relu(void *y, const void *x, int64_t count, int type, void *stream);
int fn_launch_relu_back(void *dx, const void *dy, const void *y, int64_t count, int type,
                        void *stream);

#ifdef __cplusplus
}
#endif

#endif
