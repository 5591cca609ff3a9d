/* gpu_step.h -- a network on a GPU that is ready to be timed: a forward pass, or a whole training
 * step, of images that are there already: forward, distances, mining, loss, backward, AdaGrad,
 * packing of the new weights; recorded once and played, as training does it
 * (train/stepper_cuda.c). Its rate is so small that the weights, and so the work of mining, stay
 * where they are. */
#ifndef FN_BENCH_GPU_STEP_H
#define FN_BENCH_GPU_STEP_H

#include "core/mem.h"
#include "kernels/gpu.h"
#include "nn/net.h"
#include "nn/plan.h"
#include "train/step_cuda.h"

#include <stdio.h>

#define FN_GPU_STEP_MARGIN 0.2f
#define FN_GPU_STEP_RATE   1e-7f

typedef struct fn_gpu_step {
    fn_gpu *gpu; /* borrowed */
    fn_plan *plan;
    int batch, dim;
    size_t weight_bytes;
    int64_t runs;
    fn_recording *recording; /* NULL: none, or not yet */
    /* of a step; NULL for a forward pass */
    fn_optim *optim;
    fn_step_cuda *step;
    float *e; /* [n, dim] of the device: backward may take the plan's output away */
    int *label;
} fn_gpu_step;

static inline void fn_gpu_step_close(fn_gpu_step *s)
{
    fn_recording_close(s->recording);
    fn_step_cuda_close(s->step);
    fn_optim_close(s->optim);
    fn_plan_close(s->plan);
    if (s->e)
        fn_gpu_free(s->gpu, s->e);
    fn_free(s->label);
}

/* Of the embeddings. */
static inline size_t fn_gpu_step_bytes(const fn_gpu_step *s)
{
    return (size_t)s->batch * (size_t)s->dim * sizeof(float);
}

static inline fn_status fn_gpu_step_open_training(fn_gpu_step *s, fn_params *p, int people)
{
    fn_plan_place at = fn_plan_place_of(s->plan);
    fn_step_options o = {
        .n = s->batch,
        .dim = s->dim,
        .mine = {.margin = FN_GPU_STEP_MARGIN},
        .optim = {.kind = FN_ADAGRAD, .eps = 1e-8f, .initial = 0.1f},
    };
    FN_TRY(fn_gpu_alloc(s->gpu, (void **)&s->e, fn_gpu_step_bytes(s)));
    FN_TRY(fn_optim_open(&s->optim, p, o.optim));
    FN_TRY(fn_step_cuda_open(&s->step, s->gpu->device, s->gpu->cublas, p, s->optim,
                             (fn_step_place){s->e, at.weight, at.grad}, &o));
    s->label = fn_alloc((size_t)s->batch, sizeof *s->label);
    if (!s->label)
        return fn_fail(FN_ENOMEM, "no memory for the people of %d faces", s->batch);
    for (int i = 0; i < s->batch; i++)
        s->label[i] = i * people / s->batch;
    return FN_OK;
}

/* `g` is built for training where there are `people`, who have as many faces each; 0: a forward
 * pass. Images [N, H, W, C] are copied (NULL: whoever runs it brings some), params are borrowed. */
static inline fn_status fn_gpu_step_open(fn_gpu_step *s, fn_gpu *gpu, const fn_graph *g,
                                         fn_params *p, fn_precision precision,
                                         const float *images, int people)
{
    fn_status rc;
    *s = (fn_gpu_step){.gpu = gpu,
                       .batch = (int)g->value[0].shape.dim[0],
                       .dim = (int)g->value[g->output[0]].shape.dim[1],
                       .weight_bytes = (size_t)p->count * sizeof(float)};
    fn_plan_options o = {
        .backend = FN_CUDA, .precision = precision, .gpu = gpu, .fed = !images};
    FN_GO(fn_plan_open(&s->plan, g, p, o));
    FN_GO(fn_plan_load(s->plan));
    if (images)
        FN_GO(fn_plan_bring(s->plan, images));
    FN_GO(fn_gpu_wait(gpu));
    if (people)
        FN_GO(fn_gpu_step_open_training(s, p, people));
    return FN_OK;
out:
    fn_gpu_step_close(s);
    *s = (fn_gpu_step){.gpu = gpu};
    return rc;
}

/* Bytes of the GPU's memory that it asked for: beside other programs, nobody can say how much of
 * what is taken is whose. */
static inline size_t fn_gpu_step_memory(const fn_gpu_step *s)
{
    fn_plan_size p = fn_plan_size_of(s->plan);
    size_t all = p.arena + p.workspace + p.images + p.weights;
    if (!s->step)
        return all;
    size_t states = (size_t)fn_optim_state_count(s->optim) * s->weight_bytes;
    return all + states + fn_gpu_step_bytes(s) + fn_step_cuda_bytes(s->batch, s->dim);
}

/* Distances, triplets, loss and its gradient of the embeddings that are there. */
static inline fn_status fn_gpu_step_mine(const fn_gpu_step *s)
{
    return fn_step_cuda_loss(s->step);
}

/* What is the same in every run. */
static inline fn_status fn_gpu_step_compute(const fn_gpu_step *s)
{
    fn_plan_place at = fn_plan_place_of(s->plan);
    FN_TRY(fn_plan_run(s->plan));
    if (!s->step)
        return FN_OK;
    FN_TRY(fn_device_copy(s->gpu->device, s->e, at.output, fn_gpu_step_bytes(s)));
    FN_TRY(fn_gpu_step_mine(s));
    FN_TRY(fn_device_copy(s->gpu->device, at.d_output, fn_step_cuda_gradient(s->step),
                          fn_gpu_step_bytes(s)));
    FN_TRY(fn_plan_back(s->plan));
    FN_TRY(fn_step_cuda_update(s->step));
    return fn_plan_refresh(s->plan);
}

/* Of what has run before: fn_gpu_step_compute, or a part of it. */
static inline fn_status fn_gpu_step_record(fn_recording **out, const fn_gpu_step *s,
                                           fn_status (*what)(const fn_gpu_step *s))
{
    FN_TRY(fn_device_record(s->gpu->device));
    fn_status rc = what(s);
    if (rc == FN_OK)
        return fn_device_recorded(s->gpu->device, out);
    fn_device_forget(s->gpu->device);
    return rc;
}

/* Queued; asks what came of the steps as often as training has to. What cannot be recorded after
 * the first run is done launch by launch. */
static inline fn_status fn_gpu_step_queue(fn_gpu_step *s)
{
    fn_step_report report;
    if (s->step && s->runs && s->runs % FN_STEPS_AHEAD == 0)
        FN_TRY(fn_step_cuda_ask(s->step, &report));
    if (s->step)
        FN_TRY(fn_step_cuda_tell(s->step, s->runs, s->label, FN_GPU_STEP_RATE));
    if (s->runs++ == 1 &&
        fn_gpu_step_record(&s->recording, s, fn_gpu_step_compute) != FN_OK)
        fprintf(stderr, "launch by launch: %s\n", fn_last_error());
    return s->recording ? fn_recording_play(s->recording) : fn_gpu_step_compute(s);
}

/* And done. */
static inline fn_status fn_gpu_step_run(fn_gpu_step *s)
{
    FN_TRY(fn_gpu_step_queue(s));
    return fn_gpu_wait(s->gpu);
}

#endif
