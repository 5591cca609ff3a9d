/* lower_gpu.c -- the fusion patterns of FN_CUDA: they save bytes, which a GPU has least of. */
#include "kernels/bnjoin.h"
#include "kernels/bnpool.h"
#include "kernels/conv.h"
#include "kernels/join.h"
#include "kernels/poolnorm.h"
#include "nn/lower.h"
#include "nn/lower_convs.h"
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
static bool gives_to_pool(const fn_graph *g, const fn_node *conv)
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
    if (gives_to_pool(r->from, conv)) {
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

/* --- batchnorm and maxpool --- */

/* The pool behind a batchnorm that does with it; -1: there is none. Only training has something to
 * gain: to embed, a batchnorm is folded into its convolution. */
static int pool_behind(const fn_graph *g, const fn_node *norm, fn_bnpool *a)
{
    if (!g->training || !fn_is(norm, "batchnorm"))
        return -1;
    int pool = fn_only_reader(g, norm->y[0], "maxpool");
    if (pool < 0)
        return -1;
    memcpy(&a->norm, norm->attr, sizeof a->norm);
    memcpy(&a->pool, g->node[pool].attr, sizeof a->pool);
    return fn_bnpool_fits(&a->pool, norm->call.x[0].shape) ? pool : -1;
}

static fn_status lower_bnpool(fn_rewrite *r, const fn_node *n, int pool, const fn_bnpool *a)
{
    int y[FN_MAX_OUT];
    FN_TRY(fn_graph_add(r->to, fn_op_find("bnpool"), n->name, a, &r->map[n->x[0]], 1, y));
    fn_node *added = &r->to->node[r->to->n_node - 1];
    memcpy(added->w, n->w, sizeof added->w);
    added->row = r->from->node[pool].row;
    fn_rewrite_take_in(r, added, pool);
    return FN_OK;
}

/* --- 1x1 convolutions that read one value --- */

static bool may_join(const fn_graph *g, const fn_node *conv)
{
    return !gives_to_pool(g, conv);
}

/* Channels, times pixels, that are not moved any more. Each convolution but one reads x no more:
 * once in inference; in training twice, and it writes no dx that a fork reads. What is computed as
 * one is read and written once more, to be taken apart. */
static bool gains(const fn_graph *g, const fn_convs_group *of)
{
    int64_t in = g->node[of->node[0]].call.x[0].shape.dim[1], out = 0, fewer = of->n - 1;
    for (int i = 0; i < of->n; i++)
        out += of->attr.out[i];
    return fewer * in * (g->training ? 4 : 1) > 2 * out;
}

static const fn_convs_rule rule = {may_join, gains};

/* --- the end of a module --- */

/* The batchnorm whose output input i of a concat is, and nobody else's; -1: there is none. */
static int norm_before(const fn_graph *g, const fn_node *concat, int i)
{
    int maker = g->value[concat->x[i]].maker;
    return maker >= 0 && fn_is(&g->node[maker], "batchnorm") &&
                   fn_only_reader(g, concat->x[i], "concat") >= 0
               ? maker
               : -1;
}

/* Reads the batch norms that a concat takes, and their weights, in order; false if there are none,
 * or bnjoin cannot do them. Only training has something to gain. */
static bool describe_norms(fn_bnjoin *attr, const fn_graph *g, const fn_node *concat,
                           int *w)
{
    *attr = (fn_bnjoin){.ways = 1};
    for (int i = 0; g->training && i < concat->call.n_x; i++) {
        int norm = norm_before(g, concat, i), before = fn_bnjoin_norms(attr, i);
        if (norm < 0)
            continue;
        const fn_batchnorm *a = (const fn_batchnorm *)g->node[norm].attr;
        if (before == FN_MOST_NORMS || (before > 0 && a->eps != attr->eps))
            return false;
        attr->eps = a->eps;
        attr->norm |= 1 << i;
        attr->relu |= (a->relu != 0) << i;
        memcpy(w + 4 * before, g->node[norm].w, 4 * sizeof *w);
    }
    return attr->norm != 0;
}

/* Whether the only reader of a node is a concat that takes batch norms. */
static bool norms_behind(const fn_graph *g, const fn_node *n)
{
    fn_bnjoin attr;
    int w[FN_MAX_WEIGHT], concat = fn_only_reader(g, n->y[0], "concat");
    return concat >= 0 && describe_norms(&attr, g, &g->node[concat], w);
}

/* Whether a concat takes a convolution's bias and ReLU. */
static bool gives_to_join(const fn_graph *g, const fn_node *conv)
{
    const fn_conv *a = (const fn_conv *)conv->attr;
    fn_convs_group of;
    return g->training && fn_is(conv, "conv") && (a->bias || a->relu) &&
           fn_only_reader(g, conv->y[0], "concat") >= 0 && !norms_behind(g, conv) &&
           !fn_convs_find(&of, g, (int)(conv - g->node), &rule);
}

/* The weights that come with it, in order. */
static fn_join describe_join(const fn_graph *g, const fn_node *concat, int *w)
{
    fn_join attr = {.ways = 1};
    for (int i = 0; i < concat->call.n_x; i++) {
        int maker = g->value[concat->x[i]].maker;
        if (maker < 0 || !gives_to_join(g, &g->node[maker]))
            continue;
        const fn_conv *a = (const fn_conv *)g->node[maker].attr;
        if (a->bias)
            *w++ = g->node[maker].w[1];
        attr.bias |= (a->bias != 0) << i;
        attr.relu |= (a->relu != 0) << i;
    }
    return attr;
}

/* Adds what a concat becomes, its readers' values where a fork behind it had them. */
static fn_status add_end(fn_rewrite *r, const fn_node *n, const char *op, const void *attr,
                         const int *w, const int *place)
{
    const fn_graph *g = r->from;
    int x[FN_MAX_IN], y[FN_MAX_OUT], fork = fn_only_reader(g, n->y[0], "fork");
    for (int i = 0; i < n->call.n_x; i++)
        x[i] = r->map[n->x[i]];
    FN_TRY(fn_graph_add(r->to, fn_op_find(op), n->name, attr, x, n->call.n_x, y));
    fn_node *added = &r->to->node[r->to->n_node - 1];
    memcpy(added->w, w, sizeof added->w);
    added->row = n->row;
    r->map[n->y[0]] = y[0];
    if (fork < 0)
        return FN_OK;
    r->done[fork] = true;
    for (int k = 0; k < g->node[fork].call.n_y; k++)
        r->map[g->node[fork].y[k]] = y[place[k]];
    return FN_OK;
}

static fn_status lower_concat(fn_rewrite *r, const fn_node *n)
{
    const fn_graph *g = r->from;
    int w[FN_MAX_WEIGHT] = {0}, place[FN_MAX_OUT] = {0}, ways = 1;
    int fork = g->training ? fn_only_reader(g, n->y[0], "fork") : -1;
    fn_bnjoin norms;
    fn_node *added;
    if (fork >= 0)
        ways = fn_convs_places(place, g, &g->node[fork], &rule);
    if (describe_norms(&norms, g, n, w)) {
        norms.ways = ways;
        return add_end(r, n, "bnjoin", &norms, w, place);
    }
    fn_join attr = describe_join(g, n, w);
    if (fork < 0 && !attr.bias && !attr.relu)
        return fn_rewrite_copy(r, n, NULL, &added);
    attr.ways = ways;
    return add_end(r, n, "join", &attr, w, place);
}

/* --- all of them --- */

static fn_status lower_conv(fn_rewrite *r, const fn_node *n)
{
    fn_conv attr;
    fn_node *added;
    fn_convs_group of;
    memcpy(&attr, n->attr, sizeof attr);
    if (fn_convs_find(&of, r->from, (int)(n - r->from->node), &rule))
        return fn_convs_lower(r, n, &of);
    if (gives_to_pool(r->from, n) || gives_to_join(r->from, n))
        attr.bias = attr.relu = 0;
    return fn_rewrite_copy(r, n, &attr, &added);
}

static fn_status lower_node(fn_rewrite *r, const fn_node *n)
{
    fn_poolnorm pair;
    fn_bnpool norm;
    fn_node *added;
    int second = partner(r->from, (int)(n - r->from->node), &pair);
    if (second >= 0)
        return lower_pair(r, n, second, &pair);
    second = pool_behind(r->from, n, &norm);
    if (second >= 0)
        return lower_bnpool(r, n, second, &norm);
    if (fn_is(n, "conv"))
        return lower_conv(r, n);
    if (fn_is(n, "batchnorm") && norms_behind(r->from, n)) {
        r->map[n->y[0]] = r->map[n->x[0]];
        return FN_OK;
    }
    if (fn_is(n, "fork"))
        return fn_convs_lower_fork(r, n, &rule);
    if (fn_is(n, "concat"))
        return lower_concat(r, n);
    return fn_rewrite_copy(r, n, n->op->attr_size ? n->attr : NULL, &added);
}

fn_status fn_lower_gpu(fn_graph **out, const fn_graph *g)
{
    return fn_rewrite_each(out, g, lower_node);
}
