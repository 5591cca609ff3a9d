/* loader.c -- a ring of pieces that threads fill ahead of the trainer.
 *
 *   piece    next-1     next     next+1    ...    next+ahead-1
 *            lent       ready    filling          free
 *
 * Pieces are numbered from 0 over all batches: `parts` a batch, each pass over it the same.
 * The unit of work is one image of one piece: threads take units in order, so pieces become
 * ready nearly in order and a slow image delays nobody else. What an image looks like depends
 * on (seed, step, place in the batch) alone, never on the thread that makes it. */
#include "data/loader.h"

#include "core/clock.h"
#include "core/mem.h"
#include "data/degrade.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

enum { SENTENCE = 1024 };

/* One place of the ring. The image that fails at the lowest place speaks for its piece, so
 * that the complaint is the same for any number of threads. */
typedef struct place {
    float *x;     /* or */
    fn_tray tray; /* of faces */
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
    int size;   /* images of a batch */
    int chunks; /* pieces of one pass */
    place *ring;
    pthread_t *thread;
    int threads; /* started */
    pthread_mutex_t lock;
    pthread_cond_t room, ready;
    /* under the lock: */
    bool stop;
    int64_t next, filling; /* pieces: handed out next; being given to the threads */
    int slot;              /* of `filling`: the next image to give */
};

static bool hands_out_faces(const fn_loader *l)
{
    return l->o.faces.claim != NULL;
}

static place *place_of(const fn_loader *l, int64_t piece)
{
    return &l->ring[piece % (l->o.ahead + 1)];
}

static int64_t step_of(const fn_loader *l, int64_t piece)
{
    return l->o.first_step + piece / ((int64_t)l->chunks * l->o.passes);
}

static int first_of(const fn_loader *l, int64_t piece)
{
    return (int)(piece % l->chunks) * l->o.chunk;
}

static int count_of(const fn_loader *l, int64_t piece)
{
    int left = l->size - first_of(l, piece);
    return left < l->o.chunk ? left : l->o.chunk;
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
    int64_t piece;
    int slot; /* of the piece */
} unit;

/* Draws the batch's images. A failure fails the whole piece: no image of it is given out. */
static void begin_piece(fn_loader *l)
{
    place *p = place_of(l, l->filling);
    p->status = FN_OK;
    p->left = count_of(l, l->filling);
    fn_tray_clear(&p->tray);
    fn_status rc = fn_sampler_batch(l->sampler, (uint64_t)step_of(l, l->filling), p->image,
                                    p->label);
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
        int64_t piece = l->filling;
        if (l->slot == 0)
            begin_piece(l);
        if (l->filling == piece)
            break;
    }
    *u = (unit){place_of(l, l->filling), l->filling, l->slot};
    if (++l->slot == count_of(l, l->filling)) {
        l->slot = 0;
        l->filling++;
    }
    return true;
}

/* The face of one slot of one step, degraded where that is drawn, and its view. */
static fn_status draw_face(fn_pixels *face, fn_view *v, const fn_pack *pack, int image,
                           const fn_loader_options *o, int64_t step, int slot)
{
    const fn_augment *a = &o->augment;
    uint64_t at = (uint64_t)step;
    uint32_t of = (uint32_t)slot;
    fn_status rc = fn_pack_image(pack, image, face);
    if (rc == FN_OK && (a->blur > 0 || a->jpeg))
        rc = fn_degrade_apply(face, fn_degrade_draw(a, o->seed, at, of));
    if (rc != FN_OK)
        fn_pixels_free(face);
    *v = fn_augment_draw(a, o->seed, at, of);
    return rc;
}

static fn_status make_image(const fn_loader *l, unit u, fn_view_scratch *scratch)
{
    int slot = first_of(l, u.piece) + u.slot;
    size_t size = (size_t)l->o.height * (size_t)l->o.width * 3;
    fn_pixels face;
    fn_view v;
    FN_TRY(
        draw_face(&face, &v, l->pack, u.at->image[slot], &l->o, step_of(l, u.piece), slot));
    if (hands_out_faces(l)) {
        fn_tray_put(&u.at->tray, u.slot, &face, v);
        return FN_OK;
    }
    fn_image image = fn_pixels_view(&face);
    fn_status rc = fn_view_render(u.at->x + (size_t)u.slot * size, l->o.height, l->o.width,
                                  &image, v, scratch);
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

static bool make_place(fn_loader *l, place *p)
{
    size_t n = (size_t)l->size;
    size_t count = (size_t)l->o.chunk * (size_t)l->o.height * (size_t)l->o.width * 3;
    bool ok;
    if (hands_out_faces(l))
        ok = fn_tray_open(&p->tray, l->o.chunk, l->o.faces) == FN_OK;
    else
        ok = (p->x = fn_alloc_aligned(count * sizeof(float))) != NULL;
    p->image = fn_alloc(n, sizeof(int));
    p->label = fn_alloc(n, sizeof(int));
    return ok && p->image && p->label;
}

static fn_status make_ring(fn_loader *l)
{
    l->ring = fn_alloc((size_t)l->o.ahead + 1, sizeof *l->ring);
    l->thread = fn_alloc((size_t)l->o.threads, sizeof *l->thread);
    bool ok = l->ring && l->thread;
    for (int i = 0; ok && i <= l->o.ahead; i++)
        ok = make_place(l, &l->ring[i]);
    if (ok)
        return FN_OK;
    return fn_fail(FN_ENOMEM,
                   "no memory for %d pieces of %d images of %d x %d pixels; make the batch "
                   "or its chunks smaller",
                   l->o.ahead + 1, l->o.chunk, l->o.width, l->o.height);
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
    assert(o.height > 0 && o.width > 0 && o.threads > 0 && o.ahead >= 0 && o.chunk >= 0);
    if (!l)
        return fn_fail(FN_ENOMEM, "%s: no memory for a loader", fn_pack_path(pack));
    int size = fn_sampler_size(sampler);
    o.ahead = o.ahead ? o.ahead : FN_LOADER_AHEAD;
    o.chunk = o.chunk ? o.chunk : size;
    o.passes = o.passes ? o.passes : 1;
    *l = (fn_loader){.pack = pack,
                     .sampler = sampler,
                     .o = o,
                     .size = size,
                     .chunks = (size + o.chunk - 1) / o.chunk};
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
        fn_tray_close(&l->ring[i].tray);
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

static bool is_ready(const fn_loader *l)
{
    return l->filling > l->next && place_of(l, l->next)->left == 0;
}

bool fn_loader_ready(fn_loader *l)
{
    pthread_mutex_lock(&l->lock);
    bool ready = is_ready(l) && place_of(l, l->next)->status == FN_OK;
    pthread_mutex_unlock(&l->lock);
    return ready;
}

/* Nobody else touches a piece that is ready. */
static place *wait_for_piece(fn_loader *l)
{
    pthread_mutex_lock(&l->lock);
    while (!is_ready(l))
        pthread_cond_wait(&l->ready, &l->lock);
    pthread_mutex_unlock(&l->lock);
    return place_of(l, l->next);
}

static void lend(fn_loader *l, fn_batch *b, const place *p)
{
    *b = (fn_batch){.x = p->x,
                    .rgb = p->tray.rgb,
                    .bytes = p->tray.used,
                    .face = p->tray.face,
                    .label = p->label,
                    .image = p->image,
                    .first = first_of(l, l->next),
                    .n = count_of(l, l->next),
                    .size = l->size,
                    .step = step_of(l, l->next)};
    pthread_mutex_lock(&l->lock);
    l->next++;
    pthread_cond_broadcast(&l->room);
    pthread_mutex_unlock(&l->lock);
}

/* A piece that failed is not passed over: asking again fails again. */
fn_status fn_loader_next(fn_loader *l, fn_batch *b, double *waited)
{
    double start = fn_clock();
    place *p = wait_for_piece(l);
    if (waited)
        *waited = fn_clock() - start;
    if (p->status != FN_OK)
        return fn_fail(p->status, "%s", p->sentence);
    if (hands_out_faces(l))
        FN_TRY(fn_tray_settle(&p->tray, count_of(l, l->next)));
    lend(l, b, p);
    return FN_OK;
}

fn_status fn_loader_crop(float *x, const fn_pack *pack, const fn_loader_options *o,
                         const fn_batch *b, int slot)
{
    fn_view_scratch scratch = {NULL, 0};
    fn_pixels face;
    fn_view v;
    FN_TRY(draw_face(&face, &v, pack, b->image[slot], o, b->step, slot));
    fn_image image = fn_pixels_view(&face);
    fn_status rc = fn_view_render(x, o->height, o->width, &image, v, &scratch);
    fn_pixels_free(&face);
    fn_free(scratch.data);
    return rc;
}
