/* bench_mine.c -- our side of bench/run.py's case of mining: distances and semi-hard triplets
 * of a batch.
 *
 *   bench_mine PEOPLE FACES DIM THREADS EMBEDDINGS */
#include "bench/wire.h"
#include "kernels/threads.h"
#include "train/mine.h"

typedef struct bench {
    float *embedding, *distance;
    int *label;
    int n, dim;
    fn_triplets triplets;
    float *given; /* the triplets as floats, of the last check */
} bench;

static fn_status mine(void *ctx)
{
    bench *b = ctx;
    FN_TRY(fn_distances(b->distance, b->embedding, b->n, b->dim));
    fn_faces faces = {b->embedding, b->distance, b->label, b->n, b->dim};
    return fn_mine(&b->triplets, &faces, &(fn_mine_options){.margin = 0.2f});
}

/* [triplets, 3]: indices are small enough to be floats. */
static const float *triplets(void *ctx, size_t *count, char words[128])
{
    bench *b = ctx;
    float *to = b->given;
    for (int64_t i = 0; i < b->triplets.n; i++) {
        *to++ = (float)b->triplets.triplet[i].anchor;
        *to++ = (float)b->triplets.triplet[i].positive;
        *to++ = (float)b->triplets.triplet[i].negative;
    }
    *count = (size_t)(to - b->given);
    snprintf(words, 128, "triplets %lld of %lld pairs", (long long)b->triplets.n,
             (long long)b->triplets.pairs);
    return b->given;
}

static fn_status open_bench(bench *b, int people, int faces, const char *path)
{
    b->n = people * faces;
    size_t n = (size_t)b->n;
    FN_TRY(fn_wire_floats(&b->embedding, path, n * (size_t)b->dim));
    b->distance = fn_alloc_aligned(n * n * sizeof(float));
    b->label = fn_alloc(n, sizeof *b->label);
    b->given = fn_alloc(n * (size_t)faces, 3 * sizeof *b->given);
    if (!b->distance || !b->label || !b->given)
        return fn_fail(FN_ENOMEM, "no memory for %d x %d faces", people, faces);
    for (int i = 0; i < b->n; i++)
        b->label[i] = i / faces;
    return FN_OK;
}

static int number(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
    bench b = {NULL};
    fn_wire w = {.ctx = &b, .run = mine, .result = triplets};
    fn_status rc;
    if (argc != 6) {
        rc = fn_fail(FN_EINVAL, "usage: bench_mine PEOPLE FACES DIM THREADS EMBEDDINGS");
        goto out;
    }
    b.dim = number(argv[3]);
    fn_threads_set(number(argv[4]));
    FN_GO(open_bench(&b, number(argv[1]), number(argv[2]), argv[5]));
    rc = fn_wire_serve(&w);
out:
    fn_triplets_free(&b.triplets);
    fn_free(b.embedding);
    fn_free(b.distance);
    fn_free(b.label);
    fn_free(b.given);
    return fn_wire_end(rc);
}
