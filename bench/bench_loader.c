/* bench_loader.c -- what the loader's threads cost, by what they hand out: crops as floats, or
 * faces as they are decoded, which a GPU crops.
 *
 *   bench_loader PACK HEIGHT WIDTH [THREADS [ROUNDS]]
 *
 * Images a second of CPU time, of all threads, so that others who are at work on the machine count
 * little: what one core keeps up with. Crops and faces take turns; a line is the median of the
 * rounds, and of their ratios the median, the least and the most. The pack is warm. */
#include "bench/bench.h"
#include "data/loader.h"

#include <time.h>

enum { PEOPLE = 16, FACES = 4, BATCHES = 100, MOST_ROUNDS = 99 };

typedef struct task {
    fn_pack *pack;
    fn_sampler *sampler;
    fn_loader_options o;
} task;

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static fn_status claim(void *ctx, void **out, size_t bytes)
{
    (void)ctx;
    *out = fn_alloc_aligned(bytes);
    return *out ? FN_OK : fn_fail(FN_ENOMEM, "no memory for faces");
}

static void give_back(void *ctx, void *p)
{
    (void)ctx;
    fn_free(p);
}

/* The first batch is not counted: its memory is new. */
static fn_status measure(const task *t, bool faces, double *rate)
{
    fn_loader_options o = t->o;
    fn_loader *l = NULL;
    fn_batch b;
    fn_status rc;
    double start = 0;
    if (faces)
        o.faces = (fn_tray_memory){claim, give_back, NULL};
    FN_TRY(fn_loader_open(&l, t->pack, t->sampler, o));
    for (int i = 0; i <= BATCHES; i++) {
        FN_GO(fn_loader_next(l, &b, NULL));
        if (i == FN_LOADER_AHEAD) /* each place has been used */
            start = cpu_seconds();
    }
    *rate = (BATCHES - FN_LOADER_AHEAD) * (double)b.size / (cpu_seconds() - start);
out:
    fn_loader_close(l);
    return rc;
}

static fn_status compare(const task *t, int rounds)
{
    double crops[MOST_ROUNDS], faces[MOST_ROUNDS], ratio[MOST_ROUNDS];
    for (int i = 0; i < rounds; i++) {
        FN_TRY(measure(t, false, &crops[i]));
        FN_TRY(measure(t, true, &faces[i]));
        ratio[i] = faces[i] / crops[i];
    }
    printf("crops   %8.0f images a second and core\n", fn_bench_median(crops, rounds));
    printf("faces   %8.0f\n", fn_bench_median(faces, rounds));
    double of = fn_bench_median(ratio, rounds);
    printf("ratio   %8.2f (%.2f-%.2f)\n", of, ratio[0], ratio[rounds - 1]);
    return FN_OK;
}

static fn_status run(int argc, char **argv)
{
    task t = {.o = {.augment = {.view = 0.9F,
                                .shift = 0.05F,
                                .zoom = 0.1F,
                                .flip = 1,
                                .brightness = 0.1F,
                                .contrast = 0.2F}}};
    int rounds = argc > 5 ? (int)strtol(argv[5], NULL, 10) : 5;
    fn_status rc;
    t.o.height = argc > 3 ? (int)strtol(argv[2], NULL, 10) : 0;
    t.o.width = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0;
    t.o.threads = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 1;
    if (t.o.height < 1 || t.o.width < 1 || t.o.threads < 1 || rounds < 1 ||
        rounds > MOST_ROUNDS)
        return fn_fail(FN_EINVAL,
                       "usage: bench_loader PACK HEIGHT WIDTH [THREADS [ROUNDS]]");
    FN_GO(fn_pack_open(&t.pack, argv[1]));
    FN_GO(fn_sampler_open(&t.sampler, t.pack, (fn_sampler_options){PEOPLE, FACES, 0, 1}));
    rc = compare(&t, rounds);
out:
    fn_sampler_close(t.sampler);
    fn_pack_close(t.pack);
    return rc;
}

int main(int argc, char **argv)
{
    fn_status rc = run(argc, argv);
    if (rc != FN_OK)
        fprintf(stderr, "%s\n", fn_last_error());
    return fn_exit_code(rc);
}
