#include "train/trainer.h"

#include "core/mem.h"
#include "kernels/threads.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PATIENCE = 3 }; /* non-finite steps in a row before giving up */

static fn_status open_network(fn_trainer *t)
{
    const fn_config *c = &t->config;
    fn_graph *g = NULL;
    fn_status rc;
    FN_TRY(fn_net_open(&t->net, c->net, NULL));
    FN_TRY(fn_net_build(&g, t->net, c->people * c->faces, true));
    t->dim = (int)g->value[g->output[0]].shape.dim[1];
    FN_GO(fn_params_open(&t->params, g, true));
    fn_params_init(t->params, (uint64_t)c->seed);
    FN_GO(fn_plan_open(&t->plan, g, t->params, (fn_plan_options){.backend = FN_CPU}));
    rc = fn_plan_load(t->plan);
out:
    fn_graph_close(g);
    return rc;
}

static fn_status open_data(fn_trainer *t)
{
    const fn_config *c = &t->config;
    FN_TRY(fn_pack_open(&t->pack, c->train_pack));
    FN_TRY(fn_sampler_open(&t->sampler, t->pack, c->people, c->faces, (uint64_t)c->seed));
    t->record = (fn_record){.view = c->augment.view, .threshold = NAN};
    snprintf(t->record.crop, sizeof t->record.crop, "%s", fn_pack_crop(t->pack));
    snprintf(t->record.data, sizeof t->record.data, "%s", fn_pack_digest(t->pack));
    return FN_OK;
}

static fn_status allocate(fn_trainer *t)
{
    size_t n = (size_t)fn_sampler_size(t->sampler);
    t->distance = fn_alloc_aligned(n * n * sizeof(float));
    t->d_embedding = fn_alloc_aligned(n * (size_t)t->dim * sizeof(float));
    if (t->distance && t->d_embedding)
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
    fn_params_close(t->params);
    fn_net_close(t->net);
    fn_triplets_free(&t->triplets);
    fn_free(t->distance);
    fn_free(t->d_embedding);
    *t = (fn_trainer){.dim = 0};
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
    };
    FN_TRY(fn_plan_load(t->plan));
    return fn_loader_open(&t->loader, t->pack, t->sampler, o);
}

/* The Euclidean norm of the trained weights' gradient; not finite if any of it is not. */
static double gradient_norm(const fn_params *p)
{
    double sum = 0;
    for (int i = 0; i < p->n; i++) {
        const float *g = p->grad + p->param[i].offset;
        double part = 0;
        for (int64_t k = 0; p->param[i].trained && k < p->param[i].count; k++)
            part += (double)g[k] * (double)g[k];
        sum += part;
    }
    return sqrt(sum);
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

fn_status fn_trainer_step(fn_trainer *t)
{
    const fn_config *c = &t->config;
    fn_batch b;
    FN_TRY(fn_loader_next(t->loader, &b, &t->waited));
    FN_TRY(fn_plan_forward(t->plan, b.x));
    const float *e = fn_plan_output(t->plan, 0); /* [n, dim] */
    FN_TRY(fn_distances(t->distance, e, b.n, t->dim));
    FN_TRY(fn_mine_semihard(&t->triplets, t->distance, b.label, b.n, c->margin,
                            (fn_fallback)c->fallback));
    FN_TRY(fn_triplet_loss(&t->loss, t->d_embedding, e, t->distance, b.n, t->dim,
                           &t->triplets, c->margin));
    FN_TRY(fn_plan_backward(t->plan, t->d_embedding));
    t->gradient = gradient_norm(t->params);
    if (!isfinite(t->loss.loss) || !isfinite(t->gradient)) {
        FN_TRY(pass_over(t));
    } else {
        t->skipped = 0;
        fn_optim_step(t->optim, fn_schedule_rate(&c->schedule, t->record.step));
        FN_TRY(fn_plan_load(t->plan));
    }
    t->record.step++;
    return FN_OK;
}
