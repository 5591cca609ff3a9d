/* bench_step.c -- how fast a network runs here: inference and a whole training step without
 * data, in images per second, best and median of the rounds; in fp32, without Winograd, in bf16.
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

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return x[n / 2];
}

/* The ways in which a plan is timed: a way that this processor lacks is left out. */
typedef struct lane {
    const char *name;
    fn_plan_options options;
    fn_bench bench;
    double spent[MOST];
} lane;

static lane lanes[] = {
    {.name = "fp32", .options = {.backend = FN_CPU}},
    {.name = "exact", .options = {.backend = FN_CPU, .exact = true}},
    {.name = "bf16", .options = {FN_CPU, .precision = FN_PRECISION_BF16}}};
enum { LANES = sizeof lanes / sizeof *lanes };

/* By turns, so that whatever else the machine does disturbs all alike. */
static fn_status measure(int n, int rounds)
{
    for (int k = 0; k < n; k++)
        FN_TRY(fn_bench_step(&lanes[k].bench));
    for (int i = 0; i < rounds; i++)
        for (int k = 0; k < n; k++) {
            double before = fn_clock();
            FN_TRY(fn_bench_step(&lanes[k].bench));
            lanes[k].spent[i] = fn_clock() - before;
        }
    return FN_OK;
}

/* The ratio is the median of the rounds' own, to the first lane's. */
static void report(const char *what, const fn_bench_task *t, int n, int rounds)
{
    static double ratio[MOST];
    for (int k = n - 1; k >= 0; k--) {
        for (int i = 0; i < rounds; i++)
            ratio[i] = lanes[0].spent[i] / lanes[k].spent[i];
        double typical = median(lanes[k].spent, rounds);
        printf("%-9s %-5s median %8.1f  best %8.1f images/s  %5.2f times as fast\n", what,
               lanes[k].name, t->batch / typical, t->batch / lanes[k].spent[0],
               median(ratio, rounds));
    }
}

static fn_status run_one(const fn_bench_task *t, bool training)
{
    int n = LANES, rounds = t->rounds < MOST ? t->rounds : MOST;
    fn_status rc = FN_OK;
    if (fn_precision_accept(FN_PRECISION_BF16, FN_CPU, false) != FN_OK) {
        printf("%s\n", fn_last_error());
        n--;
    }
    for (int k = 0; k < n; k++)
        FN_GO(fn_bench_open(&lanes[k].bench, t->net, t->batch, training, lanes[k].options));
    FN_GO(measure(n, rounds));
    report(training ? "training" : "inference", t, n, rounds);
out:
    for (int k = 0; k < n; k++)
        fn_bench_close(&lanes[k].bench);
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
