/* cudnn_backend.h -- cuDNN's graph interface in the few words that cudnn*.c share; the only
 * includer of <cudnn.h>.
 *
 * Everything there is a descriptor with attributes. A bag makes and keeps them, and remembers
 * the first failure: code that fills a bag reads without a check in every line, and whoever
 * empties it asks once. */
#ifndef FN_KERNELS_CUDNN_BACKEND_H
#define FN_KERNELS_CUDNN_BACKEND_H

#include "kernels/cudnn.h"

#include <cudnn.h>

typedef cudnnBackendDescriptor_t fn_cudnn_part;

struct fn_cudnn {
    cudnnHandle_t handle; /* NULL: the device is only described */
    cudaStream_t stream;
    fn_cudnn_part device; /* its properties */
    const fn_engines *chosen;
    void (*seen)(void *ctx, const fn_cudnn_conv *what); /* who listens */
    void *seen_ctx;
    char where[FN_CUDNN_TEXT];
};

enum { FN_CUDNN_PARTS = 512, FN_CUDNN_REASONS = 512 };

typedef struct fn_cudnn_bag {
    fn_cudnn_part part[FN_CUDNN_PARTS];
    int n;
    cudnnStatus_t bad; /* 0, or the first failure: then nothing is done any more */
    char reason[FN_CUDNN_REASONS];
} fn_cudnn_bag;

/* NULL after a failure. The bag owns it. */
fn_cudnn_part fn_cudnn_add(fn_cudnn_bag *b, cudnnBackendDescriptorType_t type);
void fn_cudnn_set(fn_cudnn_bag *b, fn_cudnn_part part, cudnnBackendAttributeName_t name,
                  cudnnBackendAttributeType_t type, int64_t count, const void *value);
/* An attribute that is one other part. */
void fn_cudnn_link(fn_cudnn_bag *b, fn_cudnn_part part, cudnnBackendAttributeName_t name,
                   fn_cudnn_part other);
void fn_cudnn_finish(fn_cudnn_bag *b, fn_cudnn_part part);
/* The first `room` values of an attribute; returns how many came. */
int fn_cudnn_get(fn_cudnn_bag *b, fn_cudnn_part part, cudnnBackendAttributeName_t name,
                 cudnnBackendAttributeType_t type, int room, void *value);
/* Destroys the parts that were added after the first `n`, but for those in `keep`. */
void fn_cudnn_drop(fn_cudnn_bag *b, int n, const fn_cudnn_part *keep, int n_keep);
fn_status fn_cudnn_status(const fn_cudnn_bag *b, const char *doing) FN_CHECKED;

/* Why cuDNN refused since the last call, each reason once, at most size - 1 bytes. */
void fn_cudnn_reasons(char *text, size_t size);
/* The same, thrown away, so that the next reasons are about the next thing. */
void fn_cudnn_forget_reasons(void);

/* --- cudnn_graph.c --- */

/* Tensors of a graph, by which run() binds pointers. */
enum { FN_CUDNN_X = 1, FN_CUDNN_DX, FN_CUDNN_W, FN_CUDNN_B, FN_CUDNN_Y, FN_CUDNN_INSIDE };

/* Refuses what no plan should be made for. */
fn_status fn_cudnn_check(const fn_cudnn_conv *a) FN_CHECKED;
/* Bytes of the tensors that the pass has; 0: it has no such. */
typedef struct fn_cudnn_sizes {
    size_t x, dx, w, b, y;
} fn_cudnn_sizes;
fn_cudnn_sizes fn_cudnn_sizes_of(const fn_cudnn_conv *a);
/* The operation graph; failures are in the bag. */
fn_cudnn_part fn_cudnn_graph(fn_cudnn_bag *b, const fn_cudnn_conv *a);

/* --- cudnn_engine.c --- */

enum { FN_CUDNN_CONFIGS = 96 };

/* Ways to compute a graph, engines with their knobs: cuDNN's best guess first. */
typedef struct fn_cudnn_configs {
    fn_cudnn_part config[FN_CUDNN_CONFIGS]; /* the bag owns them */
    int n, passed_over; /* left out: of another precision, or with bits that vary */
} fn_cudnn_configs;

void fn_cudnn_find(fn_cudnn_configs *found, fn_cudnn_bag *b, const fn_cudnn *c,
                   fn_cudnn_part graph, fn_precision precision);
/* The one way that `choice` says. */
void fn_cudnn_take(fn_cudnn_configs *found, fn_cudnn_bag *b, const fn_cudnn *c,
                   fn_cudnn_part graph, fn_precision precision, const fn_engine *choice);
/* As it would be written down. */
void fn_cudnn_read_engine(fn_engine *e, fn_cudnn_bag *b, fn_cudnn_part config);

/* --- cudnn_plan.c --- */

struct fn_cudnn_plan {
    fn_cudnn *c;
    fn_cudnn_conv what;
    fn_cudnn_bag bag;
    fn_cudnn_part graph, plan, pack; /* of the bag */
    fn_cudnn_data bound;             /* what `pack` points at */
    size_t workspace;
    fn_engine engine;
};

/* fn_cudnn_plan_open on this engine alone; NULL: on the first that fits. */
fn_status fn_cudnn_plan_open_on(fn_cudnn_plan **out, fn_cudnn *c, const fn_cudnn_conv *what,
                                const fn_engine *choice) FN_CHECKED;

/* --- cudnn_tune.c --- */

/* All that fn_cudnn_tune would try; fn_free. */
fn_status fn_cudnn_candidates(fn_engine **out, int *n, fn_cudnn *c,
                              const fn_cudnn_conv *what) FN_CHECKED;

#endif
