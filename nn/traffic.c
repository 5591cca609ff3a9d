#include "nn/traffic.h"

#include <string.h>

static int64_t bytes_of(const fn_graph *g, int value)
{
    const fn_value *v = &g->value[value];
    return fn_numel(v->shape) * (int64_t)fn_type_bytes(v->type);
}

static int64_t inputs(const fn_graph *g, const fn_node *n)
{
    int64_t bytes = 0;
    for (int i = 0; i < n->call.n_x; i++)
        bytes += bytes_of(g, n->x[i]);
    return bytes;
}

/* The outputs of a fork and of a join are one value. */
static bool is_one_value(const fn_node *n)
{
    return n->op->twins || strcmp(n->op->name, "fork") == 0;
}

static int64_t written(const fn_graph *g, const fn_node *n)
{
    int64_t bytes = 0;
    for (int i = 0; i < (is_one_value(n) ? 1 : n->call.n_y); i++)
        bytes += bytes_of(g, n->y[i]);
    return bytes;
}

static int64_t output_gradients(const fn_graph *g, const fn_node *n)
{
    int64_t bytes = 0;
    for (int i = 0; i < n->call.n_y; i++)
        bytes += bytes_of(g, n->y[i]);
    return bytes;
}

/* The network's images want none. */
static int64_t input_gradients(const fn_graph *g, const fn_node *n)
{
    int64_t bytes = 0;
    for (int i = 0; i < n->call.n_x; i++)
        bytes += n->x[i] == 0 ? 0 : bytes_of(g, n->x[i]);
    return bytes;
}

static int64_t weights(const fn_node *n)
{
    int64_t count = 0;
    for (int k = 0; k < n->call.n_w; k++)
        count += fn_numel(n->call.w[k].shape);
    return count;
}

fn_traffic fn_traffic_of_node(const fn_graph *g, int node)
{
    const fn_node *n = &g->node[node];
    fn_traffic t = {0, 0};
    int64_t w = weights(n), stored = w * (int64_t)fn_type_bytes(g->value[n->x[0]].type);
    bool fork = strcmp(n->op->name, "fork") == 0;
    if (!fork)
        t.forward = inputs(g, n) + stored + written(g, n);
    if (!g->training)
        return t;
    t.backward = output_gradients(g, n) + stored + input_gradients(g, n) +
                 w * (int64_t)sizeof(float);
    t.backward += n->call.keep & FN_KEEP_X ? inputs(g, n) : 0;
    t.backward += n->call.keep & FN_KEEP_Y ? written(g, n) : 0;
    return t;
}

fn_traffic fn_traffic_of(const fn_graph *g)
{
    fn_traffic sum = {0, 0};
    for (int i = 0; i < g->n_node; i++) {
        fn_traffic t = fn_traffic_of_node(g, i);
        sum.forward += t.forward;
        sum.backward += t.backward;
    }
    return sum;
}

int64_t fn_traffic_of_update(int64_t weights)
{
    return weights * (int64_t)(5 * sizeof(float) + sizeof(float) + sizeof(uint16_t));
}
