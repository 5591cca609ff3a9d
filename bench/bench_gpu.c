/* bench_gpu.c -- a network on a GPU, a forward pass and a whole training step, a line of JSON each:
 * images a second of the median round, each round waited for; memory; joules, where the driver
 * counts them; MB an image that have to be moved at least (nn/traffic.h); of a step, what mining
 * takes: distances, triplets, loss and its gradient.
 *
 *     bench_gpu NET BATCH PRECISION [SECONDS]
 *
 * The images are random and on the GPU already: what they take to arrive is not in it. */
#include "bench/bench.h"
#include "bench/energy.h"
#include "bench/gpu_step.h"
#include "core/clock.h"
#include "nn/lower.h"
#include "nn/traffic.h"

enum { MOST = 4000, LEAST = 3, FACES = 40, MININGS = 21 };

typedef struct result {
    double median;      /* seconds of a round */
    double spent[MOST]; /* of each */
    double joules, all; /* of all rounds, and their images; joules 0: not counted */
    size_t memory;      /* bytes of the GPU's that are taken */
    double per_image;   /* bytes */
    double open;        /* seconds until it could begin: plans, some of them compiled */
    double first;       /* seconds of the first run, which loads kernels */
    double mining;      /* seconds, the median */
} result;

static fn_status memory_taken(const fn_gpu *gpu, size_t *bytes)
{
    fn_device_facts f;
    FN_TRY(fn_device_ask(gpu->device, &f));
    *bytes = f.memory - f.free_memory;
    return FN_OK;
}

/* Rounds until the seconds are over, but for two that warm up. */
static fn_status measure(result *r, fn_gpu_step *s, double seconds)
{
    fn_energy e;
    double began = 0, before = 0, after;
    int n = -2;
    fn_status rc = FN_OK;
    fn_energy_open(&e, 0);
    bool counted = fn_energy_read(&e, &before);
    for (; n < LEAST || (n < MOST && fn_clock() - began < seconds); n++) {
        double start = fn_clock();
        if (n == 0) {
            began = start;
            counted = fn_energy_read(&e, &before);
        }
        FN_GO(fn_gpu_step_run(s));
        if (n >= 0)
            r->spent[n] = fn_clock() - start;
        else if (n == -2)
            r->first = fn_clock() - start;
    }
    r->joules = counted && fn_energy_read(&e, &after) ? after - before : 0;
    r->all = (double)n * s->batch;
    r->median = fn_bench_median(r->spent, n);
    rc = memory_taken(s->gpu, &r->memory);
out:
    fn_energy_close(&e);
    return rc;
}

/* Of the last step's embeddings, several in a row so that waiting counts little. */
static fn_status measure_mining(result *r, const fn_gpu_step *s)
{
    double spent[MININGS];
    fn_recording *mining;
    fn_status rc;
    FN_TRY(fn_gpu_step_record(&mining, s, fn_gpu_step_mine));
    for (int i = -1; i < MININGS; i++) {
        double before = fn_clock();
        for (int k = 0; k < FN_STEPS_AHEAD; k++)
            FN_GO(fn_recording_play(mining));
        FN_GO(fn_gpu_wait(s->gpu));
        if (i >= 0)
            spent[i] = (fn_clock() - before) / FN_STEPS_AHEAD;
    }
    r->mining = fn_bench_median(spent, MININGS);
out:
    fn_recording_close(mining);
    return rc;
}

static fn_status count_bytes(result *r, const fn_graph *g, const fn_params *p,
                             fn_precision precision)
{
    fn_graph *fused, *low;
    FN_TRY(fn_lower(&fused, g, FN_CUDA));
    fn_status rc = fn_lower_formats(&low, fused, FN_CUDA, precision, NULL);
    fn_graph_close(fused);
    FN_TRY(rc);
    fn_traffic t = fn_traffic_of(low);
    int64_t update = g->training ? fn_traffic_of_update(p->count) : 0;
    r->per_image = (double)(t.forward + t.backward + update) /
                   (double)g->value[0].shape.dim[0];
    fn_graph_close(low);
    return FN_OK;
}

static void print(const result *r, const char *net, const fn_gpu_step *s,
                  const char *precision)
{
    printf("{\"net\": \"%s\", \"what\": \"%s\", \"batch\": %d, \"precision\": \"%s\", "
           "\"images_per_s\": %.1f, \"ms\": %.4f, \"memory_mb\": %zu, ",
           net, s->step ? "step" : "forward", s->batch, precision, s->batch / r->median,
           1e3 * r->median, r->memory >> 20);
    if (r->joules > 0)
        printf("\"joules_per_1000\": %.2f, ", 1e3 * r->joules / r->all);
    if (s->step)
        printf("\"mining_ms\": %.4f, \"mining_share\": %.5f, ", 1e3 * r->mining,
               r->mining / r->median);
    printf("\"mb_per_image\": %.3f, \"open_s\": %.2f, \"first_s\": %.3f, "
           "\"recorded\": %s}\n",
           r->per_image / 1e6, r->open, r->first, s->recording ? "true" : "false");
    fflush(stdout);
}

typedef struct task {
    fn_net *net;
    fn_gpu *gpu;
    fn_precision precision;
    int batch;
    double seconds;
    float *images;
} task;

static fn_status run_one(const task *t, bool training)
{
    static result r;
    fn_graph *g = NULL;
    fn_params *p = NULL;
    fn_gpu_step s = {.gpu = NULL};
    double before;
    int people = t->batch / FACES > 2 ? t->batch / FACES : 2;
    fn_status rc;
    r = (result){.median = 0};
    FN_GO(fn_net_build(&g, t->net, t->batch, training));
    FN_GO(fn_params_open(&p, g, training));
    fn_params_init(p, 1);
    FN_GO(count_bytes(&r, g, p, t->precision));
    before = fn_clock();
    FN_GO(
        fn_gpu_step_open(&s, t->gpu, g, p, t->precision, t->images, training ? people : 0));
    r.open = fn_clock() - before;
    FN_GO(measure(&r, &s, t->seconds));
    if (training)
        FN_GO(measure_mining(&r, &s));
    print(&r, fn_net_name(t->net), &s, fn_precision_names[t->precision]);
out:
    fn_gpu_step_close(&s);
    fn_params_close(p);
    fn_graph_close(g);
    return rc;
}

int main(int argc, char **argv)
{
    task t = {.seconds = argc > 4 ? strtod(argv[4], NULL) : 1};
    long batch = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    int precision = argc > 3 ? fn_precision_find(argv[3]) : -1;
    fn_status rc;
    if (batch < 4 || batch > 1 << 20 || precision < 0 || !(t.seconds >= 0)) {
        fprintf(stderr, "usage: bench_gpu NET BATCH PRECISION [SECONDS]\n");
        return 64;
    }
    t.batch = (int)batch;
    t.precision = (fn_precision)precision;
    FN_GO(fn_gpu_open(&t.gpu, 0));
    FN_GO(fn_net_open(&t.net, argv[1], NULL));
    t.images = fn_bench_numbers((int64_t)t.batch * fn_net_height(t.net) *
                                fn_net_width(t.net) * 3);
    if (!t.images)
        FN_GO(fn_fail(FN_ENOMEM, "no memory for a batch of %d", t.batch));
    FN_GO(run_one(&t, false));
    FN_GO(run_one(&t, true));
out:
    if (rc != FN_OK)
        fprintf(stderr, "bench_gpu: %s\n", fn_last_error());
    fn_free(t.images);
    fn_net_close(t.net);
    fn_gpu_close(t.gpu);
    return fn_exit_code(rc);
}
