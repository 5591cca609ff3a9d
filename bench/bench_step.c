/* bench_step.c -- how fast a network runs here: inference and a whole training step without
 * data, in images per second, best and median of the rounds; with and without Winograd.
 *
 *   bench_step NET BATCH [THREADS [ROUNDS]] */
#include "bench/bench.h"
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

static fn_status run_one(const fn_bench_task *t, bool training)
{
    static const char *const names[2][2] = {{"inference", "inference exact"},
                                            {"training", "training exact"}};
    fn_bench b[2] = {{NULL}};
    fn_status rc;
    FN_GO(fn_bench_open(&b[0], t->net, t->batch, training,
                        (fn_plan_options){.backend = FN_CPU}));
    FN_GO(fn_bench_open(&b[1], t->net, t->batch, training,
                        (fn_plan_options){.backend = FN_CPU, .exact = true}));
    rc = measure(b, names[training], t->batch, t->rounds < MOST ? t->rounds : MOST);
out:
    fn_bench_close(&b[0]);
    fn_bench_close(&b[1]);
    return rc;
}

static fn_status run(const fn_bench_task *t)
{
    FN_TRY(run_one(t, false));
    return run_one(t, true);
}

int main(int argc, char **argv)
{
    return fn_bench_main(argc, argv, "bench_step NET BATCH [THREADS [ROUNDS]]", run);
}
