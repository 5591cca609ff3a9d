/* lower_gpu.c -- the fusion patterns of FN_CUDA: they save bytes, which a GPU has least of. */
#include "kernels/conv.h"
#include "kernels/poolnorm.h"
#include "nn/lower.h"
#include "nn/rewrite.h"

#include <string.h>

/* --- maxpool and lrn, in any order --- */

/* Reads the attributes of nodes i and j of which one is a maxpool and one an lrn, i first; false if
 * they are not, or poolnorm cannot do it. */
static bool describe_pair(fn_poolnorm *a, const fn_graph *g, int i, int j)
{
    const fn_node *first = &g->node[i], *second = &g->node[j];
    *a = (fn_poolnorm){.norm_first = fn_is(first, "lrn")};
    memcpy(&a->pool, a->norm_first ? second->attr : first->attr, sizeof a->pool);
    memcpy(&a->norm, a->norm_first ? first->attr : second->attr, sizeof a->norm);
    return fn_poolnorm_fits(&a->pool, &a->norm, first->call.x[0].shape.dim[1]);
}

/* The node that makes a poolnorm with node i, behind it; -1: there is none. */
static int partner(const fn_graph *g, int i, fn_poolnorm *a)
{
    const fn_node *n = &g->node[i];
    if (!fn_is(n, "maxpool") && !fn_is(n, "lrn"))
        return -1;
    int j = fn_only_reader(g, n->y[0], fn_is(n, "lrn") ? "maxpool" : "lrn");
    return j >= 0 && describe_pair(a, g, i, j) ? j : -1;
}

/* Whether the poolnorm behind a convolution takes its bias and its ReLU. Only backward gains. */
static bool gives_away(const fn_graph *g, const fn_node *conv)
{
    fn_poolnorm a;
    int reader = fn_only_reader(g, conv->y[0], "maxpool");
    if (reader < 0)
        reader = fn_only_reader(g, conv->y[0], "lrn");
    return g->training && fn_is(conv, "conv") && reader >= 0 && partner(g, reader, &a) >= 0;
}

static fn_status lower_pair(fn_rewrite *r, const fn_node *n, int second, fn_poolnorm *a)
{
    int maker = r->from->value[n->x[0]].maker, y[FN_MAX_OUT];
    const fn_node *conv = maker < 0 ? n : &r->from->node[maker];
    if (gives_away(r->from, conv)) {
        a->bias = ((const fn_conv *)conv->attr)->bias;
        a->relu = ((const fn_conv *)conv->attr)->relu;
    }
    FN_TRY(fn_graph_add(r->to, fn_op_find("poolnorm"), n->name, a, &r->map[n->x[0]], 1, y));
    fn_node *added = &r->to->node[r->to->n_node - 1];
    added->w[0] = conv->w[1];
    added->row = r->from->node[second].row;
    fn_rewrite_take_in(r, added, second);
    return FN_OK;
}

/* --- all of them --- */

static fn_status lower_conv(fn_rewrite *r, const fn_node *n)
{
    fn_conv attr;
    fn_node *added;
    memcpy(&attr, n->attr, sizeof attr);
    if (gives_away(r->from, n))
        attr.bias = attr.relu = 0;
    return fn_rewrite_copy(r, n, &attr, &added);
}

static fn_status lower_node(fn_rewrite *r, const fn_node *n)
{
    fn_poolnorm pair;
    fn_node *added;
    int second = partner(r->from, (int)(n - r->from->node), &pair);
    if (second >= 0)
        return lower_pair(r, n, second, &pair);
    if (fn_is(n, "conv"))
        return lower_conv(r, n);
    return fn_rewrite_copy(r, n, n->op->attr_size ? n->attr : NULL, &added);
}

fn_status fn_lower_gpu(fn_graph **out, const fn_graph *g)
{
    return fn_rewrite_each(out, g, lower_node);
}
