#include "core/mem.h"
#include "kernels/cublas.h"
#include "kernels/cudnn.h"
#include "kernels/gpu.h"
#include "kernels/launch.h"

#include <stdio.h>

static fn_status choose_engines(fn_gpu *g)
{
    fn_device_facts f;
    FN_TRY(fn_device_ask(g->device, &f));
    FN_TRY(fn_engines_open_for(&g->engines, f.name));
    fn_cudnn_choose_from(g->cudnn, g->engines);
    return FN_OK;
}

static fn_status open_libraries(fn_gpu *g, int number)
{
    FN_TRY(fn_device_open(&g->device, number));
    FN_TRY(fn_device_check(fn_launch_probe(), "looking at the GPU"));
    FN_TRY(fn_cudnn_open(&g->cudnn, fn_gpu_stream(g)));
    FN_TRY(choose_engines(g));
    FN_TRY(fn_cublas_open(&g->cublas, fn_gpu_stream(g)));
    g->compiles = fn_cudnn_can_compile(g->cudnn) == FN_OK;
    return FN_OK;
}

fn_status fn_gpu_open(fn_gpu **out, int number)
{
    *out = NULL;
    fn_gpu *g = fn_alloc(1, sizeof *g);
    if (!g)
        return fn_fail(FN_ENOMEM, "no memory for a GPU");
    fn_status rc = open_libraries(g, number);
    if (rc == FN_OK)
        *out = g;
    else
        fn_gpu_close(g);
    return rc;
}

void fn_gpu_close(fn_gpu *g)
{
    if (!g)
        return;
    if (g->floats)
        fn_gpu_free(g, g->floats);
    fn_cublas_close(g->cublas);
    fn_cudnn_close(g->cudnn);
    fn_engines_close(g->engines);
    fn_device_close(g->device);
    fn_free(g);
}

void fn_gpu_describe(const fn_gpu *g, char *text, size_t size)
{
    fn_device_facts f;
    if (fn_device_ask(g->device, &f) == FN_OK)
        snprintf(text, size, "cuda, %s, %zu GB", f.name, f.memory >> 30);
    else
        snprintf(text, size, "cuda, %s", fn_last_error());
}

void *fn_gpu_stream(const fn_gpu *g)
{
    return fn_device_stream(g->device);
}

fn_status fn_gpu_wait(fn_gpu *g)
{
    return fn_device_wait(g->device);
}

fn_status fn_gpu_alloc(fn_gpu *g, void **out, size_t bytes)
{
    return fn_device_alloc(g->device, out, bytes);
}

void fn_gpu_free(fn_gpu *g, void *p)
{
    fn_device_free(g->device, p);
}

fn_status fn_gpu_zero(fn_gpu *g, void *to, size_t bytes)
{
    return fn_device_zero(g->device, to, bytes);
}

static fn_status cast(fn_gpu *g, void *to, fn_type to_type, const void *from, fn_type type,
                      int64_t count)
{
    return fn_device_check(
        fn_launch_cast(to, (int)to_type, from, (int)type, count, fn_gpu_stream(g)),
        "changing the type of numbers");
}

/* Until the GPU is closed. */
static fn_status claim_floats(fn_gpu *g)
{
    return g->floats ? FN_OK
                     : fn_gpu_alloc(g, (void **)&g->floats, FN_GPU_FLOATS * sizeof(float));
}

static int64_t piece_of(int64_t left)
{
    return left < FN_GPU_FLOATS ? left : FN_GPU_FLOATS;
}

static fn_status bring_rounded(fn_gpu *g, uint16_t *to, const float *from, int64_t count)
{
    FN_TRY(claim_floats(g));
    for (int64_t at = 0; at < count; at += FN_GPU_FLOATS) {
        int64_t n = piece_of(count - at);
        FN_TRY(fn_device_upload(g->device, g->floats, from + at, (size_t)n * sizeof *from));
        FN_TRY(cast(g, to + at, FN_BF16, g->floats, FN_F32, n));
    }
    return FN_OK;
}

static fn_status fetch_rounded(fn_gpu *g, float *to, const uint16_t *from, int64_t count)
{
    FN_TRY(claim_floats(g));
    for (int64_t at = 0; at < count; at += FN_GPU_FLOATS) {
        int64_t n = piece_of(count - at);
        FN_TRY(cast(g, g->floats, FN_F32, from + at, FN_BF16, n));
        FN_TRY(fn_device_download(g->device, to + at, g->floats, (size_t)n * sizeof *to));
    }
    return FN_OK;
}

fn_status fn_gpu_bring(fn_gpu *g, void *to, fn_type type, const float *from, int64_t count)
{
    if (type == FN_BF16)
        return bring_rounded(g, to, from, count);
    return fn_device_upload(g->device, to, from, (size_t)count * sizeof *from);
}

fn_status fn_gpu_fetch(fn_gpu *g, float *to, const void *from, fn_type type, int64_t count)
{
    if (type == FN_BF16)
        FN_TRY(fetch_rounded(g, to, from, count));
    else
        FN_TRY(fn_device_download(g->device, to, from, (size_t)count * sizeof *to));
    return fn_device_wait(g->device);
}
