#include "train/trainer.h"

#include "core/mem.h"
#include "kernels/threads.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PATIENCE = 3 }; /* non-finite steps in a row before giving up */

static fn_status open_plan(fn_trainer *t, fn_plan **out, int batch)
{
    const fn_config *c = &t->config;
    fn_graph *g = NULL;
    fn_status rc;
    FN_TRY(fn_net_build(&g, t->net, batch, true));
    if (!t->params) {
        t->dim = (int)g->value[g->output[0]].shape.dim[1];
        FN_GO(fn_params_open(&t->params, g, true));
        fn_params_init(t->params, (uint64_t)c->seed);
    }
    rc = fn_plan_open(out, g, t->params,
                      (fn_plan_options){.backend = t->gpu ? FN_CUDA : FN_CPU,
                                        .exact = c->exact,
                                        .precision = (fn_precision)c->precision,
                                        .gpu = t->gpu});
    if (rc == FN_ENOMEM)
        rc = fn_context(rc, "train.chunk is %d; a smaller one takes less", t->chunk);
out:
    fn_graph_close(g);
    return rc;
}

/* A GPU that cannot be used is an error where it was asked for. */
static fn_status open_device(fn_trainer *t)
{
    if (t->config.device == FN_DEVICE_CPU)
        return FN_OK;
    fn_status rc = fn_gpu_open(&t->gpu, 0);
    return rc == FN_EUNSUPPORTED && t->config.device == FN_DEVICE_AUTO ? FN_OK : rc;
}

static fn_status open_network(fn_trainer *t)
{
    const fn_config *c = &t->config;
    int n = fn_sampler_size(t->sampler);
    t->chunk = c->chunk > 0 && c->chunk < n ? c->chunk : n;
    FN_TRY(fn_net_open(&t->net, c->net, NULL));
    FN_TRY(open_plan(t, &t->plan, t->chunk));
    return n % t->chunk ? open_plan(t, &t->rest, n % t->chunk) : FN_OK;
}

static fn_status open_data(fn_trainer *t)
{
    const fn_config *c = &t->config;
    FN_TRY(fn_pack_open(&t->pack, c->train_pack));
    fn_sampler_options o = {c->people, c->faces, c->negatives, (uint64_t)c->seed};
    FN_TRY(fn_sampler_open(&t->sampler, t->pack, o));
    t->record = (fn_record){.view = c->augment.view, .threshold = NAN, .margin = c->margin};
    snprintf(t->record.crop, sizeof t->record.crop, "%s", fn_pack_crop(t->pack));
    snprintf(t->record.data, sizeof t->record.data, "%s", fn_pack_digest(t->pack));
    return FN_OK;
}

static fn_status allocate(fn_trainer *t)
{
    size_t n = (size_t)fn_sampler_size(t->sampler);
    size_t row = (size_t)t->dim * sizeof(float);
    bool cut = t->chunk < (int)n;
    t->label = fn_alloc(n, sizeof *t->label);
    t->embedding = fn_alloc_aligned(n * row);
    t->distance = fn_alloc_aligned(n * n * sizeof(float));
    t->d_embedding = fn_alloc_aligned(n * row);
    if (cut)
        t->sum = fn_alloc((size_t)t->params->count, sizeof *t->sum);
    if (t->label && t->embedding && t->distance && t->d_embedding && (t->sum || !cut))
        return FN_OK;
    return fn_fail(FN_ENOMEM, "no memory for the distances of %zu faces", n);
}

/* The batch is checked against the data before it is multiplied into a network's size. */
fn_status fn_trainer_open(fn_trainer *t, const fn_config *c)
{
    fn_status rc;
    *t = (fn_trainer){.config = *c};
    fn_threads_set(c->threads);
    FN_GO(open_data(t));
    FN_GO(open_device(t));
    FN_GO(open_network(t));
    FN_GO(fn_optim_open(&t->optim, t->params, c->optim));
    FN_GO(allocate(t));
    return FN_OK;
out:
    fn_trainer_close(t);
    return rc;
}

void fn_trainer_close(fn_trainer *t)
{
    fn_loader_close(t->loader);
    fn_sampler_close(t->sampler);
    fn_pack_close(t->pack);
    fn_optim_close(t->optim);
    fn_plan_close(t->plan);
    fn_plan_close(t->rest);
    fn_gpu_close(t->gpu);
    fn_params_close(t->params);
    fn_net_close(t->net);
    fn_triplets_free(&t->triplets);
    fn_free(t->label);
    fn_free(t->embedding);
    fn_free(t->distance);
    fn_free(t->sum);
    fn_free(t->d_embedding);
    *t = (fn_trainer){.dim = 0};
}

fn_trainer_size fn_trainer_size_of(const fn_trainer *t)
{
    fn_plan_size a = fn_plan_size_of(t->plan);
    fn_plan_size b = t->rest ? fn_plan_size_of(t->rest) : (fn_plan_size){0};
    size_t n = (size_t)fn_sampler_size(t->sampler), places = FN_LOADER_AHEAD + 1;
    size_t pixels = 3 * (size_t)fn_net_height(t->net) * (size_t)fn_net_width(t->net);
    size_t buffers = 2 + (size_t)fn_optim_state_count(t->optim) + (t->sum ? 1 : 0);
    return (fn_trainer_size){
        .values = a.arena + a.workspace + b.arena + b.workspace,
        .images = places * (size_t)t->chunk * pixels * sizeof(float),
        .weights = buffers * (size_t)t->params->count * sizeof(float),
        .pairs = 2 * n * n * sizeof(float)}; /* distances; the loss counts as many */
}

static fn_status load_weights(fn_trainer *t)
{
    FN_TRY(fn_plan_load(t->plan));
    return t->rest ? fn_plan_load(t->rest) : FN_OK;
}

fn_status fn_trainer_start(fn_trainer *t)
{
    fn_loader_options o = {
        .height = fn_net_height(t->net),
        .width = fn_net_width(t->net),
        .augment = t->config.augment,
        .seed = (uint64_t)t->config.seed,
        .threads = t->config.data_threads,
        .first_step = t->record.step,
        .chunk = t->chunk,
        .passes = t->sum ? 2 : 1,
    };
    FN_TRY(load_weights(t));
    return fn_loader_open(&t->loader, t->pack, t->sampler, o);
}

static fn_status pass_over(fn_trainer *t)
{
    if (++t->skipped < PATIENCE)
        return FN_OK;
    return fn_fail(FN_ENUMERIC,
                   "step %" PRId64
                   ": loss %g and gradient %g, and not finite for %d steps; "
                   "lower optim.rate or lengthen optim.warmup, and resume",
                   t->record.step, t->loss.loss, t->gradient, PATIENCE);
}

/* --- one step --- */

static fn_plan *plan_of(const fn_trainer *t, int n)
{
    return n == t->chunk ? t->plan : t->rest;
}

/* The next piece, through the network. */
static fn_status forward(fn_trainer *t, fn_batch *b)
{
    double waited;
    FN_TRY(fn_loader_next(t->loader, b, &waited));
    t->batch = *b;
    t->waited += waited;
    return fn_plan_forward(plan_of(t, b->n), b->x);
}

static fn_status embed(fn_trainer *t, int n)
{
    fn_batch b;
    for (int at = 0; at < n; at += b.n) {
        FN_TRY(forward(t, &b));
        memcpy(t->embedding + (size_t)at * (size_t)t->dim,
               fn_plan_output(plan_of(t, b.n), 0),
               (size_t)b.n * (size_t)t->dim * sizeof *t->embedding);
        memcpy(t->label, b.label, (size_t)n * sizeof *t->label);
    }
    return FN_OK;
}

static fn_status find_loss(fn_trainer *t, int n)
{
    const fn_config *c = &t->config;
    fn_faces faces = {t->embedding, t->distance, t->label, n, t->dim};
    fn_mine_options o = {.kind = (fn_mining)c->mining,
                         .fallback = (fn_fallback)c->fallback,
                         .margin = c->margin,
                         .seed = (uint64_t)c->seed,
                         .step = (uint64_t)t->record.step};
    FN_TRY(fn_distances(t->distance, t->embedding, n, t->dim));
    FN_TRY(fn_mine(&t->triplets, &faces, &o));
    return fn_triplet_loss(&t->loss, t->d_embedding, &faces, &t->triplets, c->margin,
                           (fn_reduce)c->reduce);
}

/* A statistic is a mean over faces: a chunk counts by its share of them. */
static void add_gradients(float *sum, const fn_params *p, float share)
{
    for (int i = 0; i < p->n; i++) {
        const fn_param *q = &p->param[i];
        float by = q->trained ? 1 : share;
        for (int64_t k = q->offset; k < q->offset + q->count; k++)
            sum[k] += by * p->grad[k];
    }
}

static fn_status backward(fn_trainer *t, int n)
{
    fn_batch b;
    size_t bytes = (size_t)t->params->count * sizeof *t->sum;
    if (!t->sum)
        return fn_plan_backward(t->plan, t->d_embedding);
    memset(t->sum, 0, bytes);
    for (int at = 0; at < n; at += b.n) {
        FN_TRY(forward(t, &b));
        FN_TRY(fn_plan_backward(plan_of(t, b.n),
                                t->d_embedding + (size_t)at * (size_t)t->dim));
        add_gradients(t->sum, t->params, (float)b.n / (float)n);
    }
    memcpy(t->params->grad, t->sum, bytes);
    return FN_OK;
}

static fn_status update(fn_trainer *t)
{
    const fn_config *c = &t->config;
    t->skipped = 0;
    fn_optim_step(t->optim, fn_schedule_rate(&c->schedule, t->record.step),
                  fn_optim_clip(t->gradient, c->clip));
    return load_weights(t);
}

fn_status fn_trainer_step(fn_trainer *t)
{
    int n = fn_sampler_size(t->sampler);
    t->waited = 0;
    FN_TRY(embed(t, n));
    FN_TRY(find_loss(t, n));
    FN_TRY(backward(t, n));
    t->gradient = fn_optim_norm(t->optim);
    bool sound = isfinite(t->loss.loss) && isfinite(t->gradient);
    FN_TRY(sound ? update(t) : pass_over(t));
    t->record.step++;
    return FN_OK;
}
