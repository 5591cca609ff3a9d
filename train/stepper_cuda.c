/* A step on a GPU: faces go there, and nothing comes back until it is looked at. */
#include "core/mem.h"
#include "train/feed_cuda.h"
#include "train/step_cuda.h"
#include "train/stepper.h"

#include <stdio.h>

typedef struct own {
    fn_feed *feed;
    fn_step_cuda *step;
    fn_plan_place place; /* of t->plan; its weights and gradients are those of t->rest */
    float *e;            /* [n, dim], the device's */
    float *sum; /* of the chunks' gradients, too; NULL where the batch is not cut */
    int unseen; /* steps since somebody asked */
    int64_t steps;
    fn_recording *recording; /* of a whole batch's step; NULL: none, or not yet */
} own;

static size_t bytes_of(const fn_trainer *t, int faces)
{
    return (size_t)faces * (size_t)t->dim * sizeof(float);
}

/* --- life --- */

static fn_status open_sum(fn_trainer *t)
{
    own *s = t->own;
    size_t bytes = (size_t)t->params->count * sizeof *s->sum;
    if (!t->cut)
        return FN_OK;
    FN_TRY(fn_gpu_alloc(t->gpu, (void **)&s->sum, bytes));
    return fn_gpu_zero(t->gpu, s->sum, bytes);
}

static fn_status gpu_open(fn_trainer *t)
{
    const fn_config *c = &t->config;
    own *s = t->own = fn_alloc(1, sizeof *s);
    fn_step_options o = {.n = fn_sampler_size(t->sampler),
                         .dim = t->dim,
                         .mine = fn_config_mining(c),
                         .reduce = (fn_reduce)c->reduce,
                         .optim = c->optim,
                         .clip = c->clip};
    if (!s)
        return fn_fail(FN_ENOMEM, "no memory for a training step");
    s->place = fn_plan_place_of(t->plan);
    FN_TRY(fn_gpu_alloc(t->gpu, (void **)&s->e, bytes_of(t, o.n)));
    FN_TRY(open_sum(t));
    fn_step_place place = {
        .e = s->e, .w = s->place.weight, .g = s->sum ? s->sum : s->place.grad};
    return fn_step_cuda_open(&s->step, t->gpu->device, t->gpu->cublas, t->params, t->optim,
                             place, &o);
}

static void gpu_close(fn_trainer *t)
{
    own *s = t->own;
    if (!s)
        return;
    fn_recording_close(s->recording);
    fn_feed_close(s->feed);
    fn_step_cuda_close(s->step);
    fn_gpu_free(t->gpu, s->e);
    fn_gpu_free(t->gpu, s->sum);
    fn_free(s);
}

static fn_status gpu_start(fn_trainer *t, const fn_loader_options *o)
{
    own *s = t->own;
    return fn_feed_open(&s->feed, t->gpu->device, t->pack, t->sampler, *o);
}

static fn_trainer_size gpu_size(const fn_trainer *t)
{
    fn_trainer_size s = fn_stepper_size(t);
    fn_feed_size feed = fn_feed_size_of(t->chunk, t->face_bytes);
    s.images += feed.device;
    s.faces = feed.device;
    s.pinned = feed.pinned;
    s.weights += fn_plan_size_of(t->plan).weights;
    s.pairs = fn_step_cuda_bytes(fn_sampler_size(t->sampler), t->dim);
    return s;
}

static fn_status refresh(fn_trainer *t)
{
    FN_TRY(fn_plan_refresh(t->plan));
    return t->rest ? fn_plan_refresh(t->rest) : FN_OK;
}

static fn_status gpu_load(fn_trainer *t)
{
    own *s = t->own;
    FN_TRY(fn_plan_load(t->plan));
    if (t->rest)
        FN_TRY(fn_plan_refresh(t->rest));
    return fn_step_cuda_load(s->step);
}

/* --- one step --- */

/* The next piece, t->batch: its crops where the plan that takes it reads them. */
static fn_status next(fn_trainer *t, fn_plan **plan)
{
    own *s = t->own;
    double waited;
    FN_TRY(fn_feed_next(s->feed, &t->batch, &waited));
    t->waited += waited;
    *plan = fn_stepper_plan(t);
    fn_plan_place place = fn_plan_place_of(*plan);
    return fn_feed_crop(s->feed, place.images, place.images_type, place.squares);
}

/* Mining there has no way to refuse a batch before it is queued. */
static fn_status tell(fn_trainer *t)
{
    const fn_batch *b = &t->batch;
    own *s = t->own;
    FN_TRY(fn_mine_accept(b->label, b->size));
    return fn_step_cuda_tell(s->step, t->record.step, b->label,
                             fn_schedule_rate(&t->config.schedule, t->record.step));
}

/* The piece, forward: its rows of e. */
static fn_status embed(fn_trainer *t, fn_plan *plan)
{
    own *s = t->own;
    FN_TRY(fn_plan_run(plan));
    return fn_device_copy(t->gpu->device, s->e + (size_t)t->batch.first * (size_t)t->dim,
                          fn_plan_place_of(plan).output, bytes_of(t, t->batch.n));
}

/* And backward, from its rows of de. */
static fn_status backward(fn_trainer *t, fn_plan *plan)
{
    own *s = t->own;
    FN_TRY(fn_device_copy(t->gpu->device, fn_plan_place_of(plan).d_output,
                          fn_step_cuda_gradient(s->step) +
                              (size_t)t->batch.first * (size_t)t->dim,
                          bytes_of(t, t->batch.n)));
    return fn_plan_back(plan);
}

static fn_status update(fn_trainer *t)
{
    own *s = t->own;
    FN_TRY(fn_step_cuda_update(s->step));
    return refresh(t);
}

/* --- a whole batch --- */

/* What is the same in every step: it finds in the device's memory what is not. */
static fn_status compute(fn_trainer *t)
{
    own *s = t->own;
    FN_TRY(embed(t, t->plan));
    FN_TRY(fn_step_cuda_loss(s->step));
    FN_TRY(backward(t, t->plan));
    return update(t);
}

static fn_status record(fn_trainer *t)
{
    own *s = t->own;
    FN_TRY(fn_device_record(t->gpu->device));
    fn_status rc = compute(t);
    if (rc == FN_OK)
        return fn_device_recorded(t->gpu->device, &s->recording);
    fn_device_forget(t->gpu->device);
    return rc;
}

/* The first step loads what libraries load late. A step that cannot be recorded is done as the
 * first was, launch by launch; a GPU that failed will fail there as well. */
static fn_status step_whole(fn_trainer *t)
{
    own *s = t->own;
    fn_plan *plan;
    FN_TRY(next(t, &plan));
    FN_TRY(tell(t));
    if (s->steps++ == 1 && record(t) != FN_OK)
        snprintf(t->remark, sizeof t->remark,
                 "a step cannot be recorded, and takes longer: %s", fn_last_error());
    return s->recording ? fn_recording_play(s->recording) : compute(t);
}

/* --- a batch in chunks --- */

static fn_status back_in_chunks(fn_trainer *t, int n)
{
    const fn_batch *b = &t->batch;
    own *s = t->own;
    fn_plan *plan;
    FN_TRY(fn_gpu_zero(t->gpu, s->sum, (size_t)t->params->count * sizeof *s->sum));
    for (int at = 0; at < n; at += b->n) {
        FN_TRY(next(t, &plan));
        FN_TRY(fn_plan_run(plan));
        FN_TRY(backward(t, plan));
        FN_TRY(fn_step_cuda_add(s->step, s->sum, s->place.grad, (float)b->n / (float)n));
    }
    return FN_OK;
}

static fn_status step_in_chunks(fn_trainer *t)
{
    int n = fn_sampler_size(t->sampler);
    own *s = t->own;
    fn_plan *plan;
    for (int at = 0; at < n; at += t->batch.n) {
        FN_TRY(next(t, &plan));
        FN_TRY(embed(t, plan));
    }
    FN_TRY(tell(t));
    FN_TRY(fn_step_cuda_loss(s->step));
    FN_TRY(back_in_chunks(t, n));
    return update(t);
}

/* --- what it came to --- */

static fn_status give_up(fn_trainer *t, int64_t step)
{
    own *s = t->own;
    float *de = fn_alloc(bytes_of(t, t->batch.n), 1);
    size_t first = (size_t)t->batch.first * (size_t)t->dim;
    if (!de)
        return fn_fail(FN_ENOMEM, "no memory to look for what is not finite");
    fn_status rc = fn_gpu_fetch(t->gpu, de, fn_step_cuda_gradient(s->step) + first, FN_F32,
                                (int64_t)t->batch.n * t->dim);
    if (rc == FN_OK)
        rc = fn_stepper_give_up(t, step, de);
    fn_free(de);
    return rc;
}

static fn_status ask(fn_trainer *t)
{
    own *s = t->own;
    fn_step_report r;
    FN_TRY(fn_step_cuda_ask(s->step, &r));
    s->unseen = 0;
    t->loss = r.loss;
    t->gradient = r.gradient;
    t->skipped = r.skipped;
    if (r.skipped < FN_PATIENCE)
        return FN_OK;
    return give_up(t, r.step);
}

/* A run that has come to nothing is not left going for longer than that. */
static fn_status gpu_step(fn_trainer *t)
{
    own *s = t->own;
    FN_TRY(t->cut ? step_in_chunks(t) : step_whole(t));
    return ++s->unseen < FN_STEPS_AHEAD ? FN_OK : ask(t);
}

static fn_status gpu_look(fn_trainer *t)
{
    own *s = t->own;
    FN_TRY(ask(t));
    FN_TRY(fn_step_cuda_distances(s->step, t->distance));
    return fn_step_cuda_triplets(s->step, &t->triplets);
}

static fn_status gpu_fetch(fn_trainer *t)
{
    own *s = t->own;
    FN_TRY(
        fn_gpu_fetch(t->gpu, t->params->value, s->place.weight, FN_F32, t->params->count));
    return fn_step_cuda_fetch(s->step);
}

const fn_stepper fn_stepper_cuda = {.open = gpu_open,
                                    .close = gpu_close,
                                    .start = gpu_start,
                                    .load = gpu_load,
                                    .step = gpu_step,
                                    .look = gpu_look,
                                    .fetch = gpu_fetch,
                                    .size = gpu_size};
