/* bench_step.c -- how fast a network runs here: inference and a whole training step without
 * data, in images per second, best and median of the rounds; with and without Winograd.
 *
 *   bench_step NET BATCH [THREADS [ROUNDS]] */
#include "bench/bench.h"
#include "kernels/threads.h"
#include "train/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 1000 };

static int by_value(const void *p, const void *q)
{
    double a = *(const double *)p, b = *(const double *)q;
    return (a > b) - (a < b);
}

static void report(const char *what, double *spent, int batch, int rounds)
{
    qsort(spent, (size_t)rounds, sizeof *spent, by_value);
    printf("%-16s median %8.1f  best %8.1f images/s\n", what, batch / spent[rounds / 2],
           batch / spent[0]);
}

/* By turns, so that whatever else the machine does disturbs both alike. */
static fn_status measure(const fn_bench b[2], const char *const what[2], int batch,
                         int rounds)
{
    static double spent[2][MOST];
    FN_TRY(fn_bench_step(&b[0]));
    FN_TRY(fn_bench_step(&b[1]));
    for (int i = 0; i < rounds; i++)
        for (int k = 0; k < 2; k++) {
            double before = fn_clock();
            FN_TRY(fn_bench_step(&b[k]));
            spent[k][i] = fn_clock() - before;
        }
    report(what[0], spent[0], batch, rounds);
    report(what[1], spent[1], batch, rounds);
    return FN_OK;
}

static fn_status run(const fn_net *net, int batch, bool training, int rounds)
{
    static const char *const names[2][2] = {{"inference", "inference exact"},
                                            {"training", "training exact"}};
    fn_bench b[2] = {{NULL}};
    fn_status rc;
    FN_GO(fn_bench_open(&b[0], net, batch, training, (fn_plan_options){.backend = FN_CPU}));
    FN_GO(fn_bench_open(&b[1], net, batch, training,
                        (fn_plan_options){.backend = FN_CPU, .exact = true}));
    rc = measure(b, names[training], batch, rounds);
out:
    fn_bench_close(&b[0]);
    fn_bench_close(&b[1]);
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
