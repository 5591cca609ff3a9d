/* A step on the CPU: the network by its plan, the rest here. */
#include "core/mem.h"
#include "train/stepper.h"

#include <math.h>
#include <string.h>

typedef struct own {
    fn_loader *loader;
    int *label;                     /* [n] */
    float *embedding, *d_embedding; /* [n, dim] */
    float *sum; /* of the chunks' gradients; NULL where the batch is not cut */
} own;

/* --- life --- */

static fn_status cpu_open(fn_trainer *t)
{
    size_t n = (size_t)fn_sampler_size(t->sampler);
    size_t row = (size_t)t->dim * sizeof(float);
    own *s = t->own = fn_alloc(1, sizeof *s);
    if (s) {
        s->label = fn_alloc(n, sizeof *s->label);
        s->embedding = fn_alloc_aligned(n * row);
        s->d_embedding = fn_alloc_aligned(n * row);
        s->sum = t->cut ? fn_alloc((size_t)t->params->count, sizeof *s->sum) : NULL;
    }
    if (s && s->label && s->embedding && s->d_embedding && (s->sum || !t->cut))
        return FN_OK;
    return fn_fail(FN_ENOMEM, "no memory for the embeddings of %zu faces", n);
}

static void cpu_close(fn_trainer *t)
{
    own *s = t->own;
    if (!s)
        return;
    fn_loader_close(s->loader);
    fn_free(s->label);
    fn_free(s->embedding);
    fn_free(s->d_embedding);
    fn_free(s->sum);
    fn_free(s);
}

/* Weights and their gradients are fn_params'; the loss counts as many pairs as there are
 * distances. */
static fn_trainer_size cpu_size(const fn_trainer *t)
{
    fn_trainer_size s = fn_stepper_size(t);
    size_t n = (size_t)fn_sampler_size(t->sampler), places = FN_LOADER_AHEAD + 1;
    size_t pixels = 3 * (size_t)fn_net_height(t->net) * (size_t)fn_net_width(t->net);
    s.images = places * (size_t)t->chunk * pixels * sizeof(float);
    s.weights += 2 * (size_t)t->params->count * sizeof(float);
    s.pairs = 2 * n * n * sizeof(float);
    return s;
}

static fn_status cpu_start(fn_trainer *t, const fn_loader_options *o)
{
    own *s = t->own;
    return fn_loader_open(&s->loader, t->pack, t->sampler, *o);
}

static fn_status cpu_load(fn_trainer *t)
{
    FN_TRY(fn_plan_load(t->plan));
    return t->rest ? fn_plan_load(t->rest) : FN_OK;
}

/* --- one step --- */

/* The next piece, t->batch, in the plan that takes it. */
static fn_status next(fn_trainer *t, fn_plan **plan)
{
    own *s = t->own;
    double waited;
    FN_TRY(fn_loader_next(s->loader, &t->batch, &waited));
    t->waited += waited;
    *plan = fn_stepper_plan(t);
    return fn_plan_bring(*plan, t->batch.x);
}

static fn_status embed(fn_trainer *t, int n)
{
    const fn_batch *b = &t->batch;
    own *s = t->own;
    fn_plan *plan;
    for (int at = 0; at < n; at += b->n) {
        FN_TRY(next(t, &plan));
        FN_TRY(fn_plan_run(plan));
        memcpy(s->embedding + (size_t)at * (size_t)t->dim, fn_plan_output(plan, 0),
               (size_t)b->n * (size_t)t->dim * sizeof *s->embedding);
        memcpy(s->label, b->label, (size_t)n * sizeof *s->label);
    }
    return FN_OK;
}

static fn_status find_loss(fn_trainer *t, int n)
{
    const fn_config *c = &t->config;
    own *s = t->own;
    fn_faces faces = {s->embedding, t->distance, s->label, n, t->dim};
    fn_mine_options o = fn_config_mining(c);
    o.step = (uint64_t)t->record.step;
    FN_TRY(fn_distances(t->distance, s->embedding, n, t->dim));
    FN_TRY(fn_mine(&t->triplets, &faces, &o));
    return fn_triplet_loss(&t->loss, s->d_embedding, &faces, &t->triplets, c->margin,
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
    const fn_batch *b = &t->batch;
    own *s = t->own;
    fn_plan *plan;
    size_t bytes = (size_t)t->params->count * sizeof *s->sum;
    if (!t->cut)
        return fn_plan_backward(t->plan, s->d_embedding);
    memset(s->sum, 0, bytes);
    for (int at = 0; at < n; at += b->n) {
        FN_TRY(next(t, &plan));
        FN_TRY(fn_plan_run(plan));
        FN_TRY(fn_plan_backward(plan, s->d_embedding + (size_t)at * (size_t)t->dim));
        add_gradients(s->sum, t->params, (float)b->n / (float)n);
    }
    memcpy(t->params->grad, s->sum, bytes);
    return FN_OK;
}

static fn_status update(fn_trainer *t)
{
    const fn_config *c = &t->config;
    t->skipped = 0;
    fn_optim_step(t->optim, fn_schedule_rate(&c->schedule, t->record.step),
                  fn_optim_clip(t->gradient, c->clip));
    return cpu_load(t);
}

static fn_status pass_over(fn_trainer *t)
{
    own *s = t->own;
    if (++t->skipped < FN_PATIENCE)
        return FN_OK;
    return fn_stepper_give_up(t, t->record.step,
                              s->d_embedding + (size_t)t->batch.first * (size_t)t->dim);
}

static fn_status cpu_step(fn_trainer *t)
{
    int n = fn_sampler_size(t->sampler);
    FN_TRY(embed(t, n));
    FN_TRY(find_loss(t, n));
    FN_TRY(backward(t, n));
    t->gradient = fn_optim_norm(t->optim);
    bool sound = isfinite(t->loss.loss) && isfinite(t->gradient);
    return sound ? update(t) : pass_over(t);
}

/* Everything is where it is looked for. */
static fn_status cpu_nothing(fn_trainer *t)
{
    (void)t;
    return FN_OK;
}

const fn_stepper fn_stepper_cpu = {.open = cpu_open,
                                   .close = cpu_close,
                                   .start = cpu_start,
                                   .load = cpu_load,
                                   .step = cpu_step,
                                   .look = cpu_nothing,
                                   .fetch = cpu_nothing,
                                   .size = cpu_size};
