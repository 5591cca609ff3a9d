/* bench_net.c -- our side of bench/run.py's cases of a network.
 *
 *   bench_net model NET FILE                           a model of random weights
 *   bench_net forward MODEL BATCH THREADS IMAGES PRECISION       embeddings
 *   bench_net step MODEL PEOPLE FACES THREADS IMAGES PRECISION   a whole training step
 *
 * IMAGES are floats [N, H, W, C] as the network sees them. A step is fn_trainer_step's but for
 * the loader: forward, distances, mining, loss, backward, AdaGrad, packing of the new weights.
 * Its rate is so small that the weights, and so the work of mining, stay where they are. */
#include "bench/wire.h"
#include "core/rng.h"
#include "kernels/threads.h"
#include "nn/gauge.h"
#include "nn/model.h"
#include "nn/plan.h"
#include "train/loss.h"
#include "train/mine.h"
#include "train/optim.h"

#include <math.h>

#define MARGIN 0.2f
#define RATE   1e-7f

typedef struct bench {
    fn_model *model;
    fn_params *params; /* of a step; a forward pass reads the model's */
    fn_plan *plan;
    float *image;
    int batch, dim;
    fn_precision precision;
    /* of a step */
    fn_optim *optim;
    int *label;
    float *distance, *gradient; /* [n, n], [n, dim] */
    float *embedding;           /* [n, dim]: backward may take the plan's output away */
    fn_triplets triplets;
    fn_loss loss;
} bench;

/* --- one run --- */

static fn_status forward(void *ctx)
{
    bench *b = ctx;
    return fn_plan_forward(b->plan, b->image);
}

static fn_status step(void *ctx)
{
    bench *b = ctx;
    FN_TRY(fn_plan_forward(b->plan, b->image));
    const float *e = fn_plan_output(b->plan, 0);
    FN_TRY(fn_distances(b->distance, e, b->batch, b->dim));
    fn_faces faces = {e, b->distance, b->label, b->batch, b->dim};
    FN_TRY(fn_mine(&b->triplets, &faces, &(fn_mine_options){.margin = MARGIN}));
    FN_TRY(fn_triplet_loss(&b->loss, b->gradient, &faces, &b->triplets, MARGIN,
                           FN_REDUCE_MEAN));
    memcpy(b->embedding, e, (size_t)b->batch * (size_t)b->dim * sizeof *e);
    FN_TRY(fn_plan_backward(b->plan, b->gradient));
    fn_optim_step(b->optim, RATE, 1);
    return fn_plan_load(b->plan);
}

static const float *embeddings(void *ctx, size_t *count, char words[128])
{
    bench *b = ctx;
    *words = '\0'; /* the floats say all */
    *count = (size_t)b->batch * (size_t)b->dim;
    return fn_plan_output(b->plan, 0);
}

static const float *step_result(void *ctx, size_t *count, char words[128])
{
    bench *b = ctx;
    snprintf(words, 128, "triplets %lld loss %.9g gradient %.9g", (long long)b->triplets.n,
             b->loss.loss, fn_optim_norm(b->optim));
    *count = (size_t)b->batch * (size_t)b->dim;
    return b->embedding;
}

/* --- set-up --- */

/* In u8 with the ranges of the images, which are what it will see. */
static fn_status open_plan(bench *b, const fn_graph *g)
{
    fn_params *p = b->params ? b->params : b->model->params;
    fn_plan_options o = {.backend = FN_CPU, .precision = b->precision};
    b->dim = (int)g->value[g->output[0]].shape.dim[1];
    FN_TRY(b->precision == FN_PRECISION_U8 ? fn_gauge_open_plan(&b->plan, g, p, o, b->image)
                                           : fn_plan_open(&b->plan, g, p, o));
    return fn_plan_load(b->plan);
}

static fn_status open_training(bench *b, const fn_graph *g, int people, int faces)
{
    size_t n = (size_t)b->batch, dim = (size_t)g->value[g->output[0]].shape.dim[1];
    fn_optim_options o = {.kind = FN_ADAGRAD, .eps = 1e-8f, .initial = 0.1f};
    FN_TRY(fn_params_open(&b->params, g, true));
    memcpy(b->params->value, b->model->params->value,
           (size_t)b->params->count * sizeof(float));
    FN_TRY(fn_optim_open(&b->optim, b->params, o));
    b->label = fn_alloc(n, sizeof *b->label);
    b->distance = fn_alloc_aligned(n * n * sizeof(float));
    b->gradient = fn_alloc_aligned(n * dim * sizeof(float));
    b->embedding = fn_alloc_aligned(n * dim * sizeof(float));
    if (!b->label || !b->distance || !b->gradient || !b->embedding)
        return fn_fail(FN_ENOMEM, "no memory for %d x %d faces", people, faces);
    for (int i = 0; i < b->batch; i++)
        b->label[i] = i / faces;
    return FN_OK;
}

/* people is 0 for a forward pass; faces is the batch then. */
static fn_status open_bench(bench *b, const char *model, int people, int faces,
                            const char *images)
{
    fn_graph *g = NULL;
    fn_status rc;
    b->batch = people ? people * faces : faces;
    FN_TRY(fn_model_open(&b->model, model));
    FN_GO(fn_net_build(&g, b->model->net, b->batch, people > 0));
    FN_GO(fn_wire_floats(&b->image, images, (size_t)fn_numel(g->value[0].shape)));
    if (people)
        FN_GO(open_training(b, g, people, faces));
    rc = open_plan(b, g);
out:
    fn_graph_close(g);
    return rc;
}

static void close_bench(bench *b)
{
    fn_plan_close(b->plan);
    fn_optim_close(b->optim);
    fn_params_close(b->params);
    fn_model_close(b->model);
    fn_triplets_free(&b->triplets);
    fn_free(b->image);
    fn_free(b->label);
    fn_free(b->distance);
    fn_free(b->gradient);
    fn_free(b->embedding);
}

/* --- a model --- */

/* Biases, gains and statistics differ from 0 and 1, so that a peer cannot leave one out. */
static void roughen(fn_params *p)
{
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    fn_params_init(p, 1);
    for (int i = 0; i < p->n; i++)
        for (int64_t k = 0; p->param[i].shape.rank == 1 && k < p->param[i].count; k++)
            p->value[p->param[i].offset + k] += (float)fn_rng_range(&r, 0, 0.3);
}

static fn_status make_model(const char *name, const char *path)
{
    fn_record record = {.crop = "none", .view = 1, .threshold = NAN};
    fn_net *net = NULL;
    fn_graph *g = NULL;
    fn_params *p = NULL;
    fn_status rc;
    FN_GO(fn_net_open(&net, name, NULL));
    FN_GO(fn_net_build(&g, net, 1, false));
    FN_GO(fn_params_open(&p, g, false));
    roughen(p);
    rc = fn_model_save(path, net, p, &record);
out:
    fn_params_close(p);
    fn_graph_close(g);
    fn_net_close(net);
    return rc;
}

static fn_precision precision(const char *text)
{
    return strcmp(text, "bf16") == 0 ? FN_PRECISION_BF16
           : strcmp(text, "u8") == 0 ? FN_PRECISION_U8
                                     : FN_PRECISION_FP32;
}

static int number(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
    bench b = {NULL};
    fn_wire w = {.ctx = &b, .run = forward, .result = embeddings};
    fn_status rc;
    if (argc == 4 && strcmp(argv[1], "model") == 0) {
        rc = make_model(argv[2], argv[3]);
    } else if (argc == 7 && strcmp(argv[1], "forward") == 0) {
        fn_threads_set(number(argv[4]));
        b.precision = precision(argv[6]);
        rc = open_bench(&b, argv[2], 0, number(argv[3]), argv[5]);
    } else if (argc == 8 && strcmp(argv[1], "step") == 0) {
        fn_threads_set(number(argv[5]));
        b.precision = precision(argv[7]);
        w = (fn_wire){.ctx = &b, .run = step, .result = step_result};
        rc = open_bench(&b, argv[2], number(argv[3]), number(argv[4]), argv[6]);
    } else {
        rc = fn_fail(FN_EINVAL,
                     "usage: bench_net model NET FILE | forward MODEL BATCH "
                     "THREADS IMAGES PRECISION | step MODEL PEOPLE FACES THREADS "
                     "IMAGES PRECISION");
    }
    if (rc == FN_OK && b.plan)
        rc = fn_wire_serve(&w);
    close_bench(&b);
    return fn_wire_end(rc);
}
