/* gpu.h -- a GPU with the handles of its libraries: what all calls on FN_CUDA share, and what
 * nn/ wants of it. In a build without CUDA (gpu_none.c) there is none to be opened. */
#ifndef FN_KERNELS_GPU_H
#define FN_KERNELS_GPU_H

#include "core/device.h"
#include "kernels/op.h"

typedef struct fn_gpu {
    fn_device *device;
    struct fn_cudnn *cudnn;
    struct fn_engines *engines; /* that were chosen for this GPU: kernels/engines.h */
    struct fn_cublas *cublas;
    bool compiles; /* cuDNN compiles fusions at run time: fn_cudnn_can_compile */
    /* The device's [FN_GPU_FLOATS], from the first number on that is FN_BF16 there. */
    float *floats;
} fn_gpu;

/* The GPU with this number; its convolutions run on the engines that its file names, if it has one
 * (fn_engines_open_for). Errors: those of fn_device_open and of such a file, FN_EDEVICE. */
fn_status fn_gpu_open(fn_gpu **out, int number) FN_CHECKED;

/* The GPU that is asked for; NULL: the CPU. One that cannot be used is an error (FN_ENODEVICE)
 * where nothing else will do. Errors: FN_EINVAL (no such choice), those of fn_gpu_open. */
fn_status fn_gpu_choose(fn_gpu **out, fn_device_choice choice) FN_CHECKED;
extern const char *const fn_device_names[]; /* by fn_device_choice: "cpu", ...; then NULL */

void fn_gpu_close(fn_gpu *g); /* after everything that lives on it; accepts NULL */

/* The places in a workspace are multiples of this many bytes, as cuDNN likes them. */
static inline size_t fn_gpu_padded(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

/* "cuda, NVIDIA H100 80GB HBM3, 79 GB". */
void fn_gpu_describe(const fn_gpu *g, char *text, size_t size);

void *fn_gpu_stream(const fn_gpu *g);
fn_status fn_gpu_wait(fn_gpu *g) FN_CHECKED; /* until all that is queued is done */
fn_status fn_gpu_alloc(fn_gpu *g, void **out, size_t bytes) FN_CHECKED;
void fn_gpu_free(fn_gpu *g, void *p);
fn_status fn_gpu_zero(fn_gpu *g, void *to, size_t bytes) FN_CHECKED;

enum { FN_GPU_FLOATS = 1 << 20 };

/* The host's floats to numbers of this type on the device, and back; the first queues, the second
 * waits. What is FN_BF16 there passes through FN_GPU_FLOATS floats of the device's, piece by piece.
 * Errors: FN_EDEVICE, FN_ENOMEM. */
fn_status fn_gpu_bring(fn_gpu *g, void *to, fn_type type, const float *from,
                       int64_t count) FN_CHECKED;
fn_status fn_gpu_fetch(fn_gpu *g, float *to, const void *from, fn_type type,
                       int64_t count) FN_CHECKED;

#endif
