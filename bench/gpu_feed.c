/* gpu_feed.c -- a training step on a GPU with its faces, beside the step alone: they are decoded by
 * THREADS, uploaded and cut there as training does it (train/feed_cuda.h). A line of JSON.
 *
 *     gpu_feed PACK NET BATCH PRECISION THREADS [SECONDS]
 *
 * Three ways take turns: the step alone, with the faces of one batch; the same with the feed; and
 * the feed alone, which is what the threads can deliver at most. A turn begins with steps that
 * are not timed, until what was decoded in the turn before is used up. */
#include "bench/bench.h"
#include "bench/gpu_step.h"
#include "core/clock.h"
#include "train/feed_cuda.h"

enum { ROUNDS = 3, READY = FN_LOADER_AHEAD + 2, LEAST = 4, MOST = 200 };

typedef struct bench {
    fn_gpu *gpu;
    fn_net *net;
    fn_graph *graph;
    fn_params *params;
    fn_pack *pack;
    fn_sampler *sampler;
    fn_feed *feed;
    fn_gpu_step step;
    int people, faces, threads, steps; /* of a turn */
    double waited;                     /* seconds, for the decoders */
} bench;

/* --- a step --- */

static fn_status feed(bench *b)
{
    fn_batch batch;
    double waited;
    fn_plan_place at = fn_plan_place_of(b->step.plan);
    FN_TRY(fn_feed_next(b->feed, &batch, &waited));
    memcpy(b->step.label, batch.label, (size_t)batch.size * sizeof *batch.label);
    b->waited += waited;
    return fn_feed_crop(b->feed, at.images, at.images_type, at.squares);
}

static fn_status step(bench *b)
{
    return fn_gpu_step_queue(&b->step);
}

static fn_status feed_and_step(bench *b)
{
    FN_TRY(feed(b));
    return step(b);
}

/* --- turns --- */

typedef struct way {
    fn_status (*run)(bench *b);
    double spent[ROUNDS]; /* seconds of a step */
    double waited;        /* of all rounds */
} way;

static fn_status take_turn(way *w, int round, bench *b)
{
    for (int i = 0; i < READY; i++)
        FN_TRY(w->run(b));
    FN_TRY(fn_gpu_wait(b->gpu));
    b->waited = 0;
    double before = fn_clock();
    for (int i = 0; i < b->steps; i++)
        FN_TRY(w->run(b));
    FN_TRY(fn_gpu_wait(b->gpu));
    w->spent[round] = (fn_clock() - before) / b->steps;
    w->waited += b->waited;
    return FN_OK;
}

/* As many steps a turn as fill the seconds. */
static fn_status choose_steps(bench *b, double seconds)
{
    way alone = {.run = step};
    FN_TRY(feed(b));
    b->steps = 1;
    FN_TRY(take_turn(&alone, 0, b));
    double steps = seconds / alone.spent[0];
    b->steps = steps < LEAST ? LEAST : steps > MOST ? MOST : (int)steps;
    return FN_OK;
}

static fn_status compare(bench *b, const char *precision)
{
    way ways[] = {{.run = step}, {.run = feed_and_step}, {.run = feed}};
    way *alone = &ways[0], *fed = &ways[1], *only = &ways[2];
    double ratio[ROUNDS], wait = 0, n = b->step.batch;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 3; i++)
            FN_TRY(take_turn(&ways[i], round, b));
        ratio[round] = alone->spent[round] / fed->spent[round];
        wait += fed->spent[round] * b->steps;
    }
    double of_alone = fn_bench_median(ratio, ROUNDS);
    double with = fn_bench_median(fed->spent, ROUNDS);
    printf("{\"net\": \"%s\", \"what\": \"fed\", \"batch\": %d, \"precision\": \"%s\", "
           "\"threads\": %d, \"images_per_s\": %.1f, \"ms\": %.4f, \"alone_ms\": %.4f, "
           "\"of_alone\": %.4f, \"least\": %.4f, \"most\": %.4f, \"waited\": %.4f, "
           "\"decoded_per_s\": %.1f, \"steps\": %d}\n",
           fn_net_name(b->net), b->step.batch, precision, b->threads, n / with, 1e3 * with,
           1e3 * fn_bench_median(alone->spent, ROUNDS), of_alone, ratio[0],
           ratio[ROUNDS - 1], fed->waited / wait, n / fn_bench_median(only->spent, ROUNDS),
           b->steps);
    return FN_OK;
}

/* --- set-up --- */

/* The paper's 40 faces of a person, where they divide the batch; else fewer. */
static fn_status choose_people(bench *b, int batch)
{
    static const int many[] = {40, 8, 4, 2};
    for (int i = 0; i < 4 && !b->faces; i++)
        if (batch % many[i] == 0 && batch >= 2 * many[i])
            b->faces = many[i];
    if (!b->faces)
        return fn_fail(FN_EINVAL, "a batch of %d: expected an even one, of 4 or more",
                       batch);
    b->people = batch / b->faces;
    return FN_OK;
}

static fn_status open_faces(bench *b, const char *pack)
{
    fn_loader_options o = {.height = fn_net_height(b->net),
                           .width = fn_net_width(b->net),
                           .augment = {.view = 0.9F,
                                       .shift = 0.05F,
                                       .zoom = 0.1F,
                                       .flip = 1,
                                       .brightness = 0.1F,
                                       .contrast = 0.2F},
                           .threads = b->threads};
    FN_TRY(fn_pack_open(&b->pack, pack));
    FN_TRY(fn_sampler_open(&b->sampler, b->pack,
                           (fn_sampler_options){b->people, b->faces, 0, 1}));
    return fn_feed_open(&b->feed, b->gpu->device, b->pack, b->sampler, o);
}

static fn_status open_bench(bench *b, char **word, fn_precision precision)
{
    int batch = (int)strtol(word[2], NULL, 10);
    FN_TRY(choose_people(b, batch));
    FN_TRY(fn_gpu_open(&b->gpu, 0));
    FN_TRY(fn_net_open(&b->net, word[1], NULL));
    FN_TRY(fn_net_build(&b->graph, b->net, batch, true));
    FN_TRY(fn_params_open(&b->params, b->graph, true));
    fn_params_init(b->params, 1);
    FN_TRY(fn_gpu_step_open(&b->step, b->gpu, b->graph, b->params, precision, NULL,
                            b->people));
    return open_faces(b, word[0]);
}

static void close_bench(bench *b)
{
    if (b->step.gpu)
        fn_gpu_step_close(&b->step);
    fn_feed_close(b->feed);
    fn_sampler_close(b->sampler);
    fn_pack_close(b->pack);
    fn_params_close(b->params);
    fn_graph_close(b->graph);
    fn_net_close(b->net);
    fn_gpu_close(b->gpu);
}

int main(int argc, char **argv)
{
    bench b = {.threads = argc > 5 ? (int)strtol(argv[5], NULL, 10) : 0};
    int precision = argc > 4 ? fn_precision_find(argv[4]) : -1;
    double seconds = argc > 6 ? strtod(argv[6], NULL) : 1;
    fn_status rc;
    if (b.threads < 1 || precision < 0 || !(seconds >= 0)) {
        fprintf(stderr, "usage: gpu_feed PACK NET BATCH PRECISION THREADS [SECONDS]\n");
        return 64;
    }
    FN_GO(open_bench(&b, argv + 1, (fn_precision)precision));
    FN_GO(choose_steps(&b, seconds));
    rc = compare(&b, argv[4]);
out:
    if (rc != FN_OK)
        fprintf(stderr, "gpu_feed: %s\n", fn_last_error());
    close_bench(&b);
    return fn_exit_code(rc);
}
