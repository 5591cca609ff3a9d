/* lower_convs.h -- 1x1 convolutions that read one value, as one `convs`; for nn/lower*.c. */
#ifndef FN_NN_LOWER_CONVS_H
#define FN_NN_LOWER_CONVS_H

#include "kernels/convs.h"
#include "nn/rewrite.h"

/* Those that are made one, in order. */
typedef struct fn_convs_group {
    int node[FN_MOST_CONVS], n;
    fn_convs attr;
} fn_convs_group;

/* What a backend joins: the convolutions that may be, of those that a convs can do, and the groups
 * that are worth it. */
typedef struct fn_convs_rule {
    bool (*may)(const fn_graph *g, const fn_node *conv);
    bool (*gains)(const fn_graph *g, const fn_convs_group *of);
} fn_convs_rule;

/* The group of node i; false if it stays alone. */
bool fn_convs_find(fn_convs_group *of, const fn_graph *g, int i, const fn_convs_rule *rule);

/* Which output of the new fork each of this one's becomes: one is enough for all of a group.
 * Returns how many there are. */
int fn_convs_places(int *place, const fn_graph *g, const fn_node *fork,
                    const fn_convs_rule *rule);

/* A group in the place of node n, its first; a fork, with as many outputs as remain. */
fn_status fn_convs_lower(fn_rewrite *r, const fn_node *n,
                         const fn_convs_group *of) FN_CHECKED;
fn_status fn_convs_lower_fork(fn_rewrite *r, const fn_node *n,
                              const fn_convs_rule *rule) FN_CHECKED;

#endif
