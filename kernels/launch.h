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

/* relu.cu: y [count] may be x; dx may be dy. */
int fn_launch_relu(void *y, const void *x, int64_t count, int type, void *stream);
int fn_launch_relu_back(void *dx, const void *dy, const void *y, int64_t count, int type,
                        void *stream);

#ifdef __cplusplus
}
#endif

#endif
