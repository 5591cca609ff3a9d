/* plan_facts.c -- what a plan tells of itself: its nodes, in any state of it, and its size. */
#include "kernels/format.h"
#include "nn/plan_parts.h"

#include <stdio.h>
#include <string.h>

void fn_plan_watch(fn_plan *p, void (*watch)(void *ctx, int node, bool backward), void *ctx)
{
    p->watch = watch;
    p->watch_ctx = ctx;
}

const fn_call *fn_plan_call(const fn_plan *p, int node)
{
    return &p->graph->node[node].call;
}

fn_status fn_plan_peek(const fn_plan *p, void *to, const void *from, size_t bytes)
{
    if (p->backend != FN_CUDA) {
        memcpy(to, from, bytes);
        return FN_OK;
    }
    return fn_gpu_fetch(p->home.gpu, to, from, FN_F32, (int64_t)((bytes + 3) / 4));
}

int fn_plan_lines(const fn_plan *p)
{
    return p->graph->n_node;
}

void fn_plan_line_at(const fn_plan *p, int i, fn_plan_line *line)
{
    const fn_node *n = &p->graph->node[i];
    const fn_kernel *kernel = n->op->kernel[p->backend];
    *line = (fn_plan_line){.name = n->name,
                           .op = n->op->name,
                           .format = fn_format_name(n->call.y[0].format),
                           .type = fn_format_type(n->call.y[0].type),
                           .shape = n->call.y[0].shape,
                           .saved = n->call.saved_bytes,
                           .workspace = n->call.workspace_bytes};
    if (n->op->multiply_adds)
        line->multiply_adds = n->op->multiply_adds(&n->call);
    snprintf(line->kernel, sizeof line->kernel, p->backend == FN_REF ? "ref" : "own");
    if (kernel->describe)
        kernel->describe(&n->call, line->kernel, sizeof line->kernel);
    line->slow = strstr(line->kernel, "ref") != NULL;
    for (int k = 0; k < n->call.n_y && !fn_plan_is_alias(n); k++)
        if (k == 0 || n->call.y[k].data != n->call.y[0].data)
            line->bytes += (size_t)fn_format_numel(n->call.y[k].shape,
                                                   n->call.y[k].format) *
                           fn_type_bytes(n->call.y[k].type);
}

fn_plan_size fn_plan_size_of(const fn_plan *p)
{
    fn_plan_size s = {.arena = p->memory->arena,
                      .lower_bound = p->memory->lower_bound,
                      .naive = p->memory->naive,
                      .workspace = p->workspace_bytes,
                      .images = p->home.images_bytes};
    int64_t stored = p->home.beside ? 0 : p->params->count * (p->graph->training ? 2 : 1);
    s.weights = (size_t)(stored + p->home.folded_count) * sizeof(float);
    for (int i = 0; i < p->graph->n_node; i++)
        s.saved += p->graph->node[i].call.saved_bytes;
    return s;
}
