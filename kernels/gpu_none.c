/* gpu.h in a build without CUDA: fn_gpu_open says so, and nobody gets as far as the others. */
#include "kernels/gpu.h"

fn_status fn_gpu_open(fn_gpu **out, int number)
{
    fn_device *none;
    *out = NULL;
    return fn_device_open(&none, number);
}

void fn_gpu_close(fn_gpu *g)
{
    (void)g;
}

static fn_status none(void)
{
    return fn_fail(FN_EINTERNAL, "a GPU is used that was never opened");
}

void fn_gpu_describe(const fn_gpu *g, char *text, size_t size)
{
    (void)g;
    if (size)
        *text = '\0';
}

void *fn_gpu_stream(const fn_gpu *g)
{
    (void)g;
    return NULL;
}

fn_status fn_gpu_wait(fn_gpu *g)
{
    (void)g;
    return none();
}

fn_status fn_gpu_alloc(fn_gpu *g, void **out, size_t bytes)
{
    (void)g, (void)out, (void)bytes;
    return none();
}

void fn_gpu_free(fn_gpu *g, void *p)
{
    (void)g, (void)p;
}

fn_status fn_gpu_zero(fn_gpu *g, void *to, size_t bytes)
{
    (void)g, (void)to, (void)bytes;
    return none();
}

/* NOLINTBEGIN(readability-non-const-parameter): who has a GPU writes to these */
fn_status fn_gpu_bring(fn_gpu *g, void *to, fn_type type, const float *from, int64_t count)
{
    (void)g, (void)to, (void)type, (void)from, (void)count;
    return none();
}

fn_status fn_gpu_fetch(fn_gpu *g, float *to, const void *from, fn_type type, int64_t count)
{
    (void)g, (void)to, (void)from, (void)type, (void)count;
    return none();
}
/* NOLINTEND(readability-non-const-parameter) */
