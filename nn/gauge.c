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

static fn_status open_plan(fn_gauge *of, const fn_graph *g, fn_params *p, fn_plan_options o)
{
    o.precision = FN_PRECISION_FP32;
    o.range = NULL;
    o.gauged = true;
    FN_TRY(fn_plan_open(&of->plan, g, p, o));
    FN_TRY(fn_plan_load(of->plan));
    of->values = 1;
    for (int i = 0; i < fn_plan_lines(of->plan); i++)
        of->values += is_reorder(of->plan, i) ? 0 : fn_plan_call(of->plan, i)->n_y;
    of->range = fn_alloc((size_t)of->values, sizeof *of->range);
    if (!of->range)
        return fn_fail(FN_ENOMEM, "no memory to calibrate");
    fn_plan_watch(of->plan, look, of);
    return FN_OK;
}

fn_status fn_gauge_open(fn_gauge **out, const fn_graph *g, fn_params *p, fn_plan_options o)
{
    fn_gauge *of = fn_alloc(1, sizeof *of);
    *out = NULL;
    if (!of)
        return fn_fail(FN_ENOMEM, "no memory to calibrate");
    fn_status rc = open_plan(of, g, p, o);
    if (rc != FN_OK) {
        fn_gauge_close(of);
        return rc;
    }
    *out = of;
    return FN_OK;
}

void fn_gauge_close(fn_gauge *g)
{
    if (!g)
        return;
    fn_plan_close(g->plan);
    fn_free(g->range);
    fn_free(g);
}

fn_plan *fn_gauge_plan(const fn_gauge *g)
{
    return g->plan;
}

const fn_range *fn_gauge_ranges(const fn_gauge *g, int *n)
{
    *n = g->values;
    return g->range;
}

fn_status fn_gauge_open_plan(fn_plan **out, const fn_graph *g, fn_params *p,
                             fn_plan_options o, const float *images)
{
    fn_gauge *gauge = NULL;
    fn_status rc;
    int n;
    *out = NULL;
    FN_TRY(fn_precision_accept(FN_PRECISION_U8, o.backend, o.exact));
    FN_GO(fn_gauge_open(&gauge, g, p, o));
    FN_GO(fn_plan_forward(gauge->plan, images));
    o.precision = FN_PRECISION_U8;
    o.range = fn_gauge_ranges(gauge, &n);
    rc = fn_plan_open(out, g, p, o);
out:
    fn_gauge_close(gauge);
    return rc;
}
