#include "nn/summary.h"

#include "core/mem.h"
#include "nn/figure.h"

static int64_t trained_params(const fn_node *n)
{
    int64_t count = 0;
    for (int k = 0; k < n->call.n_w; k++)
        if (n->op->weight[k].trained)
            count += fn_numel(n->call.w[k].shape);
    return count;
}

static int64_t multiply_adds(const fn_node *n)
{
    fn_call c = n->call;
    c.attr = n->attr;
    return n->op->multiply_adds ? n->op->multiply_adds(&c) / c.x[0].shape.dim[0] : 0;
}

static bool misses(const char *printed, int64_t exact)
{
    return *printed && !fn_figure_fits(printed, exact);
}

static void count(fn_summary *s, const fn_graph *g)
{
    for (int i = 0; i < g->n_node; i++) {
        const fn_node *n = &g->node[i];
        int64_t params = trained_params(n), work = multiply_adds(n);
        s->params += params;
        s->multiply_adds += work;
        if (n->row < 0)
            continue;
        s->row[n->row].params += params;
        s->row[n->row].multiply_adds += work;
    }
}

static void compare(fn_summary *s, const fn_graph *g)
{
    for (int i = 0; i < s->n; i++) {
        fn_summary_row *r = &s->row[i];
        const fn_row *from = &g->row[i];
        r->name = from->name;
        r->paper_output = from->gives;
        r->paper_params = from->params;
        r->paper_flops = from->flops;
        fn_graph_print_shape(r->output, sizeof r->output, g->value[from->value].shape);
        r->differs = misses(r->paper_params, r->params) ||
                     misses(r->paper_flops, r->multiply_adds);
        s->differs = s->differs || r->differs;
    }
    if ((g->total_params && g->total_params != s->params) ||
        (g->total_flops && g->total_flops != s->multiply_adds))
        s->differs = true;
}

fn_status fn_summary_open(fn_summary **out, const fn_graph *g)
{
    fn_summary *s = fn_alloc(1, sizeof *s);
    *out = NULL;
    if (s)
        s->row = fn_alloc((size_t)g->n_row, sizeof *s->row);
    if (!s || !s->row) {
        fn_summary_close(s);
        return fn_fail(FN_ENOMEM, "%s: no memory for a table", g->name);
    }
    s->n = g->n_row;
    count(s, g);
    compare(s, g);
    *out = s;
    return FN_OK;
}

void fn_summary_close(fn_summary *s)
{
    if (!s)
        return;
    fn_free(s->row);
    fn_free(s);
}
