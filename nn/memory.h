/* memory.h -- one arena for every value, gradient and note of a graph, planned ahead. */
#ifndef FN_NN_MEMORY_H
#define FN_NN_MEMORY_H

#include "nn/graph.h"

enum { FN_NO_BUFFER = -1 };

/* Bytes of the arena that are spoken for during the steps first..last. Node i of n runs
 * forward at step i and, in training, backward at step 2n - i; step n is the caller's, who
 * reads the outputs and brings their gradients. */
typedef struct fn_buffer {
    size_t size, offset;
    int first, last;
} fn_buffer;

typedef struct fn_memory {
    fn_buffer *buffer;
    int n;
    int *value, *grad;  /* [graph n_value] index of a buffer, or FN_NO_BUFFER */
    int *saved;         /* [graph n_node] */
    size_t arena;       /* bytes */
    size_t lower_bound; /* most bytes alive at one step */
    size_t naive;       /* without any sharing */
} fn_memory;

/* Formats, types and saved_bytes are final. The input has no buffer: the caller owns it. Fork
 * outputs share their input's buffer, if it has one, twins one of their own, and an in-place op's
 * output takes over an input that nobody needs any more. */
fn_status fn_memory_open(fn_memory **out, const fn_graph *g) FN_CHECKED;
void fn_memory_close(fn_memory *m);

#endif
