/* home.h -- where the numbers of a plan live: on the CPU as floats, there as doubles (FN_REF),
 * or in a GPU's memory. */
#ifndef FN_NN_HOME_H
#define FN_NN_HOME_H

#include "kernels/gpu.h"
#include "nn/graph.h"
#include "nn/params.h"

typedef struct fn_home {
    fn_backend backend;
    fn_gpu *gpu; /* FN_CUDA alone; borrowed */
    /* Whose weights and gradients are used; NULL: its own. */
    const struct fn_home *beside;
    bool fed;            /* the first node keeps the images, and nobody brings any */
    char *arena;         /* values, their gradients, notes */
    char *workspace;     /* of all nodes */
    void *weight, *grad; /* in the layout of fn_params, whose own they are on FN_CPU */
    void *folded;        /* convolutions with their batch norm folded in, end to end */
    float *fold;         /* where they are folded: folded itself, but for FN_CUDA */
    void *
        images; /* a copy of the batch; NULL on FN_CPU, which reads the caller's, and if fed */
    float *result[FN_MAX_OUT];          /* copies of the outputs; NULL on FN_CPU */
    int64_t images_count, folded_count; /* numbers */
    size_t images_bytes;
} fn_home;

/* Bytes of a weight, and of its gradient. */
size_t fn_home_number(const fn_home *h);

/* Bytes of the arena and the workspace, numbers that are folded. `h` is zeroed but for backend,
 * gpu, beside and fed. On failure it is as if closed. */
fn_status fn_home_open(fn_home *h, const fn_graph *g, fn_params *p, size_t arena,
                       size_t workspace, int64_t folded) FN_CHECKED;
void fn_home_close(fn_home *h);

/* From the host's floats to numbers of this type, and back; back waits until they are there. */
fn_status fn_home_bring(const fn_home *h, void *to, fn_type type, const float *from,
                        int64_t count) FN_CHECKED;
fn_status fn_home_fetch(const fn_home *h, float *to, const void *from, fn_type type,
                        int64_t count) FN_CHECKED;

#endif
