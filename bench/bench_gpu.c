/* bench_gpu.c -- a network on a GPU: images a second, forward and of a step without its triplets.
 *
 *     bench_gpu NET BATCH PRECISION [ROUNDS]
 *
 * The medians of the rounds, each waited for. What a batch's images take to arrive is in them. */
#include "bench/bench.h"
#include "kernels/gpu.h"
#include "train/clock.h"

enum { MOST = 1000 };

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static fn_status measure(const fn_bench *b, int rounds, double *median)
{
    double spent[MOST];
    for (int i = -2; i < rounds; i++) { /* two to warm up */
        double before = fn_clock();
        FN_TRY(fn_bench_step(b));
        if (i >= 0)
            spent[i] = fn_clock() - before;
    }
    qsort(spent, (size_t)rounds, sizeof *spent, ascending);
    *median = spent[rounds / 2];
    return FN_OK;
}

static fn_status run_one(const fn_net *net, int batch, bool training, int rounds,
                         fn_plan_options o)
{
    fn_bench b;
    double median;
    fn_status rc;
    FN_TRY(fn_bench_open(&b, net, batch, training, o));
    FN_GO(measure(&b, rounds, &median));
    fn_plan_size size = fn_plan_size_of(b.plan);
    printf("%s %s, batch %d, %s: %.1f images/s, %.3f ms, %zu MB\n", fn_net_name(net),
           training ? "step" : "forward", batch, fn_precision_names[o.precision],
           batch / median, 1e3 * median, (size.arena + size.workspace) >> 20);
out:
    fn_bench_close(&b);
    return rc;
}

static fn_status run_all(const char *name, int batch, int precision, int rounds)
{
    char device[160];
    fn_net *net = NULL;
    fn_plan_options o = {.backend = FN_CUDA, .precision = (fn_precision)precision};
    fn_status rc = FN_OK;
    FN_TRY(fn_gpu_open(&o.gpu, 0));
    fn_gpu_describe(o.gpu, device, sizeof device);
    printf("device: %s\n", device);
    FN_GO(fn_net_open(&net, name, NULL));
    FN_GO(run_one(net, batch, false, rounds, o));
    FN_GO(run_one(net, batch, true, rounds, o));
out:
    fn_net_close(net);
    fn_gpu_close(o.gpu);
    return rc;
}

int main(int argc, char **argv)
{
    long batch = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    long rounds = argc > 4 ? strtol(argv[4], NULL, 10) : 10;
    int precision = argc > 3 ? fn_precision_find(argv[3]) : -1;
    if (batch < 1 || batch > 1 << 20 || precision < 0 || rounds < 1 || rounds > MOST) {
        fprintf(stderr, "usage: bench_gpu NET BATCH PRECISION [ROUNDS]\n");
        return 64;
    }
    fn_status rc = run_all(argv[1], (int)batch, precision, (int)rounds);
    if (rc != FN_OK)
        fprintf(stderr, "bench_gpu: %s\n", fn_last_error());
    return fn_exit_code(rc);
}
