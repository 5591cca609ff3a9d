/* bench_step.c -- how fast a network runs here: inference and a whole training step without data,
 * in images per second, best and median of the rounds; in fp32, without Winograd, in bf16, and
 * inference in u8.
 *
 *   bench_step NET BATCH [THREADS [ROUNDS]] */
#include "bench/bench.h"
#include "core/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 1000 };

/* The ways in which a plan is timed: what this processor lacks is left out. */
typedef struct lane {
    const char *name;
    fn_plan_options options;
    fn_bench bench;
    double spent[MOST];
} lane;

static lane lanes[] = {
    {.name = "fp32", .options = {FN_CPU}},
    {.name = "exact", .options = {FN_CPU, .exact = true}},
    {.name = "bf16", .options = {FN_CPU, .precision = FN_PRECISION_BF16}},
    {.name = "u8", .options = {FN_CPU, .precision = FN_PRECISION_U8}}};
enum { LANES = sizeof lanes / sizeof *lanes };

/* By turns, so that whatever else the machine does disturbs all alike; the first round is not
 * counted. */
static fn_status measure(int rounds)
{
    for (int i = -1; i < rounds; i++)
        for (lane *at = lanes; at < lanes + LANES; at++) {
            double before = fn_clock();
            if (at->bench.plan)
                FN_TRY(fn_bench_step(&at->bench));
            if (i >= 0)
                at->spent[i] = fn_clock() - before;
        }
    return FN_OK;
}

/* The ratio is the median of the rounds' own, to the first lane's. */
static void report(const char *what, int batch, int rounds)
{
    static double ratio[MOST];
    for (int k = LANES - 1; k >= 0; k--) {
        double *spent = lanes[k].spent;
        if (!lanes[k].bench.plan)
            continue;
        for (int i = 0; i < rounds; i++)
            ratio[i] = lanes[0].spent[i] / spent[i];
        double typical = fn_bench_median(spent, rounds);
        printf("%-9s %-5s median %8.1f  best %8.1f images/s  %5.2f times as fast\n", what,
               lanes[k].name, batch / typical, batch / spent[0],
               fn_bench_median(ratio, rounds));
    }
}

static fn_status open_lane(lane *at, const fn_bench_task *t, bool training)
{
    fn_plan_options o = at->options;
    if (o.precision == FN_PRECISION_U8 && training)
        return FN_OK;
    if (fn_precision_accept(o.precision, FN_CPU, o.exact) != FN_OK) {
        printf("%s\n", fn_last_error());
        return FN_OK;
    }
    return fn_bench_open(&at->bench, t->net, t->batch, training, o);
}

static fn_status run_one(const fn_bench_task *t, bool training)
{
    int rounds = t->rounds < MOST ? t->rounds : MOST;
    fn_status rc;
    for (int k = 0; k < LANES; k++)
        FN_GO(open_lane(&lanes[k], t, training));
    FN_GO(measure(rounds));
    report(training ? "training" : "inference", t->batch, rounds);
out:
    for (int k = 0; k < LANES; k++)
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
