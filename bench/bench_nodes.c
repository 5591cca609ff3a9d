/* bench_nodes.c -- where a training step's time goes, and in u8, of inference: milliseconds an
 * image of each kind of node, forward and backward, and of each node when asked.
 *
 *   bench_nodes NET BATCH [THREADS [ROUNDS [each] [PRECISION]]] */
#include "bench/bench.h"
#include "core/clock.h"

#include <stdio.h>
#include <string.h>

enum { NODES = 512, KINDS = 32 };

/* Seconds of each node, summed over rounds, and when the last one ended. */
typedef struct times {
    double spent[2][NODES], last;
} times;

static void note(void *ctx, int node, bool backward)
{
    times *t = ctx;
    double now = fn_clock();
    t->spent[backward][node] += now - t->last;
    t->last = now;
}

static fn_status measure(fn_bench *b, times *t, int rounds)
{
    FN_TRY(fn_bench_step(b));
    fn_plan_watch(b->plan, note, t);
    for (int i = 0; i < rounds; i++) {
        t->last = fn_clock();
        FN_TRY(fn_plan_forward(b->plan, b->image));
        if (b->gradient)
            FN_TRY(fn_plan_backward(b->plan, b->gradient));
    }
    return FN_OK;
}

typedef struct kind {
    const char *op;
    int nodes;
    double forward, backward, work;
} kind;

static kind *kind_of(kind *k, const char *op)
{
    while (k->op && strcmp(k->op, op) != 0)
        k++;
    k->op = op;
    return k;
}

/* Backward multiplies twice as much. */
static void print(const char *name, kind k, double unit, double all)
{
    printf("%-28s %4d %9.3f %9.3f %6.1f%% %7.1f %7.1f\n", name, k.nodes, k.forward / unit,
           k.backward / unit, 100 * (k.forward + k.backward) / all,
           2e-9 * k.work / k.forward, 4e-9 * k.work / k.backward);
}

static void report(const fn_bench *b, const times *t, int rounds, double unit, bool each)
{
    kind kinds[KINDS] = {{0}}, all = {.op = "all"};
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < fn_plan_lines(b->plan); i++) {
            fn_plan_line line;
            fn_plan_line_at(b->plan, i, &line);
            kind one = {line.op, 1, t->spent[0][i], t->spent[1][i],
                        (double)(rounds * line.multiply_adds)};
            kind *sum[] = {&all, kind_of(kinds, line.op)};
            for (int k = 0; k < 2 && pass == 0; k++) {
                sum[k]->nodes++;
                sum[k]->forward += one.forward;
                sum[k]->backward += one.backward;
                sum[k]->work += one.work;
            }
            if (pass == 1 && each)
                print(line.name, one, unit, all.forward + all.backward);
        }
    for (const kind *k = kinds; k->op; k++)
        print(k->op, *k, unit, all.forward + all.backward);
    print("all", all, unit, all.forward + all.backward);
}

static fn_status open_bench(fn_bench *b, const fn_bench_task *t)
{
    return fn_bench_open(b, t->net, t->batch, t->precision != FN_PRECISION_U8,
                         (fn_plan_options){.backend = FN_CPU, .precision = t->precision});
}

static fn_status run(const fn_bench_task *task)
{
    static times t;
    fn_bench b;
    FN_TRY(open_bench(&b, task));
    fn_status rc = measure(&b, &t, task->rounds);
    if (rc == FN_OK) {
        printf("%-28s %4s %9s %9s %7s %7s %7s\n", "", "n", "fwd ms", "bwd ms", "share",
               "GF/s", "GF/s");
        report(&b, &t, task->rounds, task->rounds * task->batch * 1e-3, task->each);
    }
    fn_bench_close(&b);
    return rc;
}

int main(int argc, char **argv)
{
    return fn_bench_main(
        argc, argv, "bench_nodes NET BATCH [THREADS [ROUNDS [each] [PRECISION]]]", run);
}
