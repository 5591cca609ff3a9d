/* graph_count.h -- how many nodes of a graph are what they should be. */
#ifndef FN_TESTS_GRAPH_COUNT_H
#define FN_TESTS_GRAPH_COUNT_H

#include "nn/graph.h"

#include <string.h>

/* Of this op. */
static inline int count(const fn_graph *g, const char *op)
{
    int n = 0;
    for (int i = 0; i < g->n_node; i++)
        n += strcmp(g->node[i].op->name, op) == 0;
    return n;
}

/* And with an attribute there, an int, that is not 0. */
static inline int count_attr(const fn_graph *g, const char *op, size_t offset)
{
    int n = 0;
    for (int i = 0; i < g->n_node; i++) {
        int set;
        memcpy(&set, g->node[i].attr + offset, sizeof set);
        n += strcmp(g->node[i].op->name, op) == 0 && set;
    }
    return n;
}

#endif
