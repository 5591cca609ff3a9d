/* loader.c -- a ring of batches that threads fill ahead of the trainer.
 *
 *   step     next-1     next     next+1    ...    next+ahead-1
 *            lent       ready    filling          free
 *
 * The unit of work is one image of one batch: threads take units in order, so batches become
 * ready nearly in order and a slow image delays nobody else. What an image looks like depends
 * on (seed, step, place in the batch) alone, never on the thread that makes it. */
#include "data/loader.h"

#include "core/mem.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { AHEAD = 2, SENTENCE = 1024 };

/* One place of the ring. The image that fails at the lowest place speaks for its batch, so
 * that the complaint is the same for any number of threads. */
typedef struct place {
    float *x;
    int *image, *label;
    int left; /* images still to be made */
    int failed;
    fn_status status;
    char sentence[SENTENCE];
} place;

struct fn_loader {
    const fn_pack *pack;
    const fn_sampler *sampler;
    fn_loader_options o;
    int n; /* images of a batch */
    place *ring;
    pthread_t *thread;
    int threads; /* started */
    pthread_mutex_t lock;
    pthread_cond_t room, ready;
    /* under the lock: */
    bool stop;
    int64_t next, filling; /* steps: handed out next; being given to the threads */
    int slot;              /* of `filling`: the next image to give */
};

static place *place_of(const fn_loader *l, int64_t step)
{
    return &l->ring[(step - l->o.first_step) % (l->o.ahead + 1)];
}

static void record_failure(place *p, int slot, fn_status s)
{
    if (p->status != FN_OK && p->failed < slot)
        return;
    p->status = s;
    p->failed = slot;
    snprintf(p->sentence, sizeof p->sentence, "%s", fn_last_error());
}

/* --- the threads --- */

typedef struct unit {
    place *at;
    int64_t step;
    int slot;
} unit;

/* Draws the batch's images. A failure fails the whole batch: no image of it is given out. */
static void begin_batch(fn_loader *l)
{
    place *p = place_of(l, l->filling);
    p->status = FN_OK;
    p->left = l->n;
    fn_status rc = fn_sampler_batch(l->sampler, (uint64_t)l->filling, p->image, p->label);
    if (rc == FN_OK)
        return;
    record_failure(p, 0, rc);
    p->left = 0;
    l->filling++;
    pthread_cond_signal(&l->ready);
}

/* Waits for work; false when the loader closes. Called with the lock held. */
static bool take(fn_loader *l, unit *u)
{
    for (;;) {
        while (!l->stop && l->slot == 0 && l->filling == l->next + l->o.ahead)
            pthread_cond_wait(&l->room, &l->lock);
        if (l->stop)
            return false;
        int64_t step = l->filling;
        if (l->slot == 0)
            begin_batch(l);
        if (l->filling == step)
            break;
    }
    *u = (unit){place_of(l, l->filling), l->filling, l->slot};
    if (++l->slot == l->n) {
        l->slot = 0;
        l->filling++;
    }
    return true;
}

static fn_status make_image(const fn_loader *l, unit u, fn_view_scratch *scratch)
{
    fn_pixels face;
    size_t size = (size_t)l->o.height * (size_t)l->o.width * 3;
    float *x = u.at->x + (size_t)u.slot * size;
    FN_TRY(fn_pack_image(l->pack, u.at->image[u.slot], &face));
    fn_view v = fn_augment_draw(&l->o.augment, l->o.seed, (uint64_t)u.step,
                                (uint32_t)u.slot);
    fn_image image = fn_pixels_view(&face);
    fn_status rc = fn_view_render(x, l->o.height, l->o.width, &image, v, scratch);
    fn_pixels_free(&face);
    return rc;
}

static void *work(void *arg)
{
    fn_loader *l = arg;
    fn_view_scratch scratch = {NULL, 0};
    unit u;
    pthread_mutex_lock(&l->lock);
    while (take(l, &u)) {
        pthread_mutex_unlock(&l->lock);
        fn_status rc = make_image(l, u, &scratch);
        pthread_mutex_lock(&l->lock);
        if (rc != FN_OK)
            record_failure(u.at, u.slot, rc);
        if (--u.at->left == 0)
            pthread_cond_signal(&l->ready);
    }
    pthread_mutex_unlock(&l->lock);
    fn_free(scratch.data);
    return NULL;
}

/* --- the trainer's side --- */

static fn_status make_ring(fn_loader *l)
{
    size_t n = (size_t)l->n;
    size_t count = n * (size_t)l->o.height * (size_t)l->o.width * 3;
    l->ring = fn_alloc((size_t)l->o.ahead + 1, sizeof *l->ring);
    l->thread = fn_alloc((size_t)l->o.threads, sizeof *l->thread);
    bool ok = l->ring && l->thread;
    for (int i = 0; ok && i <= l->o.ahead; i++) {
        place *p = &l->ring[i];
        p->x = fn_alloc_aligned(count * sizeof(float));
        p->image = fn_alloc(n, sizeof(int));
        p->label = fn_alloc(n, sizeof(int));
        ok = p->x && p->image && p->label;
    }
    if (ok)
        return FN_OK;
    return fn_fail(
        FN_ENOMEM,
        "no memory for %d batches of %d images of %d x %d pixels; make the batch "
        "smaller or fewer ahead",
        l->o.ahead + 1, l->n, l->o.width, l->o.height);
}

static fn_status start_threads(fn_loader *l)
{
    for (; l->threads < l->o.threads; l->threads++) {
        errno = pthread_create(&l->thread[l->threads], NULL, work, l);
        if (errno)
            return fn_fail_errno("loader", "cannot start a thread; use fewer");
    }
    return FN_OK;
}

fn_status fn_loader_open(fn_loader **out, const fn_pack *pack, const fn_sampler *sampler,
                         fn_loader_options o)
{
    fn_loader *l = fn_alloc(1, sizeof *l);
    fn_status rc;
    *out = NULL;
    assert(o.height > 0 && o.width > 0 && o.threads > 0 && o.ahead >= 0);
    if (!l)
        return fn_fail(FN_ENOMEM, "%s: no memory for a loader", fn_pack_path(pack));
    o.ahead = o.ahead ? o.ahead : AHEAD;
    *l = (fn_loader){.pack = pack,
                     .sampler = sampler,
                     .o = o,
                     .n = fn_sampler_size(sampler),
                     .next = o.first_step,
                     .filling = o.first_step};
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->room, NULL);
    pthread_cond_init(&l->ready, NULL);
    FN_GO(make_ring(l));
    FN_GO(start_threads(l));
    *out = l;
    return FN_OK;
out:
    fn_loader_close(l);
    return rc;
}

void fn_loader_close(fn_loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->room);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->threads; i++)
        pthread_join(l->thread[i], NULL);
    for (int i = 0; l->ring && i <= l->o.ahead; i++) {
        fn_free(l->ring[i].x);
        fn_free(l->ring[i].image);
        fn_free(l->ring[i].label);
    }
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->room);
    pthread_cond_destroy(&l->ready);
    fn_free(l->ring);
    fn_free(l->thread);
    fn_free(l);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool is_ready(const fn_loader *l)
{
    return l->filling > l->next && place_of(l, l->next)->left == 0;
}

/* A batch that failed is not passed over: asking again fails again. */
fn_status fn_loader_next(fn_loader *l, fn_batch *b, double *waited)
{
    double start = now();
    pthread_mutex_lock(&l->lock);
    while (!is_ready(l))
        pthread_cond_wait(&l->ready, &l->lock);
    place *p = place_of(l, l->next);
    if (p->status == FN_OK) {
        *b = (fn_batch){p->x, p->label, p->image, l->n, l->next};
        l->next++;
        pthread_cond_broadcast(&l->room);
    }
    pthread_mutex_unlock(&l->lock);
    if (waited)
        *waited = now() - start;
    return p->status == FN_OK ? FN_OK : fn_fail(p->status, "%s", p->sentence);
}
