/* bench.h -- a network with random weights and images, ready to be timed; and the command line
 * of programs that time one. */
#ifndef FN_BENCH_BENCH_H
#define FN_BENCH_BENCH_H

#include "core/mem.h"
#include "core/rng.h"
#include "kernels/precision.h"
#include "kernels/threads.h"
#include "nn/gauge.h"
#include "nn/net.h"
#include "nn/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline int fn_bench_ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Leaves them in ascending order. */
static inline double fn_bench_median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, fn_bench_ascending);
    return x[n / 2];
}

typedef struct fn_bench {
    fn_graph *graph;
    fn_params *params;
    fn_plan *plan;
    float *image, *gradient; /* gradient NULL: inference */
} fn_bench;

/* A gigabyte of draws takes seconds, so they are used again after a prime number of them: no two
 * images of a batch are the same. */
static inline float *fn_bench_numbers(int64_t n)
{
    enum { DRAWN = 1048573 };
    float *x = fn_alloc_aligned((size_t)n * sizeof *x);
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    for (int64_t i = 0; x && i < n; i++)
        x[i] = i < DRAWN ? (float)fn_rng_range(&r, -1, 1) : x[i - DRAWN];
    return x;
}

static inline void fn_bench_close(fn_bench *b)
{
    fn_plan_close(b->plan);
    fn_params_close(b->params);
    fn_graph_close(b->graph);
    fn_free(b->image);
    fn_free(b->gradient);
    *b = (fn_bench){.graph = NULL};
}

/* In u8 with the ranges of the images, which are what it will see. */
static inline fn_status fn_bench_open(fn_bench *b, const fn_net *net, int batch,
                                      bool training, fn_plan_options o)
{
    fn_status rc;
    *b = (fn_bench){.graph = NULL};
    FN_GO(fn_net_build(&b->graph, net, batch, training));
    FN_GO(fn_params_open(&b->params, b->graph, training));
    fn_params_init(b->params, 1);
    const fn_graph *g = b->graph;
    b->image = fn_bench_numbers(fn_numel(g->value[0].shape));
    if (training)
        b->gradient = fn_bench_numbers(fn_numel(g->value[g->output[0]].shape));
    if (!b->image || (training && !b->gradient))
        FN_GO(fn_fail(FN_ENOMEM, "no memory for a batch of %d", batch));
    FN_GO(o.precision == FN_PRECISION_U8
              ? fn_gauge_open_plan(&b->plan, g, b->params, o, b->image)
              : fn_plan_open(&b->plan, g, b->params, o));
    rc = fn_plan_load(b->plan);
    if (rc == FN_OK)
        return FN_OK;
out:
    fn_bench_close(b);
    return rc;
}

/* What a step costs beside data, loss and optimizer, packing of the new weights included; of
 * inference the forward pass alone. */
static inline fn_status fn_bench_step(const fn_bench *b)
{
    if (!b->gradient)
        return fn_plan_forward(b->plan, b->image);
    FN_TRY(fn_plan_load(b->plan));
    FN_TRY(fn_plan_forward(b->plan, b->image));
    return fn_plan_backward(b->plan, b->gradient);
}

/* What `NAME NET BATCH [THREADS [ROUNDS [each] [PRECISION]]]` asks for. */
typedef struct fn_bench_task {
    fn_net *net;
    int batch, rounds; /* 10 by default */
    bool each;
    fn_precision precision;
} fn_bench_task;

/* All of main. */
static inline int fn_bench_main(int argc, char **argv, const char *usage,
                                fn_status (*run)(const fn_bench_task *t))
{
    fn_bench_task t = {.net = NULL};
    fn_status rc;
    if (argc < 3) {
        fprintf(stderr, "usage: %s\n", usage);
        return fn_exit_code(FN_EINVAL);
    }
    t.batch = (int)strtol(argv[2], NULL, 10);
    fn_threads_set(argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0);
    t.rounds = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 10;
    for (int i = 5; i < argc; i++)
        if (strcmp(argv[i], "each") == 0)
            t.each = true;
        else if (fn_precision_find(argv[i]) >= 0)
            t.precision = (fn_precision)fn_precision_find(argv[i]);
    FN_GO(fn_net_open(&t.net, argv[1], NULL));
    rc = run(&t);
out:
    fn_net_close(t.net);
    if (rc != FN_OK)
        fprintf(stderr, "%s\n", fn_last_error());
    return fn_exit_code(rc);
}

#endif
