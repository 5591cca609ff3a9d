/* gpu_net.c -- our side of bench/gpu.py's cases: bench_net's, on a GPU.
 *
 *   gpu_net forward MODEL BATCH IMAGES PRECISION
 *   gpu_net step MODEL PEOPLE FACES IMAGES PRECISION
 *
 * IMAGES begins with the floats [N, H, W, C] of the batch, as the network sees them. They go to the
 * GPU before anything is timed. */
#include "bench/gpu_step.h"
#include "bench/wire.h"
#include "kernels/precision.h"
#include "nn/model.h"

typedef struct bench {
    fn_gpu *gpu;
    fn_model *model;
    fn_params *params; /* of a step; a forward pass reads the model's */
    fn_gpu_step step;
    float *embedding; /* [n, dim] */
} bench;

/* --- one run --- */

static fn_status run(void *ctx)
{
    bench *b = ctx;
    return fn_gpu_step_queue(&b->step);
}

static fn_status wait(void *ctx)
{
    bench *b = ctx;
    return fn_gpu_wait(b->gpu);
}

static fn_status say(bench *b, char words[128])
{
    fn_step_report r;
    size_t at = 0;
    *words = '\0';
    if (b->step.step) {
        FN_TRY(fn_step_cuda_ask(b->step.step, &r));
        at = (size_t)snprintf(words, 128, "triplets %lld loss %.9g gradient %.9g ",
                              (long long)r.triplets, r.loss.loss, r.gradient);
    }
    snprintf(words + at, 128 - at, "memory_mb %zu", fn_gpu_step_memory(&b->step) >> 20);
    return FN_OK;
}

/* A failure leaves no floats, and so agrees with nobody. */
static const float *result(void *ctx, size_t *count, char words[128])
{
    bench *b = ctx;
    size_t bytes = fn_gpu_step_bytes(&b->step);
    const void *e = b->step.e ? b->step.e : fn_plan_place_of(b->step.plan).output;
    *count = 0;
    if (say(b, words) == FN_OK &&
        fn_device_download(b->gpu->device, b->embedding, e, bytes) == FN_OK &&
        fn_gpu_wait(b->gpu) == FN_OK)
        *count = bytes / sizeof(float);
    else
        snprintf(words, 128, "%.127s", fn_last_error());
    return b->embedding;
}

/* --- set-up --- */

static fn_status read_images(float **x, const char *path, size_t count)
{
    FILE *f = fopen(path, "rb");
    *x = fn_alloc_aligned(count * sizeof **x);
    size_t got = f && *x ? fread(*x, sizeof **x, count, f) : 0;
    if (f)
        fclose(f);
    if (got == count)
        return FN_OK;
    fn_free(*x);
    *x = NULL;
    return fn_fail(FN_EDATA, "%s: %zu of %zu floats could be read", path, got, count);
}

static fn_status open_params(bench *b, const fn_graph *g)
{
    FN_TRY(fn_params_open(&b->params, g, true));
    memcpy(b->params->value, b->model->params->value,
           (size_t)b->params->count * sizeof(float));
    return FN_OK;
}

/* people is 0 for a forward pass; faces is the batch then. */
static fn_status open_bench(bench *b, const char *model, int people, int faces,
                            const char *images, fn_precision precision)
{
    fn_graph *g = NULL;
    float *x = NULL;
    fn_status rc;
    FN_TRY(fn_gpu_open(&b->gpu, 0));
    FN_TRY(fn_model_open(&b->model, model));
    FN_GO(fn_net_build(&g, b->model->net, people ? people * faces : faces, people > 0));
    FN_GO(read_images(&x, images, (size_t)fn_numel(g->value[0].shape)));
    if (people)
        FN_GO(open_params(b, g));
    FN_GO(fn_gpu_step_open(&b->step, b->gpu, g, people ? b->params : b->model->params,
                           precision, x, people));
    b->embedding = fn_alloc_aligned(fn_gpu_step_bytes(&b->step));
    if (!b->embedding)
        rc = fn_fail(FN_ENOMEM, "no memory for %d embeddings", b->step.batch);
out:
    fn_free(x);
    fn_graph_close(g);
    return rc;
}

static void close_bench(bench *b)
{
    fn_gpu_step_close(&b->step);
    fn_params_close(b->params);
    fn_model_close(b->model);
    fn_gpu_close(b->gpu);
    fn_free(b->embedding);
}

static int number(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
    bench b = {NULL};
    fn_wire w = {.ctx = &b, .run = run, .wait = wait, .result = result};
    int precision = argc > 5 ? fn_precision_find(argv[argc - 1]) : -1;
    fn_status rc;
    if (argc == 6 && strcmp(argv[1], "forward") == 0 && precision >= 0)
        rc = open_bench(&b, argv[2], 0, number(argv[3]), argv[4], (fn_precision)precision);
    else if (argc == 7 && strcmp(argv[1], "step") == 0 && precision >= 0)
        rc = open_bench(&b, argv[2], number(argv[3]), number(argv[4]), argv[5],
                        (fn_precision)precision);
    else
        rc = fn_fail(FN_EINVAL,
                     "usage: gpu_net forward MODEL BATCH IMAGES PRECISION | step "
                     "MODEL PEOPLE FACES IMAGES PRECISION");
    if (rc == FN_OK)
        rc = fn_wire_serve(&w);
    close_bench(&b);
    return fn_wire_end(rc);
}
