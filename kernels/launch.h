/* launch.h -- every launcher of a .cu file, in plain C.
 *
 * A launcher queues work on `stream` (a cudaStream_t) and returns 0 or an error of CUDA's, for
 * fn_device_check. Pointers are the device's and 16-byte aligned; `type` is that of every void
 * pointer. Nothing is read that the same call writes, unless it says so. */
#ifndef FN_KERNELS_LAUNCH_H
#define FN_KERNELS_LAUNCH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* relu.cu: y [count] may be x; dx may be dy. */
int fn_launch_relu(void *y, const void *x, int64_t count, int type, void *stream);
int fn_launch_relu_back(void *dx, const void *dy, const void *y, int64_t count, int type,
                        void *stream);

#ifdef __cplusplus
}
#endif

#endif
