/* traffic.h -- bytes that a network moves through a GPU's memory if every node reads what it needs
 * once and writes what it gives once: the floor of a graph as it is lowered, which only another
 * lowering gets below. Over the bandwidth of a device it is a time that no step undercuts. */
#ifndef FN_NN_TRAFFIC_H
#define FN_NN_TRAFFIC_H

#include "nn/graph.h"

typedef struct fn_traffic {
    int64_t forward, backward; /* bytes */
} fn_traffic;

/* Of a graph that fn_lower_formats has lowered; backward is 0 where it was not built for training.
 * Forward: inputs, weights, outputs. Backward: the outputs' gradients, what the op keeps
 * (FN_KEEP_X, FN_KEEP_Y), weights; the inputs' gradients, the weights' in float. A fork copies
 * nothing, a join writes one value, and the images have no gradient. Weights are read as the
 * kernels' copies are stored: like the input. */
fn_traffic fn_traffic_of(const fn_graph *g);
fn_traffic fn_traffic_of_node(const fn_graph *g, int node);

/* What AdaGrad's update moves for this many weights, floats: it reads weight, gradient and state
 * and writes weight and state, and the copies are packed again. */
int64_t fn_traffic_of_update(int64_t weights);

#endif
