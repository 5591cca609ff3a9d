#include "train/step_cuda.h"

#include "core/mem.h"

#include <string.h>

_Static_assert(FN_TRIPLET_SEMIHARD == (int)FN_MINE_SEMIHARD &&
                   FN_TRIPLET_HARDEST_NEGATIVE == (int)FN_MINE_HARDEST_NEGATIVE &&
                   FN_TRIPLET_HARDEST == (int)FN_MINE_HARDEST &&
                   FN_TRIPLET_ALL == (int)FN_MINE_ALL &&
                   FN_TRIPLET_RANDOM == (int)FN_MINE_RANDOM,
               "one order of choices");
_Static_assert(FN_TRIPLET_SKIP == (int)FN_FALLBACK_SKIP &&
                   FN_TRIPLET_FARTHEST_NEGATIVE == (int)FN_FALLBACK_FARTHEST &&
                   FN_TRIPLET_NEAREST_NEGATIVE == (int)FN_FALLBACK_HARDEST,
               "one order of fallbacks");
_Static_assert(FN_TRIPLET_MEAN == (int)FN_REDUCE_MEAN &&
                   FN_TRIPLET_ACTIVE == (int)FN_REDUCE_ACTIVE &&
                   FN_TRIPLET_SUM == (int)FN_REDUCE_SUM,
               "one order of means");

struct fn_step_cuda {
    fn_device *device;
    fn_cublas *cublas;
    int n, dim;
    uint64_t seed;
    fn_triplet_rule rule;
    fn_triplet_batch batch;
    fn_optim_cuda *optim;
    char *telling;  /* pinned [FN_STEPS_AHEAD]: fn_told and labels, on their way */
    int told_since; /* the last question */
    /* the device's: */
    char *memory; /* of all that follows */
    float *d;     /* [n, n] */
    fn_told *told;
    int32_t *label; /* [n], behind it */
};

/* --- one piece of memory for all that a batch needs --- */

enum { ALIGNED = 256 };

/* The next `bytes` of `memory`, which may be NULL: then only `*used` counts. */
static void *take(char *memory, size_t *used, size_t bytes)
{
    size_t at = *used;
    *used += (bytes + ALIGNED - 1) / ALIGNED * ALIGNED;
    return memory ? memory + at : NULL;
}

static size_t told_bytes(const fn_step_cuda *s)
{
    return sizeof *s->told + (size_t)s->n * sizeof *s->label;
}

/* Products lie in the place of the weights c, which come later. */
static size_t divide(fn_step_cuda *s, char *memory)
{
    size_t n = (size_t)s->n, used = 0;
    s->d = take(memory, &used, n * n * sizeof *s->d);
    s->batch.negative = take(memory, &used, n * n * sizeof *s->batch.negative);
    s->batch.weight = take(memory, &used, n * n * sizeof *s->batch.weight);
    s->batch.de = take(memory, &used, n * (size_t)s->dim * sizeof *s->batch.de);
    s->batch.part = take(memory, &used, n * sizeof *s->batch.part);
    s->batch.result = take(memory, &used, sizeof *s->batch.result);
    s->told = take(memory, &used, told_bytes(s));
    s->label = memory ? (int32_t *)(s->told + 1) : NULL;
    s->batch.d = s->d;
    s->batch.label = s->label;
    s->batch.told = s->told;
    return used;
}

size_t fn_step_cuda_bytes(int n, int dim)
{
    fn_step_cuda s = {.n = n, .dim = dim};
    return divide(&s, NULL);
}

/* --- life --- */

static size_t room_to_tell(const fn_step_cuda *s)
{
    return (told_bytes(s) + ALIGNED - 1) / ALIGNED * ALIGNED;
}

static fn_status allocate(fn_step_cuda *s)
{
    if (s->n > FN_TRIPLET_FACES)
        return fn_fail(FN_EINVAL, "a batch of %d faces; a GPU mines up to %d", s->n,
                       FN_TRIPLET_FACES);
    FN_TRY(
        fn_device_alloc(s->device, (void **)&s->memory, fn_step_cuda_bytes(s->n, s->dim)));
    divide(s, s->memory);
    return fn_device_pin(s->device, (void **)&s->telling, FN_STEPS_AHEAD * room_to_tell(s));
}

fn_status fn_step_cuda_open(fn_step_cuda **out, fn_device *d, fn_cublas *c,
                            const fn_params *p, fn_optim *host, fn_step_place place,
                            const fn_step_options *o)
{
    fn_status rc;
    fn_step_cuda *s = fn_alloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return fn_fail(FN_ENOMEM, "no memory for a training step");
    *s = (fn_step_cuda){
        .device = d,
        .cublas = c,
        .n = o->n,
        .dim = o->dim,
        .seed = o->mine.seed,
        .rule = {(int)o->mine.kind, (int)o->mine.fallback, (int)o->reduce, o->mine.margin},
        .batch = {.e = place.e, .n = o->n, .dim = o->dim}};
    FN_GO(allocate(s));
    FN_GO(fn_optim_cuda_open(
        &s->optim, d, p, host, o->optim, o->clip,
        (fn_optim_place){place.w, place.g, s->told, &s->batch.result->loss}));
    *out = s;
    return FN_OK;
out:
    fn_step_cuda_close(s);
    return rc;
}

void fn_step_cuda_close(fn_step_cuda *s)
{
    if (!s)
        return;
    fn_optim_cuda_close(s->optim);
    fn_device_unpin(s->device, s->telling);
    fn_device_free(s->device, s->memory);
    fn_free(s);
}

/* --- a step --- */

fn_status fn_step_cuda_load(fn_step_cuda *s)
{
    return fn_optim_cuda_load(s->optim);
}

fn_status fn_step_cuda_tell(fn_step_cuda *s, int64_t step, const int *label, float rate)
{
    if (s->told_since == FN_STEPS_AHEAD) {
        FN_TRY(fn_device_wait(s->device));
        s->told_since = 0;
    }
    char *at = s->telling + (size_t)s->told_since++ * room_to_tell(s);
    fn_told told = {s->seed, (uint64_t)step, rate};
    memcpy(at, &told, sizeof told);
    memcpy(at + sizeof told, label, (size_t)s->n * sizeof *label);
    return fn_device_upload(s->device, s->told, at, told_bytes(s));
}

static fn_status find_distances(fn_step_cuda *s)
{
    float *product = (float *)s->batch.weight;
    fn_cublas_product p = {.precision = FN_PRECISION_FP32,
                           .transpose_b = true,
                           .m = s->n,
                           .n = s->n,
                           .k = s->dim,
                           .alpha = 1,
                           .a = s->batch.e,
                           .b = s->batch.e,
                           .c = product,
                           .lda = s->dim,
                           .ldb = s->dim,
                           .ldc = s->n};
    FN_TRY(fn_cublas_multiply(s->cublas, &p));
    return fn_device_check(
        fn_launch_distances(s->d, product, s->n, fn_device_stream(s->device)), "distances");
}

fn_status fn_step_cuda_loss(fn_step_cuda *s)
{
    void *stream = fn_device_stream(s->device);
    FN_TRY(find_distances(s));
    FN_TRY(fn_device_check(fn_launch_mine(&s->batch, &s->rule, stream), "mining"));
    return fn_device_check(fn_launch_triplet_back(&s->batch, stream),
                           "the gradient of the triplets");
}

const float *fn_step_cuda_gradient(const fn_step_cuda *s)
{
    return s->batch.de;
}

fn_status fn_step_cuda_update(fn_step_cuda *s)
{
    return fn_optim_cuda_step(s->optim);
}

fn_status fn_step_cuda_add(fn_step_cuda *s, float *sum, const float *g, float share)
{
    return fn_optim_cuda_add(s->optim, sum, g, share);
}

/* --- what it came to --- */

fn_status fn_step_cuda_ask(fn_step_cuda *s, fn_step_report *r)
{
    fn_triplet_result result;
    fn_update_state taken;
    FN_TRY(fn_device_download(s->device, &result, s->batch.result, sizeof result));
    FN_TRY(fn_optim_cuda_ask(s->optim, &taken));
    s->told_since = 0;
    *r = (fn_step_report){
        .loss = {taken.loss, result.active, result.d_ap, result.d_an},
        .triplets = result.sums.count,
        .steps = taken.steps,
        .step = (int64_t)taken.step,
        .gradient = taken.norm,
        .skipped = taken.skipped,
    };
    return fn_mine_check(result.sums.pairs, s->n);
}

/* Counts the triplets of `negative` [n, n]; into `to`, unless it is NULL. */
static int64_t list(fn_triplet *to, const int32_t *negative, int n)
{
    int64_t count = 0;
    for (int a = 0; a < n; a++)
        for (int p = 0; p < n; p++, negative++) {
            if (*negative >= 0 && to)
                to[count] = (fn_triplet){a, p, *negative};
            count += *negative >= 0;
        }
    return count;
}

static fn_status take_list(fn_triplets *t, const int32_t *negative, int n)
{
    int64_t count = list(NULL, negative, n);
    fn_triplet *more = fn_grow(t->triplet, (size_t)count + 1, sizeof *more);
    if (!more)
        return fn_fail(FN_ENOMEM, "no memory for %lld triplets", (long long)count);
    t->triplet = more;
    t->capacity = count + 1;
    t->n = list(more, negative, n);
    return FN_OK;
}

fn_status fn_step_cuda_triplets(fn_step_cuda *s, fn_triplets *t)
{
    size_t bytes = (size_t)s->n * (size_t)s->n * sizeof(int32_t);
    fn_triplet_result result;
    fn_status rc = FN_OK;
    int32_t *negative = NULL;
    *t = (fn_triplets){.triplet = t->triplet, .capacity = t->capacity};
    FN_GO(fn_device_download(s->device, &result, s->batch.result, sizeof result));
    FN_GO(fn_device_wait(s->device));
    t->every = s->rule.mining == FN_TRIPLET_ALL;
    t->count = result.sums.count;
    t->pairs = result.sums.pairs;
    t->most = result.sums.most;
    if (t->every)
        goto out;
    negative = fn_alloc(1, bytes);
    if (!negative) {
        rc = fn_fail(FN_ENOMEM, "no memory for the pairs of %d faces", s->n);
        goto out;
    }
    FN_GO(fn_device_download(s->device, negative, s->batch.negative, bytes));
    FN_GO(fn_device_wait(s->device));
    rc = take_list(t, negative, s->n);
out:
    fn_free(negative);
    return rc;
}

fn_status fn_step_cuda_distances(fn_step_cuda *s, float *d)
{
    FN_TRY(fn_device_download(s->device, d, s->d, (size_t)s->n * (size_t)s->n * sizeof *d));
    return fn_device_wait(s->device);
}

fn_status fn_step_cuda_fetch(fn_step_cuda *s)
{
    return fn_optim_cuda_fetch(s->optim);
}
