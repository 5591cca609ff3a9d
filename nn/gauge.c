#include "nn/gauge.h"

#include "core/mem.h"
#include "kernels/format.h"

#include <string.h>

struct fn_gauge {
    fn_plan *plan;
    int at, convs;
    float *least, *most; /* [convs] */
};

static bool is_conv(const fn_plan *p, int node)
{
    fn_plan_line line;
    fn_plan_line_at(p, node, &line);
    return strcmp(line.op, "conv") == 0;
}

static void look(void *ctx, int node, bool backward)
{
    fn_gauge *g = ctx;
    g->at = node ? g->at : 0;
    if (backward || !is_conv(g->plan, node))
        return;
    fn_tensor read = fn_plan_call(g->plan, node)->x[0];
    const float *x = fn_f32(read);
    int64_t n = fn_format_numel(read.shape, read.format);
    float least = g->least[g->at], most = g->most[g->at];
    for (int64_t i = 0; i < n; i++) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    g->least[g->at] = least;
    g->most[g->at++] = most;
}

fn_status fn_gauge_open(fn_gauge **out, fn_plan *p)
{
    fn_gauge *g = fn_alloc(1, sizeof *g);
    *out = NULL;
    if (!g)
        return fn_fail(FN_ENOMEM, "no memory to calibrate");
    g->plan = p;
    for (int i = 0; i < fn_plan_lines(p); i++)
        g->convs += is_conv(p, i);
    g->least = fn_alloc((size_t)g->convs + 1, sizeof *g->least);
    g->most = fn_alloc((size_t)g->convs + 1, sizeof *g->most);
    if (!g->least || !g->most) {
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
    fn_free(g->least);
    fn_free(g->most);
    fn_free(g);
}

const float *fn_gauge_most(fn_gauge *g, int *n)
{
    *n = g->convs;
    for (int i = 0; i < g->convs; i++)
        if (g->least[i] < 0)
            g->most[i] = 0;
    return g->most;
}
