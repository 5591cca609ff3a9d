/* lower_cpu.c -- the fusion patterns of FN_CPU. */
#include "kernels/implicit.h"
#include "nn/lower.h"
#include "nn/lower_convs.h"

static bool whole_vectors(const fn_graph *g, const fn_node *conv)
{
    (void)g;
    return ((const fn_conv *)conv->attr)->out % 16 == 0;
}

static bool always(const fn_graph *g, const fn_convs_group *of)
{
    (void)g;
    (void)of;
    return true;
}

static const fn_convs_rule rule = {whole_vectors, always};

static fn_status lower_node(fn_rewrite *r, const fn_node *n)
{
    fn_convs_group of;
    fn_node *added;
    if (fn_convs_find(&of, r->from, (int)(n - r->from->node), &rule))
        return fn_convs_lower(r, n, &of);
    if (fn_is(n, "fork"))
        return fn_convs_lower_fork(r, n, &rule);
    return fn_rewrite_copy(r, n, n->op->attr_size ? n->attr : NULL, &added);
}

fn_status fn_lower_cpu(fn_graph **out, const fn_graph *g)
{
    return fn_rewrite_each(out, g, lower_node);
}

bool fn_lower_cpu_gains(fn_precision p)
{
    return p == FN_PRECISION_FP32 && fn_implicit_gains();
}
