/* device.h by the CUDA runtime. */
#include "core/device.h"
#include "core/mem.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cuda_runtime_api.h>

enum { OLDEST = 80 }; /* the first architecture with bf16 products */

struct fn_device {
    int number;
    cudaStream_t stream, uploads;
};

struct fn_event {
    fn_device *device;
    cudaEvent_t event;
};

/* What a kernel that has started can come to: from then on every call reports it. */
static bool broke_off(cudaError_t e)
{
    static const cudaError_t faults[] = {
        cudaErrorIllegalAddress,     cudaErrorLaunchFailure,       cudaErrorLaunchTimeout,
        cudaErrorMisalignedAddress,  cudaErrorInvalidAddressSpace, cudaErrorInvalidPc,
        cudaErrorIllegalInstruction, cudaErrorHardwareStackError,  cudaErrorAssert,
        cudaErrorECCUncorrectable};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (e == faults[i])
            return true;
    return false;
}

/* A fault surfaces at a later call: `doing` is what was being done then. */
fn_status fn_device_check(int error, const char *doing)
{
    cudaError_t e = (cudaError_t)error;
    const char *name = cudaGetErrorName(e), *text = cudaGetErrorString(e);
    if (e == cudaSuccess)
        return FN_OK;
    if (e == cudaErrorMemoryAllocation)
        return fn_fail(FN_ENOMEM, "%s: the GPU has no memory left for it", doing);
    if (e == cudaErrorNoKernelImageForDevice || e == cudaErrorUnsupportedPtxVersion)
        return fn_fail(
            FN_ENODEVICE,
            "%s: this program holds no code that the GPU runs, %s (%s): build it "
            "with the GPU's architecture in CMAKE_CUDA_ARCHITECTURES",
            doing, name, text);
    if (broke_off(e))
        return fn_fail(
            FN_EDEVICE,
            "%s: the GPU reports %s (%s), of work that was queued before; nothing "
            "there can be trusted any more. Start again; with "
            "CUDA_LAUNCH_BLOCKING=1 it is reported where it happens",
            doing, name, text);
    return fn_fail(FN_EDEVICE, "%s: the GPU reports %s (%s)", doing, name, text);
}

static fn_status count_devices(int *count)
{
    int driver = 0;
    cudaError_t e = cudaGetDeviceCount(count);
    cudaDriverGetVersion(&driver);
    if (e == cudaErrorInsufficientDriver && driver == 0)
        return fn_fail(FN_ENODEVICE,
                       "there is no driver of a GPU on this machine: use the CPU");
    if (e == cudaErrorInsufficientDriver)
        return fn_fail(FN_ENODEVICE,
                       "the GPU's driver is for CUDA %d.%d and %d.%d is wanted: update it",
                       driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000,
                       CUDART_VERSION % 1000 / 10);
    if (e == cudaErrorNoDevice || (e == cudaSuccess && *count == 0))
        return fn_fail(FN_ENODEVICE, "there is no GPU on this machine: use the CPU");
    if (e != cudaSuccess)
        return fn_fail(FN_ENODEVICE, "no GPU can be used: %s (%s)", cudaGetErrorName(e),
                       cudaGetErrorString(e));
    return FN_OK;
}

static fn_status check_architecture(int number)
{
    int major = 0, minor = 0;
    FN_TRY(fn_device_check(
        (int)cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, number),
        "asking for the architecture"));
    FN_TRY(fn_device_check(
        (int)cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, number),
        "asking for the architecture"));
    if (10 * major + minor < OLDEST)
        return fn_fail(FN_ENODEVICE,
                       "GPU %d is of architecture sm_%d%d; sm_%d (A100, 2020) is "
                       "the oldest that is supported",
                       number, major, minor, OLDEST);
    return FN_OK;
}

static fn_status open_queue(cudaStream_t *queue)
{
    return fn_device_check((int)cudaStreamCreateWithFlags(queue, cudaStreamNonBlocking),
                           "opening the GPU");
}

fn_status fn_device_open(fn_device **out, int number)
{
    int count = 0;
    *out = NULL;
    FN_TRY(count_devices(&count));
    if (number < 0 || number >= count)
        return fn_fail(FN_EINVAL, "there is no GPU %d: they are 0 to %d", number,
                       count - 1);
    FN_TRY(check_architecture(number));
    fn_device *d = fn_alloc(1, sizeof *d);
    if (!d)
        return fn_fail(FN_ENOMEM, "no memory for a device");
    d->number = number;
    fn_status rc = fn_device_check((int)cudaSetDevice(number), "opening the GPU");
    if (rc == FN_OK)
        rc = open_queue(&d->stream);
    if (rc == FN_OK)
        rc = open_queue(&d->uploads);
    if (rc == FN_OK)
        *out = d;
    else
        fn_device_close(d);
    return rc;
}

static void close_queue(cudaStream_t queue)
{
    if (!queue)
        return;
    cudaStreamSynchronize(queue);
    cudaStreamDestroy(queue);
}

void fn_device_close(fn_device *d)
{
    if (!d)
        return;
    close_queue(d->uploads);
    close_queue(d->stream);
    fn_free(d);
}

fn_status fn_device_ask(const fn_device *d, fn_device_facts *facts)
{
    struct cudaDeviceProp p;
    *facts = (fn_device_facts){.number = d->number};
    FN_TRY(
        fn_device_check((int)cudaGetDeviceProperties(&p, d->number), "asking for the GPU"));
    snprintf(facts->name, sizeof facts->name, "%.63s", p.name);
    facts->architecture = 10 * p.major + p.minor;
    facts->processors = p.multiProcessorCount;
    return fn_device_check((int)cudaMemGetInfo(&facts->free_memory, &facts->memory),
                           "asking for the GPU's memory");
}

void *fn_device_stream(const fn_device *d)
{
    return d->stream;
}

fn_status fn_device_wait(fn_device *d)
{
    return fn_device_check((int)cudaStreamSynchronize(d->stream), "waiting for the GPU");
}

fn_status fn_device_alloc(fn_device *d, void **out, size_t bytes)
{
    size_t left = 0, all = 0;
    (void)d;
    *out = NULL;
    cudaError_t e = cudaMalloc(out, bytes ? bytes : 1);
    if (e != cudaErrorMemoryAllocation)
        return fn_device_check((int)e, "asking for memory of the GPU");
    cudaGetLastError(); /* or the next launch would report it */
    cudaMemGetInfo(&left, &all);
    return fn_fail(FN_ENOMEM,
                   "%zu MB of the GPU's memory are wanted, and %zu of its %zu MB are free",
                   bytes >> 20, left >> 20, all >> 20);
}

void fn_device_free(fn_device *d, void *p)
{
    (void)d;
    cudaFree(p);
}

fn_status fn_device_pin(fn_device *d, void **out, size_t bytes)
{
    (void)d;
    *out = NULL;
    cudaError_t e = cudaMallocHost(out, bytes ? bytes : 1);
    if (e != cudaErrorMemoryAllocation)
        return fn_device_check((int)e, "pinning memory");
    cudaGetLastError();
    return fn_fail(FN_ENOMEM, "no %zu MB of memory can be pinned", bytes >> 20);
}

void fn_device_unpin(fn_device *d, void *p)
{
    (void)d;
    cudaFreeHost(p);
}

static fn_status copy(cudaStream_t queue, void *to, const void *from, size_t bytes,
                      enum cudaMemcpyKind kind)
{
    return fn_device_check((int)cudaMemcpyAsync(to, from, bytes, kind, queue),
                           "a copy of the GPU");
}

fn_status fn_device_upload(fn_device *d, void *to, const void *from, size_t bytes)
{
    return copy(d->stream, to, from, bytes, cudaMemcpyHostToDevice);
}

fn_status fn_device_upload_beside(fn_device *d, void *to, const void *from, size_t bytes)
{
    return copy(d->uploads, to, from, bytes, cudaMemcpyHostToDevice);
}

fn_status fn_device_download(fn_device *d, void *to, const void *from, size_t bytes)
{
    return copy(d->stream, to, from, bytes, cudaMemcpyDeviceToHost);
}

fn_status fn_device_copy(fn_device *d, void *to, const void *from, size_t bytes)
{
    return copy(d->stream, to, from, bytes, cudaMemcpyDeviceToDevice);
}

fn_status fn_device_zero(fn_device *d, void *to, size_t bytes)
{
    return fn_device_check((int)cudaMemsetAsync(to, 0, bytes, d->stream),
                           "clearing memory of the GPU");
}

/* --- events --- */

/* Whoever waits sleeps: the cores are the decoders'. */
fn_status fn_event_open(fn_event **out, fn_device *d)
{
    fn_event *e = fn_alloc(1, sizeof *e);
    *out = NULL;
    if (!e)
        return fn_fail(FN_ENOMEM, "no memory for an event");
    e->device = d;
    fn_status rc = fn_device_check(
        (int)cudaEventCreateWithFlags(&e->event,
                                      cudaEventDisableTiming | cudaEventBlockingSync),
        "making an event");
    if (rc == FN_OK)
        *out = e;
    else
        fn_free(e);
    return rc;
}

void fn_event_close(fn_event *e)
{
    if (!e)
        return;
    cudaEventSynchronize(e->event);
    cudaEventDestroy(e->event);
    fn_free(e);
}

static cudaStream_t queue_of(const fn_event *e, fn_queue q)
{
    return q == FN_QUEUE_UPLOADS ? e->device->uploads : e->device->stream;
}

fn_status fn_event_record(fn_event *e, fn_queue q)
{
    return fn_device_check((int)cudaEventRecord(e->event, queue_of(e, q)),
                           "marking a place in a queue");
}

fn_status fn_event_follow(const fn_event *e, fn_queue q)
{
    return fn_device_check((int)cudaStreamWaitEvent(queue_of(e, q), e->event, 0),
                           "queueing behind an event");
}

fn_status fn_event_wait(const fn_event *e)
{
    return fn_device_check((int)cudaEventSynchronize(e->event), "waiting for the GPU");
}

/* --- recordings --- */

struct fn_recording {
    fn_device *device;
    cudaGraphExec_t graph;
};

/* Other threads may do as they like meanwhile. */
fn_status fn_device_record(fn_device *d)
{
    return fn_device_check(
        (int)cudaStreamBeginCapture(d->stream, cudaStreamCaptureModeThreadLocal),
        "recording");
}

static fn_status end_capture(fn_device *d, fn_recording *r)
{
    cudaGraph_t graph = NULL;
    fn_status rc = fn_device_check((int)cudaStreamEndCapture(d->stream, &graph),
                                   "recording");
    if (rc == FN_OK)
        rc = fn_device_check((int)cudaGraphInstantiateWithFlags(&r->graph, graph, 0),
                             "making a graph of what was recorded");
    if (graph)
        cudaGraphDestroy(graph);
    cudaGetLastError(); /* or the next launch would report it */
    return rc;
}

fn_status fn_device_recorded(fn_device *d, fn_recording **out)
{
    fn_recording *r = fn_alloc(1, sizeof *r);
    *out = NULL;
    if (!r) {
        fn_device_forget(d);
        return fn_fail(FN_ENOMEM, "no memory for a recording");
    }
    r->device = d;
    fn_status rc = end_capture(d, r);
    if (rc == FN_OK)
        *out = r;
    else
        fn_free(r);
    return rc;
}

void fn_device_forget(fn_device *d)
{
    cudaGraph_t graph = NULL;
    cudaStreamEndCapture(d->stream, &graph);
    if (graph)
        cudaGraphDestroy(graph);
    cudaGetLastError(); /* why it was spoilt, or the next launch would report it */
}

fn_status fn_recording_play(const fn_recording *r)
{
    return fn_device_check((int)cudaGraphLaunch(r->graph, r->device->stream),
                           "what was recorded");
}

void fn_recording_close(fn_recording *r)
{
    if (r)
        cudaGraphExecDestroy(r->graph);
    fn_free(r);
}
