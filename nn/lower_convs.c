/* lower_convs -- see nn/lower_convs.h. */
#include "nn/lower_convs.h"

#include "kernels/conv.h"
#include "kernels/fork.h"

/* The value that v is, if a fork made it. */
static int behind_forks(const fn_graph *g, int v)
{
    int maker = g->value[v].maker;
    return maker >= 0 && fn_is(&g->node[maker], "fork") ? g->node[maker].x[0] : v;
}

static bool may_join(const fn_graph *g, const fn_node *n, const fn_convs_rule *rule)
{
    const fn_conv *a = (const fn_conv *)n->attr;
    return fn_is(n, "conv") && a->kernel == 1 && a->stride == 1 && a->out % 8 == 0 &&
           n->call.x[0].shape.dim[1] % 8 == 0 && n->fold[0] < 0 && rule->may(g, n);
}

bool fn_convs_find(fn_convs_group *of, const fn_graph *g, int i, const fn_convs_rule *rule)
{
    const fn_node *n = &g->node[i];
    const fn_conv *a = (const fn_conv *)n->attr;
    bool member = false;
    if (!may_join(g, n, rule))
        return false;
    *of = (fn_convs_group){.attr = {.bias = a->bias, .relu = a->relu}};
    for (int k = 0; k < g->n_node && of->n < FN_MOST_CONVS; k++) {
        const fn_node *m = &g->node[k];
        const fn_conv *b = (const fn_conv *)m->attr;
        if (!may_join(g, m, rule) || behind_forks(g, m->x[0]) != behind_forks(g, n->x[0]) ||
            b->bias != a->bias || b->relu != a->relu)
            continue;
        of->attr.out[of->n] = b->out;
        of->node[of->n++] = k;
        member = member || k == i;
    }
    of->attr.n = of->n;
    return member && of->n > 1 && rule->gains(g, of);
}

fn_status fn_convs_lower(fn_rewrite *r, const fn_node *n, const fn_convs_group *of)
{
    int y[FN_MAX_OUT];
    FN_TRY(fn_graph_add(r->to, fn_op_find("convs"), n->name, &of->attr, &r->map[n->x[0]], 1,
                        y));
    fn_node *added = &r->to->node[r->to->n_node - 1];
    added->row = n->row;
    for (int i = 0; i < of->n; i++) {
        const fn_node *from = &r->from->node[of->node[i]];
        int w = fn_convs_kernel(&of->attr, i);
        added->w[w] = from->w[0];
        if (of->attr.bias)
            added->w[w + 1] = from->w[1];
        r->map[from->y[0]] = y[i];
        r->done[of->node[i]] = true;
    }
    return FN_OK;
}

/* The first convolution of the group that output k of a fork is read by; -1: there is none. */
static int leader(const fn_graph *g, const fn_node *fork, int k, const fn_convs_rule *rule)
{
    fn_convs_group of;
    int reader = fn_only_reader(g, fork->y[k], "conv");
    return reader >= 0 && fn_convs_find(&of, g, reader, rule) ? of.node[0] : -1;
}

int fn_convs_places(int *place, const fn_graph *g, const fn_node *fork,
                    const fn_convs_rule *rule)
{
    int of[FN_MAX_OUT], ways = 0;
    for (int k = 0; k < fork->call.n_y; k++) {
        int same = 0;
        of[k] = leader(g, fork, k, rule);
        while (same < k && (of[k] < 0 || of[same] != of[k]))
            same++;
        place[k] = same < k ? place[same] : ways++;
    }
    return ways;
}

fn_status fn_convs_lower_fork(fn_rewrite *r, const fn_node *n, const fn_convs_rule *rule)
{
    int place[FN_MAX_OUT] = {0}, y[FN_MAX_OUT] = {r->map[n->x[0]]};
    fn_fork attr = {fn_convs_places(place, r->from, n, rule)};
    if (attr.ways > 1) {
        FN_TRY(fn_graph_add(r->to, n->op, n->name, &attr, &r->map[n->x[0]], 1, y));
        r->to->node[r->to->n_node - 1].row = n->row;
    }
    for (int k = 0; k < n->call.n_y; k++)
        r->map[n->y[k]] = y[place[k]];
    return FN_OK;
}
