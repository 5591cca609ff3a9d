#include "nn/gauge.h"

#include "core/mem.h"
#include "kernels/format.h"
#include "kernels/precision.h"

#include <string.h>

struct fn_gauge {
    fn_plan *plan;
    int at, values;
    fn_range *range; /* [values] */
};

/* What formats have added has no place in the graph that ranges are for. */
static bool is_reorder(const fn_plan *p, int node)
{
    fn_plan_line line;
    fn_plan_line_at(p, node, &line);
    return strcmp(line.op, "reorder") == 0;
}

static fn_range range_of(fn_tensor t, fn_range r)
{
    const float *x = fn_f32(t);
    int64_t n = fn_format_numel(t.shape, t.format);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        r.least = x[i] < r.least ? x[i] : r.least;
        r.most = x[i] > r.most ? x[i] : r.most;
    }
    return r;
}

/* The first node reads the images, which are value 0. */
static void look(void *ctx, int node, bool backward)
{
    fn_gauge *g = ctx;
    const fn_call *c = fn_plan_call(g->plan, node);
    if (backward)
        return;
    if (node == 0) {
        g->at = 1;
        g->range[0] = range_of(c->x[0], g->range[0]);
    }
    for (int k = 0; k < c->n_y && !is_reorder(g->plan, node); k++, g->at++)
        g->range[g->at] = range_of(c->y[k], g->range[g->at]);
}

fn_status fn_gauge_open(fn_gauge **out, fn_plan *p)
{
    fn_gauge *g = fn_alloc(1, sizeof *g);
    *out = NULL;
    if (!g)
        return fn_fail(FN_ENOMEM, "no memory to calibrate");
    g->plan = p;
    g->values = 1;
    for (int i = 0; i < fn_plan_lines(p); i++)
        g->values += is_reorder(p, i) ? 0 : fn_plan_call(p, i)->n_y;
    g->range = fn_alloc((size_t)g->values, sizeof *g->range);
    if (!g->range) {
        fn_gauge_close(g);
        return fn_fail(FN_ENOMEM, "no memory to calibrate");
    }
    fn_plan_watch(p, look, g);
    *out = g;
    return FN_OK;
}

void fn_gauge_close(fn_gauge *g)
{
    if (!g)
        return;
    fn_plan_watch(g->plan, NULL, NULL);
    fn_free(g->range);
    fn_free(g);
}

const fn_range *fn_gauge_ranges(const fn_gauge *g, int *n)
{
    *n = g->values;
    return g->range;
}

fn_status fn_gauge_open_plan(fn_plan **out, const fn_graph *g, fn_params *p,
                             fn_plan_options o, const float *images)
{
    fn_plan *floats = NULL;
    fn_gauge *gauge = NULL;
    fn_status rc;
    int n;
    *out = NULL;
    FN_TRY(fn_precision_accept(FN_PRECISION_U8, o.backend, o.exact));
    o.precision = FN_PRECISION_FP32;
    o.range = NULL;
    FN_GO(fn_plan_open(&floats, g, p, o));
    FN_GO(fn_plan_load(floats));
    FN_GO(fn_gauge_open(&gauge, floats));
    FN_GO(fn_plan_forward(floats, images));
    o.precision = FN_PRECISION_U8;
    o.range = fn_gauge_ranges(gauge, &n);
    rc = fn_plan_open(out, g, p, o);
out:
    fn_gauge_close(gauge);
    fn_plan_close(floats);
    return rc;
}
