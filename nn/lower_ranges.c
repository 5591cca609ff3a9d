/* lower_ranges.c -- which values may be bytes, and with which ranges. */
#include "core/mem.h"
#include "nn/lower.h"
#include "nn/rewrite.h"

#include <string.h>

static const fn_range unknown = {0, 0};

/* What reader `n` makes of the range of a value; `all` is final for what comes after it. */
static fn_range range_for(const fn_node *n, fn_backend b, const fn_range *all, fn_range r)
{
    const fn_kernel *kernel = n->op->kernel[b];
    if (!kernel || !kernel->bytes)
        return unknown;
    return fn_is(n, "concat") ? all[n->y[0]] : r;
}

static fn_range range_of(const fn_graph *g, fn_backend b, const fn_range *all, int value)
{
    fn_range r = all[value];
    for (int k = 0; k < g->n_output; k++)
        if (g->output[k] == value)
            return unknown;
    for (int i = 0; i < g->n_node; i++)
        for (int k = 0; k < g->node[i].call.n_x; k++)
            if (g->node[i].x[k] == value && (r.least != 0 || r.most != 0))
                r = range_for(&g->node[i], b, all, r);
    return r;
}

fn_status fn_lower_ranges(fn_range **out, const fn_graph *g, fn_backend backend,
                          const fn_range *range)
{
    fn_range *all = fn_alloc((size_t)g->n_value, sizeof *all);
    *out = all;
    if (!all)
        return fn_fail(FN_ENOMEM, "%s: no memory for ranges", g->name);
    memcpy(all, range, (size_t)g->n_value * sizeof *all);
    for (int v = g->n_value - 1; v >= 0; v--)
        all[v] = range_of(g, backend, all, v);
    return FN_OK;
}
