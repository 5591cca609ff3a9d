#include "train/trainer.h"

#include "core/mem.h"
#include "kernels/threads.h"
#include "nn/sick.h"
#include "train/stepper.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { SPARE_PART = 16 };

static fn_status check_ends(const fn_graph *g)
{
    int channels = (int)g->value[0].shape.dim[1];
    if (channels == 3 && g->n_output == 1)
        return FN_OK;
    return fn_fail(
        FN_ECONFIG,
        "%s: a network that is trained reads 3 channels and has one head; this one "
        "reads %d and has %d",
        g->name, channels, g->n_output);
}

static fn_status open_plan(fn_trainer *t, fn_plan **out, int batch)
{
    const fn_config *c = &t->config;
    fn_graph *g = NULL;
    fn_status rc;
    FN_TRY(fn_net_build(&g, t->net, batch, true));
    FN_GO(check_ends(g));
    if (!t->params) {
        t->dim = (int)g->value[g->output[0]].shape.dim[1];
        FN_GO(fn_params_open(&t->params, g, true));
        fn_params_init(t->params, (uint64_t)c->seed);
    }
    rc = fn_plan_open(out, g, t->params,
                      (fn_plan_options){.backend = t->gpu ? FN_CUDA : FN_CPU,
                                        .exact = c->exact,
                                        .precision = (fn_precision)c->precision,
                                        .gpu = t->gpu,
                                        .fed = t->gpu != NULL,
                                        .beside = t->plan});
out:
    fn_graph_close(g);
    return rc;
}

static fn_status open_device(fn_trainer *t)
{
    FN_TRY(fn_gpu_choose(&t->gpu, (fn_device_choice)t->config.device));
    if (!t->gpu)
        return FN_OK;
    t->stepper = &fn_stepper_cuda;
    t->face_bytes = fn_pack_decoded_bytes(t->pack);
    return FN_OK;
}

static fn_status open_data(fn_trainer *t)
{
    const fn_config *c = &t->config;
    fn_status rc = fn_pack_open(&t->pack, c->train_pack);
    if (rc != FN_OK)
        return fn_context(rc, "data.train");
    fn_sampler_options o = {c->people, c->faces, c->negatives, (uint64_t)c->seed};
    FN_TRY(fn_sampler_open(&t->sampler, t->pack, o));
    t->record = (fn_record){.view = c->augment.view, .threshold = NAN, .margin = c->margin};
    snprintf(t->record.crop, sizeof t->record.crop, "%s", fn_pack_crop(t->pack));
    snprintf(t->record.data, sizeof t->record.data, "%s", fn_pack_digest(t->pack));
    return FN_OK;
}

/* --- passes over the network --- */

static fn_status open_step(fn_trainer *t)
{
    size_t n = (size_t)fn_sampler_size(t->sampler);
    t->distance = fn_alloc_aligned(n * n * sizeof(float));
    if (!t->distance)
        return fn_fail(FN_ENOMEM, "no memory for the distances of %zu faces", n);
    return t->stepper->open(t);
}

/* What takes memory, for passes of `chunk` faces; where it fails, close_passes follows. */
static fn_status open_passes(fn_trainer *t, int chunk)
{
    int n = fn_sampler_size(t->sampler);
    t->chunk = chunk;
    t->cut = chunk < n;
    FN_TRY(open_plan(t, &t->plan, chunk));
    if (n % chunk)
        FN_TRY(open_plan(t, &t->rest, n % chunk));
    FN_TRY(fn_optim_open(&t->optim, t->params, t->config.optim));
    return open_step(t);
}

static void close_passes(fn_trainer *t)
{
    t->stepper->close(t);
    fn_optim_close(t->optim);
    fn_plan_close(t->rest);
    fn_plan_close(t->plan);
    fn_params_close(t->params);
    fn_free(t->distance);
    t->own = NULL;
    t->optim = NULL;
    t->plan = t->rest = NULL;
    t->params = NULL;
    t->distance = NULL;
}

/* Faces come with the first step. Validation has a network of its own there, and libraries load
 * what they run when they do: so the trainer leaves a part free where it may choose. */
static fn_status leave_room(const fn_trainer *t, int part)
{
    fn_device_facts f;
    size_t faces = fn_trainer_size_of(t).faces;
    FN_TRY(fn_device_ask(t->gpu->device, &f));
    if (f.free_memory >= faces + (part ? f.memory / (size_t)part : 0))
        return FN_OK;
    return fn_fail(FN_ENOMEM,
                   "%zu MB of the GPU's memory are free, and faces want %zu of them",
                   f.free_memory >> 20, faces >> 20);
}

/* In as few passes as there is memory for on the GPU: what fits is known once it is there. */
static fn_status choose_passes(fn_trainer *t)
{
    int n = fn_sampler_size(t->sampler), chunk;
    fn_status rc;
    for (int passes = 1;; passes += 1 + passes / 8) {
        chunk = (n + passes - 1) / passes;
        rc = open_passes(t, chunk);
        if (rc == FN_OK && chunk > 1)
            rc = leave_room(t, SPARE_PART);
        if (rc != FN_ENOMEM || chunk == 1)
            return rc;
        close_passes(t);
    }
}

/* A batch that the user cut so did not fit: says what would. */
static fn_status suggest_passes(fn_trainer *t)
{
    char why[512];
    snprintf(why, sizeof why, "%s", fn_last_error());
    close_passes(t);
    if (!t->gpu)
        return fn_fail(FN_ENOMEM, "train.chunk is %d; a smaller one takes less: %s",
                       t->chunk, why);
    if (choose_passes(t) != FN_OK)
        return fn_fail(FN_ENOMEM, "not even one face at a time has room: %s", why);
    return fn_fail(FN_ENOMEM, "train.chunk=%d would fit, and is what 0 chooses: %s",
                   t->chunk, why);
}

static fn_status open_network(fn_trainer *t)
{
    int n = fn_sampler_size(t->sampler), chunk = t->config.chunk;
    FN_TRY(fn_net_open(&t->net, t->config.net, NULL));
    if (t->gpu && chunk == 0)
        FN_TRY(choose_passes(t));
    else {
        fn_status rc = open_passes(t, chunk > 0 && chunk < n ? chunk : n);
        if (rc == FN_OK && t->gpu)
            rc = leave_room(t, 0);
        if (rc != FN_OK)
            return rc == FN_ENOMEM ? suggest_passes(t) : rc;
    }
    if (chunk == 0)
        t->config.chunk = t->chunk;
    return FN_OK;
}

/* The batch is checked against the data before it is multiplied into a network's size. */
fn_status fn_trainer_open(fn_trainer *t, const fn_config *c)
{
    fn_status rc;
    *t = (fn_trainer){.config = *c, .stepper = &fn_stepper_cpu};
    fn_threads_set(c->threads);
    FN_GO(open_data(t));
    FN_GO(open_device(t));
    FN_GO(open_network(t));
    return FN_OK;
out:
    fn_trainer_close(t);
    return rc;
}

void fn_trainer_close(fn_trainer *t)
{
    if (t->stepper)
        close_passes(t);
    fn_sampler_close(t->sampler);
    fn_pack_close(t->pack);
    fn_gpu_close(t->gpu);
    fn_net_close(t->net);
    fn_triplets_free(&t->triplets);
    *t = (fn_trainer){.dim = 0};
}

fn_trainer_size fn_trainer_size_of(const fn_trainer *t)
{
    return t->stepper->size(t);
}

static fn_loader_options loading(const fn_trainer *t)
{
    return (fn_loader_options){
        .height = fn_net_height(t->net),
        .width = fn_net_width(t->net),
        .augment = t->config.augment,
        .seed = (uint64_t)t->config.seed,
        .threads = t->config.data_threads,
        .first_step = t->record.step,
        .chunk = t->chunk,
        .passes = t->cut ? 2 : 1,
    };
}

fn_status fn_trainer_start(fn_trainer *t)
{
    fn_loader_options o = loading(t);
    FN_TRY(t->stepper->load(t));
    return t->stepper->start(t, &o);
}

fn_status fn_trainer_crop(const fn_trainer *t, float *x, int slot)
{
    fn_loader_options o = loading(t);
    return fn_loader_crop(x, t->pack, &o, &t->batch, slot);
}

/* --- one step --- */

fn_plan *fn_stepper_plan(const fn_trainer *t)
{
    return t->batch.n == t->chunk ? t->plan : t->rest;
}

fn_trainer_size fn_stepper_size(const fn_trainer *t)
{
    fn_plan_size a = fn_plan_size_of(t->plan);
    fn_plan_size b = t->rest ? fn_plan_size_of(t->rest) : (fn_plan_size){0};
    size_t buffers = (size_t)fn_optim_state_count(t->optim) + (t->cut ? 1 : 0);
    return (fn_trainer_size){.values = a.arena + a.workspace + b.arena + b.workspace,
                             .images = a.images + b.images,
                             .weights = buffers * (size_t)t->params->count * sizeof(float)};
}

fn_status fn_stepper_give_up(fn_trainer *t, int64_t step, const float *d_out)
{
    char where[160];
    FN_TRY(fn_sick_find(where, sizeof where, fn_stepper_plan(t), d_out));
    return fn_fail(
        FN_ENUMERIC,
        "step %" PRId64 ": loss %g and gradient %g, and not finite for %d steps, "
        "first in %s; lower optim.rate or lengthen optim.warmup, and resume",
        step, t->loss.loss, t->gradient, FN_PATIENCE,
        *where ? where : "a place that the last piece of the batch does not show");
}

fn_status fn_trainer_step(fn_trainer *t)
{
    t->waited = 0;
    FN_TRY(t->stepper->step(t));
    t->record.step++;
    return FN_OK;
}

fn_status fn_trainer_look(fn_trainer *t)
{
    return t->stepper->look(t);
}

fn_status fn_trainer_fetch(fn_trainer *t)
{
    return t->stepper->fetch(t);
}
