/* test_cuda_runtime.c -- core/device_cuda.c over a CUDA runtime of the test's own, which fails as
 * it is told: each failure has its status and its sentence. What it does not define is the real
 * one's. */
#include "core/device.h"
#include "tests/test.h"

#include <cuda_runtime_api.h>

/* The machine, and what each call comes to. */
static struct {
    int driver, gpus, architecture; /* 13000; how many; 90 */
    size_t memory, used;
    cudaError_t count, stream, wait, copy, last;
} is;

static void reset(void)
{
    memset(&is, 0, sizeof is);
    is.driver = 13000;
    is.gpus = 2;
    is.architecture = 90;
    is.memory = (size_t)80 << 30;
}

/* --- the runtime --- */

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = is.gpus;
    return is.count;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = is.driver;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr what, int device)
{
    (void)device;
    *value = what == cudaDevAttrComputeCapabilityMajor ? is.architecture / 10
                                                       : is.architecture % 10;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device)
{
    (void)device;
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "a GPU");
    p->major = is.architecture / 10;
    p->minor = is.architecture % 10;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    (void)device;
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags)
{
    (void)flags;
    *out = NULL;
    return is.stream;
}

cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    (void)s;
    return is.wait;
}

cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    (void)s;
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *left, size_t *all)
{
    *all = is.memory;
    *left = is.memory - is.used;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **out, size_t bytes)
{
    if (is.used + bytes > is.memory)
        return is.last = cudaErrorMemoryAllocation;
    *out = malloc(1);
    return cudaSuccess;
}

cudaError_t cudaFree(void *p)
{
    free(p);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **out, size_t bytes)
{
    (void)out, (void)bytes;
    return is.last = cudaErrorMemoryAllocation;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes,
                            enum cudaMemcpyKind kind, cudaStream_t s)
{
    (void)to, (void)from, (void)bytes, (void)kind, (void)s;
    return is.copy;
}

cudaError_t cudaGetLastError(void)
{
    cudaError_t e = is.last;
    is.last = cudaSuccess;
    return e;
}

/* --- no GPU to be used --- */

static void check_none(const char *part)
{
    fn_device *d = (fn_device *)&is;
    CHECK_FAILS(fn_device_open(&d, 0), FN_ENODEVICE, part);
    CHECK(!d);
}

TEST(a_machine_without_a_gpu)
{
    reset();
    is.gpus = 0;
    check_none("there is no GPU on this machine: use the CPU");
    is.count = cudaErrorNoDevice;
    check_none("there is no GPU on this machine: use the CPU");
}

TEST(a_driver_that_is_missing_or_too_old)
{
    reset();
    is.count = cudaErrorInsufficientDriver;
    is.driver = 0;
    check_none("there is no driver of a GPU on this machine: use the CPU");
    is.driver = 12040;
    check_none("the GPU's driver is for CUDA 12.4 and 13.");
    check_none("is wanted: update it");
    is.count = cudaErrorSystemNotReady;
    check_none("no GPU can be used: cudaErrorSystemNotReady (");
}

TEST(a_gpu_of_the_wrong_architecture)
{
    reset();
    is.architecture = 75;
    check_none("GPU 0 is of architecture sm_75; sm_80 (A100, 2020) is the oldest");
    CHECK_FAILS(fn_device_check(cudaErrorNoKernelImageForDevice, "relu"), FN_ENODEVICE,
                "relu: this program holds no code that the GPU runs");
}

TEST(a_gpu_that_is_not_among_them)
{
    fn_device *d;
    reset();
    CHECK_FAILS(fn_device_open(&d, 2), FN_EINVAL, "there is no GPU 2: they are 0 to 1");
}

TEST(a_gpu_that_cannot_be_opened)
{
    fn_device *d = (fn_device *)&is;
    reset();
    is.stream = cudaErrorDevicesUnavailable;
    CHECK_FAILS(fn_device_open(&d, 0), FN_EDEVICE,
                "opening the GPU: the GPU reports cudaErrorDevicesUnavailable (");
    CHECK(!d);
}

/* --- at work --- */

static fn_device *open_one(void)
{
    fn_device *d;
    reset();
    MUST(fn_device_open(&d, 1));
    return d;
}

TEST(memory_that_is_not_there)
{
    void *p = &is;
    fn_device *d = open_one();
    is.used = (size_t)79 << 30;
    CHECK_FAILS(
        fn_device_alloc(d, &p, (size_t)3 << 30), FN_ENOMEM,
        "3072 MB of the GPU's memory are wanted, and 1024 of its 81920 MB are free");
    CHECK(!p);
    CHECK_INT(is.last, cudaSuccess); /* or the next launch would report it */
    CHECK_FAILS(fn_device_pin(d, &p, 5 << 20), FN_ENOMEM,
                "no 5 MB of memory can be pinned");
    CHECK_INT(is.last, cudaSuccess);
    CHECK_OK(fn_device_alloc(d, &p, 0));
    fn_device_free(d, p);
    fn_device_close(d);
}

TEST(a_kernel_that_cannot_start)
{
    CHECK_FAILS(fn_device_check(cudaErrorLaunchOutOfResources, "maxpool"), FN_EDEVICE,
                "maxpool: the GPU reports cudaErrorLaunchOutOfResources (");
    CHECK(!strstr(fn_last_error(), "trusted"));
    CHECK_FAILS(fn_device_check(cudaErrorMemoryAllocation, "maxpool"), FN_ENOMEM,
                "maxpool: the GPU has no memory left for it");
}

TEST(a_kernel_that_broke_off)
{
    static const cudaError_t faults[] = {cudaErrorIllegalAddress, cudaErrorLaunchFailure,
                                         cudaErrorECCUncorrectable, cudaErrorAssert};
    char x = 0;
    fn_device *d = open_one();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        is.wait = is.copy = faults[i];
        CHECK_FAILS(fn_device_wait(d), FN_EDEVICE, cudaGetErrorName(faults[i]));
        CHECK(strstr(fn_last_error(),
                     "of work that was queued before; nothing there can be "
                     "trusted any more"));
        CHECK_FAILS(fn_device_download(d, &x, &x, 1), FN_EDEVICE, "a copy of the GPU: ");
    }
    fn_device_close(d);
}
