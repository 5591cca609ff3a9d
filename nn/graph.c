#include "nn/graph.h"

#include "core/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* More elements than any machine has; keeps every later product within 64 bits. */
static const int64_t most_elements = (int64_t)1 << 40;

static fn_status no_memory(const fn_graph *g, const char *what)
{
    return fn_fail(FN_ENOMEM, "%s: no memory for %s", g->name, what);
}

static fn_status check_size(const char *name, fn_shape s)
{
    if (fn_numel(s) <= most_elements)
        return FN_OK;
    return fn_fail(FN_ESHAPE, "%s would hold %lld numbers: make it smaller", name,
                   (long long)fn_numel(s));
}

fn_status fn_graph_open(fn_graph **out, const char *name, fn_shape input, bool training)
{
    fn_graph *g = fn_alloc(1, sizeof *g);
    *out = NULL;
    if (!g)
        return fn_fail(FN_ENOMEM, "%s: no memory for a graph", name);
    snprintf(g->name, sizeof g->name, "%s", name);
    g->training = training;
    g->value = fn_alloc(1, sizeof *g->value);
    fn_status rc = g->value ? check_size("the input", input) : no_memory(g, "the input");
    if (rc != FN_OK) {
        fn_graph_close(g);
        return rc;
    }
    g->value[0] = (fn_value){.shape = input, .maker = -1};
    g->n_value = 1;
    *out = g;
    return FN_OK;
}

void fn_graph_close(fn_graph *g)
{
    if (!g)
        return;
    fn_free(g->node);
    fn_free(g->value);
    fn_free(g->row);
    fn_free(g);
}

static fn_status make_room(fn_graph *g)
{
    fn_node *node = fn_grow(g->node, (size_t)g->n_node + 1, sizeof *node);
    if (!node)
        return no_memory(g, "a node");
    g->node = node;
    fn_value *value = fn_grow(g->value, (size_t)g->n_value + FN_MAX_OUT, sizeof *value);
    if (!value)
        return no_memory(g, "a value");
    g->value = value;
    return FN_OK;
}

/* Shapes of the outputs and weights from those of the inputs. */
static fn_status infer(fn_node *n)
{
    n->call.attr = n->attr;
    fn_status rc = n->op->infer(&n->call);
    n->call.attr = NULL; /* the node still moves when its array grows */
    FN_TRY(rc);
    for (int k = 0; k < n->call.n_y; k++)
        FN_TRY(check_size(n->op->name, n->call.y[k].shape));
    for (int k = 0; k < n->call.n_w; k++)
        FN_TRY(check_size(n->op->weight[k].name, n->call.w[k].shape));
    return FN_OK;
}

/* Numbers the node's outputs and weights; the graph has room. */
static void commit(fn_graph *g, const fn_node *n)
{
    fn_node *at = &g->node[g->n_node];
    *at = *n;
    for (int k = 0; k < n->call.n_y; k++) {
        g->value[g->n_value] = (fn_value){.shape = n->call.y[k].shape, .maker = g->n_node};
        at->y[k] = g->n_value++;
    }
    for (int k = 0; k < n->call.n_w; k++)
        at->w[k] = g->n_param++;
    g->n_node++;
}

fn_status fn_graph_add(fn_graph *g, const fn_op *op, const char *name, const void *attr,
                       const int *x, int n_x, int *y)
{
    fn_node n = {.op = op, .fold = {-1, -1, -1, -1}, .row = -1};
    assert(n_x >= 1 && n_x <= FN_MAX_IN && op->attr_size <= FN_ATTR_BYTES);
    snprintf(n.name, sizeof n.name, "%s", name);
    if (op->attr_size)
        memcpy(n.attr, attr, op->attr_size);
    n.call.training = g->training;
    n.call.n_x = n_x;
    for (int k = 0; k < n_x; k++) {
        assert(x[k] >= 0 && x[k] < g->n_value);
        n.x[k] = x[k];
        n.call.x[k].shape = g->value[x[k]].shape;
    }
    FN_TRY(infer(&n));
    FN_TRY(make_room(g));
    commit(g, &n);
    for (int k = 0; y && k < n.call.n_y; k++)
        y[k] = g->node[g->n_node - 1].y[k];
    return FN_OK;
}

void fn_graph_print_shape(char *text, size_t size, fn_shape s)
{
    snprintf(text, size, "%lldx%lldx%lld", (long long)s.dim[2], (long long)s.dim[3],
             (long long)s.dim[1]);
}
