/* layers.h -- what one row of a network's file expands to, where that is more than one op.
 * A row whose word is not here is an op by its own name: `lrn`, `maxpool`, `l2norm`. */
#ifndef FN_NN_LAYERS_H
#define FN_NN_LAYERS_H

#include "nn/graph.h"

/* What `each:` sets for all rows; every layer's attributes begin with it. */
typedef struct fn_style {
    int norm, act;
} fn_style;

extern const fn_field fn_style_fields[];

typedef struct fn_layer {
    const char *name;
    const fn_field *field;
    /* Appends the nodes of row `name`, reading value x and giving value *y. */
    fn_status (*build)(fn_graph *g, const char *name, const void *attr, int x, int *y);
} fn_layer;

extern const fn_layer fn_layers[]; /* ends with {0}; attributes fit FN_ATTR_BYTES */

#endif
