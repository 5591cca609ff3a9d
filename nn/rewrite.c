#include "nn/rewrite.h"

#include "core/mem.h"

#include <string.h>

bool fn_is(const fn_node *n, const char *op)
{
    return strcmp(n->op->name, op) == 0;
}

int fn_only_reader(const fn_graph *g, int v, const char *op)
{
    int reader = -1;
    for (int k = 0; k < g->n_output; k++)
        if (g->output[k] == v)
            return -1;
    for (int i = 0; i < g->n_node; i++)
        for (int k = 0; k < g->node[i].call.n_x; k++)
            if (g->node[i].x[k] == v) {
                if (reader >= 0)
                    return -1;
                reader = i;
            }
    return reader >= 0 && fn_is(&g->node[reader], op) ? reader : -1;
}

fn_status fn_rewrite_copy(fn_rewrite *r, const fn_node *n, const void *attr, fn_node **out)
{
    int x[FN_MAX_IN], y[FN_MAX_OUT];
    for (int k = 0; k < n->call.n_x; k++)
        x[k] = r->map[n->x[k]];
    FN_TRY(fn_graph_add(r->to, n->op, n->name, attr, x, n->call.n_x, y));
    fn_node *added = &r->to->node[r->to->n_node - 1];
    memcpy(added->w, n->w, sizeof added->w);
    memcpy(added->fold, n->fold, sizeof added->fold);
    added->fold_eps = n->fold_eps;
    added->row = n->row;
    for (int k = 0; k < n->call.n_y; k++)
        r->map[n->y[k]] = y[k];
    *out = added;
    return FN_OK;
}

void fn_rewrite_take_in(fn_rewrite *r, const fn_node *added, int i)
{
    r->done[i] = true;
    r->map[r->from->node[i].y[0]] = added->y[0];
}

void fn_rewrite_close(fn_rewrite *r)
{
    fn_free(r->map);
    fn_free(r->done);
    fn_graph_close(r->to);
}

fn_status fn_rewrite_open(fn_rewrite *r, const fn_graph *g)
{
    *r = (fn_rewrite){.from = g};
    FN_TRY(fn_graph_open(&r->to, g->name, g->value[0].shape, g->training));
    r->map = fn_alloc((size_t)g->n_value, sizeof *r->map);
    r->done = fn_alloc((size_t)g->n_node, sizeof *r->done);
    if (r->map && r->done)
        return FN_OK;
    fn_rewrite_close(r);
    return fn_fail(FN_ENOMEM, "%s: no memory to rewrite %d nodes", g->name, g->n_node);
}

void fn_rewrite_finish(fn_rewrite *r, fn_graph **out)
{
    r->to->n_param = r->from->n_param;
    *out = r->to;
    r->to = NULL;
}

fn_status fn_rewrite_each(fn_graph **out, const fn_graph *g,
                          fn_status (*visit)(fn_rewrite *r, const fn_node *n))
{
    fn_rewrite r;
    fn_status rc;
    *out = NULL;
    FN_TRY(fn_rewrite_open(&r, g));
    for (int i = 0; i < g->n_node; i++)
        if (!r.done[i])
            FN_GO(visit(&r, &g->node[i]));
    r.to->n_output = g->n_output;
    for (int k = 0; k < g->n_output; k++)
        r.to->output[k] = r.map[g->output[k]];
    rc = FN_OK;
    fn_rewrite_finish(&r, out);
out:
    fn_rewrite_close(&r);
    return rc;
}
