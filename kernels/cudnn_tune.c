/* The fastest engine by the clock of the device. */
#include "core/clock.h"
#include "core/mem.h"
#include "kernels/cudnn.h"
#include "kernels/cudnn_backend.h"

#include <float.h>
#include <stdio.h>

#include <cuda_runtime_api.h>

enum { RUNS = 5 };   /* that are timed */
enum { SLOWER = 2 }; /* times the fastest so far, in one run: no more of it */

static fn_status check(cudaError_t e, const char *doing)
{
    return e == cudaSuccess ? FN_OK
                            : fn_fail(FN_EDEVICE, "%s: %s", doing, cudaGetErrorString(e));
}

fn_status fn_cudnn_candidates(fn_engine **out, int *n, fn_cudnn *c,
                              const fn_cudnn_conv *what)
{
    fn_cudnn_configs found;
    fn_cudnn_bag *b = fn_alloc(1, sizeof *b);
    fn_engine *e = fn_alloc(FN_CUDNN_CONFIGS, sizeof *e);
    fn_status rc = FN_OK;
    *out = NULL;
    if (!b || !e)
        FN_GO(fn_fail(FN_ENOMEM, "no memory for the list of engines"));
    FN_GO(fn_cudnn_check(what));
    fn_cudnn_find(&found, b, c, fn_cudnn_graph(b, what), what->precision);
    for (int i = 0; i < found.n; i++)
        fn_cudnn_read_engine(&e[i], b, found.config[i]);
    FN_GO(fn_cudnn_status(b, "cuDNN's list of engines"));
    *out = e;
    *n = found.n;
    e = NULL;
out:
    if (b)
        fn_cudnn_drop(b, 0, NULL, 0);
    fn_free(b);
    fn_free(e);
    return rc;
}

/* --- memory --- */

/* Every byte is 0x3c: small positive numbers, as float and as bfloat16. Zeros would let the
 * device run cooler than it does in training. */
static fn_status allocate(void **out, size_t bytes)
{
    if (!bytes)
        return FN_OK;
    if (cudaMalloc(out, bytes) != cudaSuccess)
        return fn_fail(FN_ENOMEM, "no %zu bytes of device memory to time engines on",
                       bytes);
    return check(cudaMemset(*out, 0x3c, bytes), "filling device memory");
}

static void release(fn_cudnn_data *d)
{
    void *all[] = {d->x, d->dx, d->w, d->b, d->y, d->workspace};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        cudaFree(all[i]);
}

static fn_status allocate_all(fn_cudnn_data *d, const fn_cudnn_conv *what, size_t workspace)
{
    fn_cudnn_sizes s = fn_cudnn_sizes_of(what);
    FN_TRY(allocate(&d->x, s.x));
    FN_TRY(allocate(&d->dx, s.dx));
    FN_TRY(allocate(&d->w, s.w));
    FN_TRY(allocate(&d->b, s.b));
    FN_TRY(allocate(&d->y, s.y));
    return allocate(&d->workspace, workspace);
}

/* --- time --- */

typedef struct timer {
    fn_cudnn_data data;
    size_t workspace; /* bytes of it */
    double end;       /* by fn_clock() */
    cudaEvent_t start, stop;
} timer;

/* Milliseconds of one of `runs`. */
static fn_status time_runs(float *ms, fn_cudnn_plan *p, const timer *k, int runs)
{
    static const char doing[] = "timing an engine";
    FN_TRY(check(cudaEventRecord(k->start, p->c->stream), doing));
    for (int i = 0; i < runs; i++)
        FN_TRY(fn_cudnn_plan_run(p, &k->data));
    FN_TRY(check(cudaEventRecord(k->stop, p->c->stream), doing));
    FN_TRY(check(cudaEventSynchronize(k->stop), doing));
    FN_TRY(check(cudaEventElapsedTime(ms, k->start, k->stop), doing));
    *ms /= (float)runs;
    return FN_OK;
}

static fn_status time_plan(float *ms, fn_cudnn_plan *p, const timer *k, float least)
{
    FN_TRY(fn_cudnn_plan_run(p, &k->data)); /* its kernels are loaded */
    FN_TRY(time_runs(ms, p, k, 1));
    return *ms > SLOWER * least ? FN_OK : time_runs(ms, p, k, RUNS);
}

/* An engine that is refused, wants more workspace or fails takes for ever; unless it took the GPU
 * with it. */
static fn_status time_engine(float *ms, fn_cudnn_tuned *t, fn_cudnn *c,
                             const fn_cudnn_conv *what, const fn_engine *engine,
                             const timer *k)
{
    fn_cudnn_plan *p;
    *ms = FLT_MAX;
    fn_status rc = fn_cudnn_plan_open_on(&p, c, what, engine);
    if (rc == FN_EUNSUPPORTED)
        return FN_OK;
    if (rc == FN_OK && p->workspace <= k->workspace)
        rc = time_plan(ms, p, k, t->ms);
    fn_cudnn_plan_close(p);
    if (rc == FN_OK || cudaDeviceSynchronize() != cudaSuccess)
        return rc;
    cudaGetLastError(); /* or the next launch is told of it */
    t->failed++;
    snprintf(t->failure, sizeof t->failure, "%s", fn_last_error());
    *ms = FLT_MAX;
    return FN_OK;
}

static fn_status time_all(fn_cudnn_tuned *t, fn_cudnn *c, const fn_cudnn_conv *what,
                          const fn_engine *engine, int n, const timer *k)
{
    float ms;
    *t = (fn_cudnn_tuned){.ms = FLT_MAX};
    for (int i = 0; i < n && (i == 0 || fn_clock() < k->end); i++) {
        FN_TRY(time_engine(&ms, t, c, what, &engine[i], k));
        if (ms == FLT_MAX)
            continue;
        if (t->timed++ == 0)
            t->first_ms = ms;
        if (ms < t->ms) {
            t->ms = ms;
            t->fastest = engine[i];
        }
    }
    if (t->timed == 0)
        return fn_fail(FN_EUNSUPPORTED,
                       "no engine that could be tried does with %zu bytes of workspace",
                       k->workspace);
    return FN_OK;
}

fn_status fn_cudnn_tune(fn_cudnn_tuned *t, fn_cudnn *c, const fn_cudnn_conv *what,
                        size_t workspace, double seconds)
{
    char text[FN_CUDNN_TEXT];
    timer k = {.workspace = workspace, .end = fn_clock() + seconds};
    fn_engine *engine = NULL;
    fn_status rc = FN_OK;
    int n = 0;
    if (!c->handle)
        return fn_fail(FN_EUNSUPPORTED, "%s is only described: nothing runs on it",
                       c->where);
    FN_GO(fn_cudnn_candidates(&engine, &n, c, what));
    FN_GO(allocate_all(&k.data, what, workspace));
    FN_GO(check(cudaEventCreate(&k.start), "an event"));
    FN_GO(check(cudaEventCreate(&k.stop), "an event"));
    FN_GO(time_all(t, c, what, engine, n, &k));
out:
    if (k.start)
        cudaEventDestroy(k.start);
    if (k.stop)
        cudaEventDestroy(k.stop);
    release(&k.data);
    fn_free(engine);
    fn_cudnn_text(text, what);
    return rc == FN_OK ? FN_OK : fn_context(rc, "%s", text);
}
