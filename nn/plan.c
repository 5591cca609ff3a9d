/* plan.c -- lower, choose formats, prepare, place, bind; then load, forward, backward. */
#include "core/mem.h"
#include "kernels/format.h"
#include "kernels/precision.h"
#include "nn/lower.h"
#include "nn/plan_parts.h"
#include "nn/rewrite.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void *at_buffer(const fn_plan *p, int buffer)
{
    return buffer == FN_NO_BUFFER ? NULL : p->home.arena + p->memory->buffer[buffer].offset;
}

static int64_t folded_count(const fn_plan *p, const fn_node *n)
{
    const fn_param *w = &p->params->param[n->w[0]];
    return (w->count + w->shape.dim[0] + 15) / 16 * 16;
}

static int64_t all_folded(const fn_plan *p)
{
    int64_t count = 0;
    for (int i = 0; i < p->graph->n_node; i++)
        if (p->graph->node[i].fold[0] >= 0)
            count += folded_count(p, &p->graph->node[i]);
    return count;
}

/* --- opening --- */

static fn_status lower(fn_plan *p, const fn_graph *g, const fn_plan_options *o)
{
    fn_graph *fused = NULL, *again = NULL;
    fn_status rc;
    if (!o->no_fuse && o->backend != FN_REF)
        FN_GO(fn_lower(&fused, g, o->backend));
    if (fused && o->backend == FN_CPU && !o->gauged && fn_lower_cpu_gains(o->precision))
        FN_GO(fn_lower_cpu(&again, fused));
    rc = fn_lower_formats(&p->graph,
                          again   ? again
                          : fused ? fused
                                  : g,
                          o->backend, o->precision,
                          o->precision == FN_PRECISION_U8 ? o->range : NULL);
out:
    fn_graph_close(again);
    fn_graph_close(fused);
    return rc;
}

static fn_status prepare(fn_plan *p, const fn_plan_options *o)
{
    for (int i = 0; i < p->graph->n_node; i++) {
        fn_node *n = &p->graph->node[i];
        const fn_kernel *kernel = n->op->kernel[p->backend];
        n->call.attr = n->attr;
        n->call.exact = o->exact;
        n->call.precision = o->precision;
        n->call.gpu = o->gpu;
        n->call.stream = o->gpu ? fn_gpu_stream(o->gpu) : NULL;
        if (kernel->prepare) {
            fn_status rc = kernel->prepare(&n->call);
            if (rc != FN_OK)
                return fn_context(rc, "%s: %s", p->graph->name, n->name);
        }
        if (n->call.workspace_bytes > p->workspace_bytes)
            p->workspace_bytes = n->call.workspace_bytes;
    }
    return FN_OK;
}

/* The images go to the first node as it keeps them, if it alone reads them. */
static void feed_squares(fn_plan *p)
{
    fn_node *n = &p->graph->node[0];
    const fn_kernel *kernel = n->op->kernel[p->backend];
    bool alone = fn_only_reader(p->graph, 0, n->op->name) == 0;
    p->squares = alone && kernel->squares ? kernel->squares(&n->call) : NULL;
    n->call.fed = p->home.fed = p->squares != NULL;
}

static void bind_weights(fn_plan *p, fn_node *n, float **folded)
{
    size_t number = fn_home_number(&p->home);
    for (int k = 0; k < n->call.n_w; k++) {
        if (n->w[k] < 0)
            continue;
        size_t at = (size_t)p->params->param[n->w[k]].offset * number;
        n->call.w[k].data = (char *)p->home.weight + at;
        n->call.dw[k].data = p->graph->training ? (char *)p->home.grad + at : NULL;
        n->call.dw[k].shape = n->call.w[k].shape;
    }
    if (n->fold[0] >= 0) {
        n->call.w[0].data = *folded;
        n->call.w[1].data = *folded + p->params->param[n->w[0]].count;
        *folded += folded_count(p, n);
    }
}

static void bind_values(fn_plan *p, fn_node *n)
{
    const fn_memory *m = p->memory;
    for (int k = 0; k < n->call.n_x; k++) {
        n->call.x[k].data = at_buffer(p, m->value[n->x[k]]);
        n->call.dx[k] = n->call.x[k];
        n->call.dx[k].data = at_buffer(p, m->grad[n->x[k]]);
        if (n->x[k] == 0)
            n->call.x[k].data = p->home.images;
    }
    for (int k = 0; k < n->call.n_y; k++) {
        n->call.y[k].data = at_buffer(p, m->value[n->y[k]]);
        n->call.dy[k] = n->call.y[k];
        n->call.dy[k].data = at_buffer(p, m->grad[n->y[k]]);
    }
}

static void bind(fn_plan *p)
{
    float *folded = p->home.folded;
    for (int i = 0; i < p->graph->n_node; i++) {
        fn_node *n = &p->graph->node[i];
        bind_weights(p, n, &folded);
        bind_values(p, n);
        n->call.saved = at_buffer(p, p->memory->saved[i]);
        n->call.workspace = p->home.workspace;
    }
}

/* What holds on every machine is said before what this one lacks. */
static fn_status accept(const fn_graph *g, const fn_plan_options *o)
{
    if (o->precision == FN_PRECISION_U8 && (g->training || !o->range))
        return fn_fail(FN_EUNSUPPORTED, "%s: u8 is for embedding, by a calibrated session",
                       g->name);
    return fn_precision_accept(o->precision, o->backend, o->exact);
}

fn_status fn_plan_open(fn_plan **out, const fn_graph *g, fn_params *params,
                       fn_plan_options o)
{
    fn_plan *p = fn_alloc(1, sizeof *p);
    fn_status rc;
    *out = NULL;
    if (!p)
        return fn_fail(FN_ENOMEM, "%s: no memory for a plan", g->name);
    FN_GO(accept(g, &o));
    assert(!g->training || params->grad);
    assert(o.backend != FN_CUDA || o.gpu);
    assert(!o.beside || (o.beside->params == params && o.beside->backend == o.backend));
    p->params = params;
    p->backend = o.backend;
    p->home = (fn_home){
        .backend = o.backend, .gpu = o.gpu, .beside = o.beside ? &o.beside->home : NULL};
    FN_GO(lower(p, g, &o));
    FN_GO(prepare(p, &o));
    if (o.fed)
        feed_squares(p);
    FN_GO(fn_memory_open(&p->memory, p->graph));
    FN_GO(fn_home_open(&p->home, p->graph, params, p->memory->arena, p->workspace_bytes,
                       all_folded(p)));
    bind(p);
    *out = p;
    return FN_OK;
out:
    fn_plan_close(p);
    return rc;
}

void fn_plan_close(fn_plan *p)
{
    if (!p)
        return;
    for (int i = 0; p->graph && i < p->graph->n_node; i++) {
        fn_node *n = &p->graph->node[i];
        if (n->op->kernel[p->backend]->release)
            n->op->kernel[p->backend]->release(&n->call);
    }
    fn_home_close(&p->home);
    fn_memory_close(p->memory);
    fn_graph_close(p->graph);
    fn_free(p);
}

/* --- running --- */

static fn_status fold(fn_plan *p)
{
    float *at = p->home.fold;
    for (int i = 0; i < p->graph->n_node; i++) {
        const fn_node *n = &p->graph->node[i];
        if (n->fold[0] < 0)
            continue;
        fn_lower_fold(at, at + p->params->param[n->w[0]].count, n, p->params);
        at += folded_count(p, n);
    }
    if (p->home.fold == p->home.folded)
        return FN_OK;
    return fn_home_bring(&p->home, p->home.folded, FN_F32, p->home.fold,
                         p->home.folded_count);
}

fn_status fn_plan_load(fn_plan *p)
{
    if (p->home.weight != p->params->value)
        FN_TRY(fn_home_bring(&p->home, p->home.weight, FN_F32, p->params->value,
                             p->params->count));
    FN_TRY(fold(p));
    return fn_plan_refresh(p);
}

fn_status fn_plan_refresh(fn_plan *p)
{
    for (int i = 0; i < p->graph->n_node; i++) {
        fn_node *n = &p->graph->node[i];
        const fn_kernel *kernel = n->op->kernel[p->backend];
        if (kernel->load)
            FN_TRY(kernel->load(&n->call));
    }
    p->loaded = true;
    return FN_OK;
}

/* On the CPU the images are read where they lie. */
fn_status fn_plan_bring(fn_plan *p, const float *images)
{
    if (p->home.fed)
        return fn_fail(FN_EINTERNAL, "%s: images are brought to a plan that is fed",
                       p->graph->name);
    if (p->home.images)
        return fn_home_bring(&p->home, p->home.images, p->graph->value[0].type, images,
                             p->home.images_count);
    for (int i = 0; i < p->graph->n_node; i++)
        for (int k = 0; k < p->graph->node[i].call.n_x; k++)
            if (p->graph->node[i].x[k] == 0)
                p->graph->node[i].call.x[k].data = (void *)(uintptr_t)images;
    return FN_OK;
}

static const void *output_data(const fn_plan *p, int i)
{
    return at_buffer(p, p->memory->value[p->graph->output[i]]);
}

static fn_status fetch_outputs(fn_plan *p)
{
    for (int k = 0; p->home.result[0] && k < p->graph->n_output; k++) {
        const fn_value *v = &p->graph->value[p->graph->output[k]];
        FN_TRY(fn_home_fetch(&p->home, p->home.result[k], output_data(p, k), v->type,
                             fn_numel(v->shape)));
    }
    return FN_OK;
}

fn_status fn_plan_run(fn_plan *p)
{
    if (!p->loaded)
        return fn_fail(FN_EINTERNAL, "%s: fn_plan_forward before fn_plan_load",
                       p->graph->name);
    for (int i = 0; i < p->graph->n_node; i++) {
        const fn_node *n = &p->graph->node[i];
        fn_status rc = fn_plan_is_alias(n) ? FN_OK
                                           : n->op->kernel[p->backend]->forward(&n->call);
        if (rc != FN_OK)
            return fn_context(rc, "%s: %s forward", p->graph->name, n->name);
        if (p->watch)
            p->watch(p->watch_ctx, i, false);
    }
    return FN_OK;
}

fn_status fn_plan_forward(fn_plan *p, const float *images)
{
    FN_TRY(fn_plan_bring(p, images));
    FN_TRY(fn_plan_run(p));
    return fetch_outputs(p);
}

const float *fn_plan_output(const fn_plan *p, int i)
{
    return p->home.result[i] ? p->home.result[i] : output_data(p, i);
}

fn_plan_place fn_plan_place_of(const fn_plan *p)
{
    return (fn_plan_place){
        .images = p->squares ? p->graph->node[0].call.saved : p->home.images,
        .squares = p->squares,
        .images_type = p->graph->value[0].type,
        .output = at_buffer(p, p->memory->value[p->graph->output[0]]),
        .d_output = at_buffer(p, p->memory->grad[p->graph->output[0]]),
        .weight = p->home.weight,
        .grad = p->graph->training ? p->home.grad : NULL,
    };
}

static fn_status check_training(const fn_plan *p)
{
    if (p->graph->training && p->graph->n_output == 1)
        return FN_OK;
    return fn_fail(FN_EINTERNAL, "%s: backward needs a graph of one output, for training",
                   p->graph->name);
}

fn_status fn_plan_back(fn_plan *p)
{
    FN_TRY(check_training(p));
    for (int i = p->graph->n_node - 1; i >= 0; i--) {
        const fn_node *n = &p->graph->node[i];
        fn_status rc = n->op->kernel[p->backend]->backward(&n->call);
        if (rc != FN_OK)
            return fn_context(rc, "%s: %s backward", p->graph->name, n->name);
        if (p->watch)
            p->watch(p->watch_ctx, i, true);
    }
    return FN_OK;
}

fn_status fn_plan_backward(fn_plan *p, const float *d_out)
{
    FN_TRY(check_training(p));
    const fn_value *v = &p->graph->value[p->graph->output[0]];
    FN_TRY(fn_home_bring(&p->home, fn_plan_place_of(p).d_output, v->type, d_out,
                         fn_numel(v->shape)));
    FN_TRY(fn_plan_back(p));
    if (p->home.grad == p->params->grad)
        return FN_OK;
    return fn_home_fetch(&p->home, p->params->grad, p->home.grad, FN_F32, p->params->count);
}
