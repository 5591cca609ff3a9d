/* plan_parts.h -- what a plan is; nn/plan*.c alone know. */
#ifndef FN_NN_PLAN_PARTS_H
#define FN_NN_PLAN_PARTS_H

#include "nn/home.h"
#include "nn/memory.h"
#include "nn/plan.h"

#include <string.h>

struct fn_plan {
    fn_graph *graph; /* lowered, with formats */
    fn_params *params;
    fn_backend backend;
    fn_memory *memory;
    fn_home home;
    size_t workspace_bytes;
    const struct fn_stem *squares; /* what the first node is fed; NULL: it reads images */
    bool loaded;
    void (*watch)(void *ctx, int node, bool backward);
    void *watch_ctx;
};

/* A fork whose outputs share its input's bytes has nothing to do. */
static inline bool fn_plan_is_alias(const fn_node *n)
{
    return strcmp(n->op->name, "fork") == 0 && n->call.y[0].data == n->call.x[0].data;
}

#endif
