/* lower_gpu.c -- the fusion patterns of FN_CUDA: they save bytes, which a GPU has least of. */
#include "kernels/bnpool.h"
#include "kernels/conv.h"
#include "kernels/convs.h"
#include "kernels/fork.h"
#include "kernels/join.h"
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

typedef struct group {
    int node[FN_MOST_CONVS], n;
    fn_convs attr;
} group;

/* The value that v is, if a fork made it. */
static int behind_forks(const fn_graph *g, int v)
{
    int maker = g->value[v].maker;
    return maker >= 0 && fn_is(&g->node[maker], "fork") ? g->node[maker].x[0] : v;
}

static bool may_join(const fn_graph *g, const fn_node *n)
{
    const fn_conv *a = (const fn_conv *)n->attr;
    return fn_is(n, "conv") && a->kernel == 1 && a->stride == 1 && a->out % 8 == 0 &&
           n->call.x[0].shape.dim[1] % 8 == 0 && n->fold[0] < 0 && !gives_to_pool(g, n);
}

/* Channels, times pixels, that are not moved any more. Each convolution but one reads x no more:
 * once in inference; in training twice, and it writes no dx that a fork reads. What is computed as
 * one is read and written once more, to be taken apart. */
static int64_t gain(const fn_graph *g, const group *of)
{
    int64_t in = g->node[of->node[0]].call.x[0].shape.dim[1], out = 0, fewer = of->n - 1;
    for (int i = 0; i < of->n; i++)
        out += of->attr.out[i];
    return fewer * in * (g->training ? 4 : 1) - 2 * out;
}

/* Those that are made one with node i, in order; false if it stays alone. */
static bool find_group(group *of, const fn_graph *g, int i)
{
    const fn_node *n = &g->node[i];
    const fn_conv *a = (const fn_conv *)n->attr;
    bool member = false;
    if (!may_join(g, n))
        return false;
    *of = (group){.attr = {.bias = a->bias, .relu = a->relu}};
    for (int k = 0; k < g->n_node && of->n < FN_MOST_CONVS; k++) {
        const fn_node *m = &g->node[k];
        const fn_conv *b = (const fn_conv *)m->attr;
        if (!may_join(g, m) || behind_forks(g, m->x[0]) != behind_forks(g, n->x[0]) ||
            b->bias != a->bias || b->relu != a->relu)
            continue;
        of->attr.out[of->n] = b->out;
        of->node[of->n++] = k;
        member = member || k == i;
    }
    of->attr.n = of->n;
    return member && of->n > 1 && gain(g, of) > 0;
}

static fn_status lower_group(fn_rewrite *r, const fn_node *n, const group *of)
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
static int leader(const fn_graph *g, const fn_node *fork, int k)
{
    group of;
    int reader = fn_only_reader(g, fork->y[k], "conv");
    return reader >= 0 && find_group(&of, g, reader) ? of.node[0] : -1;
}

/* Which output of the new fork each of this one's becomes: one is enough for all of a group. Returns
 * how many there are. */
static int find_places(int *place, const fn_graph *g, const fn_node *fork)
{
    int of[FN_MAX_OUT], ways = 0;
    for (int k = 0; k < fork->call.n_y; k++) {
        int same = 0;
        of[k] = leader(g, fork, k);
        while (same < k && (of[k] < 0 || of[same] != of[k]))
            same++;
        place[k] = same < k ? place[same] : ways++;
    }
    return ways;
}

static fn_status lower_fork(fn_rewrite *r, const fn_node *n)
{
    int place[FN_MAX_OUT] = {0}, y[FN_MAX_OUT] = {r->map[n->x[0]]};
    fn_fork attr = {find_places(place, r->from, n)};
    if (attr.ways > 1) {
        FN_TRY(fn_graph_add(r->to, n->op, n->name, &attr, &r->map[n->x[0]], 1, y));
        r->to->node[r->to->n_node - 1].row = n->row;
    }
    for (int k = 0; k < n->call.n_y; k++)
        r->map[n->y[k]] = y[place[k]];
    return FN_OK;
}

/* --- the end of a module --- */

/* Whether a concat takes a convolution's bias and ReLU. */
static bool gives_to_join(const fn_graph *g, const fn_node *conv)
{
    const fn_conv *a = (const fn_conv *)conv->attr;
    group of;
    int concat = fn_only_reader(g, conv->y[0], "concat");
    return g->training && fn_is(conv, "conv") && (a->bias || a->relu) && concat >= 0 &&
           g->node[concat].call.n_x <= FN_MAX_WEIGHT &&
           !find_group(&of, g, (int)(conv - g->node));
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

static fn_status lower_concat(fn_rewrite *r, const fn_node *n)
{
    const fn_graph *g = r->from;
    int w[FN_MAX_WEIGHT] = {0}, x[FN_MAX_IN], y[FN_MAX_OUT], place[FN_MAX_OUT] = {0};
    int fork = g->training ? fn_only_reader(g, n->y[0], "fork") : -1;
    fn_join attr = describe_join(g, n, w);
    fn_node *added;
    if (fork < 0 && !attr.bias && !attr.relu)
        return fn_rewrite_copy(r, n, NULL, &added);
    if (fork >= 0)
        attr.ways = find_places(place, g, &g->node[fork]);
    for (int i = 0; i < n->call.n_x; i++)
        x[i] = r->map[n->x[i]];
    FN_TRY(fn_graph_add(r->to, fn_op_find("join"), n->name, &attr, x, n->call.n_x, y));
    added = &r->to->node[r->to->n_node - 1];
    memcpy(added->w, w, sizeof w);
    added->row = n->row;
    r->map[n->y[0]] = y[0];
    if (fork < 0)
        return FN_OK;
    r->done[fork] = true;
    for (int k = 0; k < g->node[fork].call.n_y; k++)
        r->map[g->node[fork].y[k]] = y[place[k]];
    return FN_OK;
}

/* --- all of them --- */

static fn_status lower_conv(fn_rewrite *r, const fn_node *n)
{
    fn_conv attr;
    fn_node *added;
    group of;
    memcpy(&attr, n->attr, sizeof attr);
    if (find_group(&of, r->from, (int)(n - r->from->node)))
        return lower_group(r, n, &of);
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
    if (fn_is(n, "fork"))
        return lower_fork(r, n);
    if (fn_is(n, "concat"))
        return lower_concat(r, n);
    return fn_rewrite_copy(r, n, n->op->attr_size ? n->attr : NULL, &added);
}

fn_status fn_lower_gpu(fn_graph **out, const fn_graph *g)
{
    return fn_rewrite_each(out, g, lower_node);
}
