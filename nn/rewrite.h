/* rewrite.h -- a graph copied node by node into another; what nn/lower*.c are made of. */
#ifndef FN_NN_REWRITE_H
#define FN_NN_REWRITE_H

#include "nn/graph.h"

typedef struct fn_rewrite {
    const fn_graph *from;
    fn_graph *to;
    int *map;   /* value of `from` -> value of `to` */
    bool *done; /* node of `from` that an earlier one has taken in */
} fn_rewrite;

/* A copy of `g` for which `visit` has made something of each node that is not done when its turn
 * comes, and has mapped its outputs. The graph's outputs follow. */
fn_status fn_rewrite_each(fn_graph **out, const fn_graph *g,
                          fn_status (*visit)(fn_rewrite *r, const fn_node *n)) FN_CHECKED;

/* For those that do more after the last node: open, work, finish; close in any case. */
fn_status fn_rewrite_open(fn_rewrite *r, const fn_graph *g) FN_CHECKED;
void fn_rewrite_finish(fn_rewrite *r,
                       fn_graph **out); /* outputs are the caller's business */
void fn_rewrite_close(fn_rewrite *r);

/* Adds `n` with other attributes to the new graph; its parameters keep their numbers. */
fn_status fn_rewrite_copy(fn_rewrite *r, const fn_node *n, const void *attr,
                          fn_node **out) FN_CHECKED;

/* The node also does the work of node `i` of the old graph, whose output is its own. */
void fn_rewrite_take_in(fn_rewrite *r, const fn_node *added, int i);

bool fn_is(const fn_node *n, const char *op);

/* The only node that reads value v, if it is an `op` and v is no output; otherwise -1. */
int fn_only_reader(const fn_graph *g, int v, const char *op);

#endif
