/* bench_step.c -- how fast a network runs here: inference and a whole training step without
 * data, in images per second, best and median of the rounds.
 *
 *   bench_step NET BATCH [THREADS [ROUNDS]] */
#include "core/mem.h"
#include "core/rng.h"
#include "kernels/threads.h"
#include "nn/net.h"
#include "nn/plan.h"
#include "train/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 1000 };

typedef struct bench {
    fn_plan *plan;
    const float *image;
    float *gradient; /* NULL: inference */
} bench;

static int by_value(const void *p, const void *q)
{
    double a = *(const double *)p, b = *(const double *)q;
    return (a > b) - (a < b);
}

static fn_status once(const bench *b)
{
    FN_TRY(fn_plan_load(b->plan));
    FN_TRY(fn_plan_forward(b->plan, b->image));
    return b->gradient ? fn_plan_backward(b->plan, b->gradient) : FN_OK;
}

static fn_status measure(const bench *b, const char *what, int batch, int rounds)
{
    double spent[MOST];
    FN_TRY(once(b));
    for (int i = 0; i < rounds; i++) {
        double before = fn_clock();
        FN_TRY(once(b));
        spent[i] = fn_clock() - before;
    }
    qsort(spent, (size_t)rounds, sizeof *spent, by_value);
    printf("%-10s median %8.1f  best %8.1f images/s\n", what, batch / spent[rounds / 2],
           batch / spent[0]);
    return FN_OK;
}

static float *numbers(int64_t n)
{
    float *x = fn_alloc_aligned((size_t)n * sizeof *x);
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    for (int64_t i = 0; x && i < n; i++)
        x[i] = (float)fn_rng_range(&r, -1, 1);
    return x;
}

static fn_status run(const fn_net *net, int batch, bool training, int rounds)
{
    bench b = {NULL, NULL, NULL};
    fn_graph *g = NULL;
    fn_params *p = NULL;
    float *image = NULL;
    fn_status rc;
    FN_GO(fn_net_build(&g, net, batch, training));
    FN_GO(fn_params_open(&p, g, training));
    fn_params_init(p, 1);
    FN_GO(fn_plan_open(&b.plan, g, p, (fn_plan_options){.backend = FN_CPU}));
    b.image = image = numbers(fn_numel(g->value[0].shape));
    if (training)
        b.gradient = numbers(fn_numel(g->value[g->output[0]].shape));
    if (!image || (training && !b.gradient)) {
        rc = fn_fail(FN_ENOMEM, "no memory for a batch of %d", batch);
        goto out;
    }
    rc = measure(&b, training ? "training" : "inference", batch, rounds);
out:
    fn_plan_close(b.plan);
    fn_params_close(p);
    fn_graph_close(g);
    fn_free(image);
    fn_free(b.gradient);
    return rc;
}

int main(int argc, char **argv)
{
    fn_net *net = NULL;
    fn_status rc;
    if (argc < 3) {
        fprintf(stderr, "usage: bench_step NET BATCH [THREADS [ROUNDS]]\n");
        return fn_exit_code(FN_EINVAL);
    }
    int batch = (int)strtol(argv[2], NULL, 10);
    int rounds = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 10;
    fn_threads_set(argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0);
    FN_GO(fn_net_open(&net, argv[1], NULL));
    FN_GO(run(net, batch, false, rounds < MOST ? rounds : MOST));
    rc = run(net, batch, true, rounds < MOST ? rounds : MOST);
out:
    fn_net_close(net);
    if (rc != FN_OK)
        fprintf(stderr, "bench_step: %s\n", fn_last_error());
    return fn_exit_code(rc);
}
