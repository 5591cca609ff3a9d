/* plan.h -- a graph made ready to run on one device, at one batch size. */
#ifndef FN_NN_PLAN_H
#define FN_NN_PLAN_H

#include "kernels/gpu.h"
#include "nn/graph.h"
#include "nn/params.h"

typedef struct fn_plan fn_plan;

typedef struct fn_plan_options {
    fn_backend backend;
    bool no_fuse; /* run the graph node by node, as the file says */
    bool exact;   /* no Winograd convolutions: they cost a digit (kernels/winograd.c) */
    fn_precision precision; /* of the convolutions; of all products on FN_CUDA */
    /* FN_PRECISION_U8: of each value of the lowered graph (nn/lower.h); one that is unknown stays
     * float. Borrowed while the plan is opened. See nn/gauge.h */
    const fn_range *range;
    bool gauged; /* its values are those of a plan in u8, whose ranges nn/gauge.h wants */
    fn_gpu *gpu; /* FN_CUDA; outlives the plan */
    /* Images are written where fn_plan_place_of says, never brought: for training on FN_CUDA. */
    bool fed;
    /* A plan of the same params, which outlives this one: both use its weights and gradients. */
    const fn_plan *beside;
} fn_plan_options;

/* lower -> choose formats, types -> prepare kernels -> place memory -> bind; see plan.c. A graph
 * built for training gives a plan with backward. `g` may be closed afterwards; `p` is
 * borrowed for the plan's life, and belongs to a graph of the same net (any batch).
 * Errors: those of fn_precision_accept, FN_EUNSUPPORTED, FN_ENOMEM. */
fn_status fn_plan_open(fn_plan **out, const fn_graph *g, fn_params *p,
                       fn_plan_options o) FN_CHECKED;
void fn_plan_close(fn_plan *p);

/* Call once after opening and whenever p->value changed: packs and folds the weights. */
fn_status fn_plan_load(fn_plan *p) FN_CHECKED;

/* images [N, H, W, C], borrowed until the next forward; N is the graph's batch. */
fn_status fn_plan_forward(fn_plan *p, const float *images) FN_CHECKED;
/* Output `i` of the last forward, [N, D], plain. Owned by the plan. */
const float *fn_plan_output(const fn_plan *p, int i);
/* d_out [N, D] is the gradient of output 0; writes every gradient of the parameters. */
fn_status fn_plan_backward(fn_plan *p, const float *d_out) FN_CHECKED;

/* --- the same in steps: numbers stay where the plan has them, and on FN_CUDA nothing waits --- */

/* Floats but for the images, on FN_CUDA in the device's memory; on FN_REF doubles. Owned by the
 * plan. */
typedef struct fn_plan_place {
    void *images; /* [N, H, W, C], of this type; NULL on FN_CPU */
    fn_type images_type;
    /* If fed: images lie so, as the first convolution wants them; NULL: as above. */
    const struct fn_stem *squares;
    void *output, *d_output; /* [N, D], of output 0, and its gradient */
    void *weight, *grad;     /* in the layout of fn_params; gaps are zero */
} fn_plan_place;
/* Of a plan that is not for training, the gradients' are NULL. */
fn_plan_place fn_plan_place_of(const fn_plan *p);

fn_status fn_plan_bring(fn_plan *p, const float *images) FN_CHECKED;
fn_status fn_plan_run(fn_plan *p) FN_CHECKED;  /* forward, of what was brought */
fn_status fn_plan_back(fn_plan *p) FN_CHECKED; /* backward, from d_output to grad */
/* The weights changed where they lie: the kernels' own copies. For training alone: what is folded
 * (fn_lower) would stay as it was. */
fn_status fn_plan_refresh(fn_plan *p) FN_CHECKED;

/* Calls `watch` when a node has run, forward or backward; NULL: nobody watches. */
void fn_plan_watch(fn_plan *p, void (*watch)(void *ctx, int node, bool backward),
                   void *ctx);

/* Node `node` as its kernel was called, while it is watched. */
const fn_call *fn_plan_call(const fn_plan *p, int node);
/* Bytes of what such a call points at, filled up to whole floats; waits for a GPU.
 * Errors: FN_EDEVICE. */
fn_status fn_plan_peek(const fn_plan *p, void *to, const void *from,
                       size_t bytes) FN_CHECKED;

/* One line a node, for `facenet info --plan` and tests. Pointers live as long as the plan. */
typedef struct fn_plan_line {
    const char *name, *op, *format, *type; /* format and type of the first output */
    fn_shape shape;                        /* of the first output */
    char kernel[256]; /* implementation names; "own" for our kernels, "ref" on FN_REF */
    bool slow;        /* a reference implementation is among them */
    size_t bytes;     /* of its outputs; 0 for a fork that copies nothing */
    size_t saved, workspace;
    int64_t multiply_adds; /* forward, of the whole batch */
} fn_plan_line;
int fn_plan_lines(const fn_plan *p);
void fn_plan_line_at(const fn_plan *p, int i, fn_plan_line *line);

typedef struct fn_plan_size {
    size_t arena, lower_bound, naive; /* values and their gradients, bytes */
    size_t saved, workspace;
    size_t images; /* a copy of the batch, where there is one */
    /* Values, gradients and folded copies; not what oneDNN packs for itself. */
    size_t weights;
} fn_plan_size;
fn_plan_size fn_plan_size_of(const fn_plan *p);

#endif
