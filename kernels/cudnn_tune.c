/* The fastest engine by the clock of the device. */
#include "core/mem.h"
#include "kernels/cudnn.h"
#include "kernels/cudnn_backend.h"

#include <float.h>

#include <cuda_runtime_api.h>

enum { RUNS = 5 }; /* that are timed, after one that is not */

static fn_status check(cudaError_t e, const char *doing)
{
    return e == cudaSuccess ? FN_OK
                            : fn_fail(FN_EDEVICE, "%s: %s", doing, cudaGetErrorString(e));
}

/* All engines that may compute it, as they would be written down; fn_free. */
static fn_status list(fn_engine **out, int *n, fn_cudnn *c, const fn_cudnn_conv *what)
{
    fn_cudnn_configs found;
    fn_cudnn_bag *b = fn_alloc(1, sizeof *b);
    fn_engine *e = fn_alloc(FN_CUDNN_CONFIGS, sizeof *e);
    fn_status rc = FN_OK;
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

static fn_status time_runs(float *ms, fn_cudnn_plan *p, const fn_cudnn_data *data,
                           const cudaEvent_t event[2])
{
    FN_TRY(fn_cudnn_plan_run(p, data));
    FN_TRY(check(cudaEventRecord(event[0], p->c->stream), "timing an engine"));
    for (int i = 0; i < RUNS; i++)
        FN_TRY(fn_cudnn_plan_run(p, data));
    FN_TRY(check(cudaEventRecord(event[1], p->c->stream), "timing an engine"));
    FN_TRY(check(cudaEventSynchronize(event[1]), "timing an engine"));
    return check(cudaEventElapsedTime(ms, event[0], event[1]), "timing an engine");
}

/* An engine that is refused or wants more workspace takes for ever. */
static fn_status time_engine(float *ms, fn_cudnn *c, const fn_cudnn_conv *what,
                             const fn_engine *engine, const fn_cudnn_data *data,
                             size_t workspace, const cudaEvent_t event[2])
{
    fn_cudnn_plan *p;
    *ms = FLT_MAX;
    fn_status rc = fn_cudnn_plan_open_on(&p, c, what, engine);
    if (rc == FN_EUNSUPPORTED)
        return FN_OK;
    if (rc == FN_OK && p->workspace <= workspace)
        rc = time_runs(ms, p, data, event);
    fn_cudnn_plan_close(p);
    return rc;
}

fn_status fn_cudnn_tune(fn_engine *fastest, fn_cudnn *c, const fn_cudnn_conv *what,
                        const fn_cudnn_data *data, size_t workspace)
{
    fn_engine *engine = NULL;
    cudaEvent_t event[2] = {NULL, NULL};
    float least = FLT_MAX, ms;
    fn_status rc = FN_OK;
    int n = 0;
    if (!c->handle)
        return fn_fail(FN_EUNSUPPORTED, "%s is only described: nothing runs on it",
                       c->where);
    FN_GO(list(&engine, &n, c, what));
    FN_GO(check(cudaEventCreate(&event[0]), "an event"));
    FN_GO(check(cudaEventCreate(&event[1]), "an event"));
    for (int i = 0; i < n; i++) {
        FN_GO(time_engine(&ms, c, what, &engine[i], data, workspace, event));
        if (ms < least) {
            least = ms;
            *fastest = engine[i];
        }
    }
    if (least == FLT_MAX)
        rc = fn_fail(FN_EUNSUPPORTED, "no engine fits into %zu bytes of workspace",
                     workspace);
out:
    for (int i = 0; i < 2; i++)
        if (event[i])
            cudaEventDestroy(event[i]);
    fn_free(engine);
    return rc;
}
