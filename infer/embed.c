/* embed.c -- many images: threads crop and render views, the calling thread runs the network.
 *
 *   slot 0  [max_batch views | mirror images]   <- threads fill batch b + 1
 *   slot 1  [max_batch views | mirror images]   -> the network takes batch b
 *
 * Image i has its place in batch i / max_batch whoever renders it, so the result does not
 * depend on the number of threads. Images are taken in order: when one fails, all before it
 * have been taken and are finished, so the failure reported is that of the first bad image. */
#include "core/mem.h"
#include "infer/pass.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { SLOTS = 2 };

typedef struct job {
    fn_session *session;
    fn_embed_source source;
    int n, views;  /* images; views of each: 2 with flip */
    float *x;      /* [SLOTS, views, max_batch, height, width, 3] */
    float *mirror; /* [max_batch, dim] */

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    int next;        /* the first image that nobody has taken */
    int passed;      /* batches that the network is through with */
    int left[SLOTS]; /* images of the slot's batch that are not rendered yet */
    bool stop;
    int bad; /* the first image that failed; n when none */
    fn_status status;
    char sentence[1024];
} job;

static int batch_size(const job *j, int batch)
{
    int64_t left = j->n - (int64_t)batch * j->session->max_batch;
    return left < 0 ? 0 : left < j->session->max_batch ? (int)left : j->session->max_batch;
}

static float *place(const job *j, int batch, int view, int at)
{
    int64_t row = ((int64_t)(batch % SLOTS) * j->views + view) * j->session->max_batch + at;
    return j->x + (size_t)row * fn_pass_floats(j->session);
}

/* --- the threads --- */

/* The next image whose slot is free, or -1 when there is nothing more to do. */
static int take(job *j)
{
    int i = -1;
    pthread_mutex_lock(&j->lock);
    while (!j->stop && j->next < j->n &&
           j->next / j->session->max_batch >= j->passed + SLOTS)
        pthread_cond_wait(&j->changed, &j->lock);
    if (!j->stop && j->next < j->n)
        i = j->next++;
    pthread_mutex_unlock(&j->lock);
    return i;
}

static void finish(job *j, int i, fn_status rc)
{
    pthread_mutex_lock(&j->lock);
    int *left = &j->left[i / j->session->max_batch % SLOTS];
    if (rc != FN_OK) {
        j->stop = true;
        if (i < j->bad) {
            j->bad = i;
            j->status = rc;
            snprintf(j->sentence, sizeof j->sentence, "%s", fn_last_error());
        }
    }
    if (--*left == 0 || rc != FN_OK)
        pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

static fn_status render(job *j, int i, fn_view_scratch *scratch)
{
    const fn_session *s = j->session;
    fn_pixels face = {NULL, 0, 0};
    fn_view view = fn_view_centre(s->view);
    fn_status rc = j->source.crop(j->source.ctx, i, &face);
    fn_image image = fn_pixels_view(&face);
    for (int k = 0; k < j->views && rc == FN_OK; k++) {
        view.flip = k > 0;
        rc = fn_view_render(place(j, i / s->max_batch, k, i % s->max_batch), s->height,
                            s->width, &image, view, scratch);
    }
    fn_pixels_free(&face);
    return rc;
}

static void *work(void *arg)
{
    job *j = arg;
    fn_view_scratch scratch = {NULL, 0};
    for (int i; (i = take(j)) >= 0;)
        finish(j, i, render(j, i, &scratch));
    fn_free(scratch.data);
    return NULL;
}

/* --- the calling thread --- */

static void stop(job *j)
{
    pthread_mutex_lock(&j->lock);
    j->stop = true;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

/* Waits until a batch is rendered; false when an image of it or of another has failed. */
static bool wait_for(job *j, int batch)
{
    pthread_mutex_lock(&j->lock);
    while (!j->stop && j->left[batch % SLOTS] > 0)
        pthread_cond_wait(&j->changed, &j->lock);
    bool go = !j->stop;
    pthread_mutex_unlock(&j->lock);
    return go;
}

static void pass_on(job *j, int batch)
{
    pthread_mutex_lock(&j->lock);
    j->left[batch % SLOTS] = batch_size(j, batch + SLOTS);
    j->passed++;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

/* The sum of both embeddings, to unit norm. */
static void add_mirror(float *e, const float *mirror, int dim)
{
    double square = 0;
    for (int k = 0; k < dim; k++) {
        e[k] += mirror[k];
        square += (double)e[k] * (double)e[k];
    }
    for (int k = 0; k < dim && square > 0; k++)
        e[k] = (float)((double)e[k] / sqrt(square));
}

static fn_status embed_batch(job *j, int batch, float *out)
{
    int n = batch_size(j, batch), dim = j->session->dim;
    FN_TRY(fn_pass_run(j->session, place(j, batch, 0, 0), n, out));
    if (j->views == 1)
        return FN_OK;
    FN_TRY(fn_pass_run(j->session, place(j, batch, 1, 0), n, j->mirror));
    for (int i = 0; i < n; i++)
        add_mirror(out + (size_t)i * (size_t)dim, j->mirror + (size_t)i * (size_t)dim, dim);
    return FN_OK;
}

static fn_status embed_all(job *j, float *out, void (*tell)(void *ctx, int done, int total),
                           void *ctx)
{
    int done = 0;
    for (int batch = 0; done < j->n && wait_for(j, batch); batch++) {
        FN_TRY(embed_batch(j, batch, out + (size_t)done * (size_t)j->session->dim));
        done += batch_size(j, batch);
        pass_on(j, batch);
        if (tell)
            tell(ctx, done, j->n);
    }
    return FN_OK;
}

static fn_status start(job *j, pthread_t *thread, int wanted, int *started)
{
    for (*started = 0; *started < wanted; ++*started) {
        int e = pthread_create(&thread[*started], NULL, work, j);
        if (e)
            return fn_fail(FN_ENOMEM, "cannot start thread %d of %d to read images: %s",
                           *started + 1, wanted, strerror(e));
    }
    return FN_OK;
}

static fn_status allocate(job *j, pthread_t **thread, int threads)
{
    const fn_session *s = j->session;
    size_t rows = (size_t)s->max_batch * (size_t)j->views * SLOTS;
    j->x = fn_alloc(rows * fn_pass_floats(s), sizeof *j->x);
    j->mirror = fn_alloc((size_t)s->max_batch * (size_t)s->dim, sizeof *j->mirror);
    *thread = fn_alloc((size_t)threads, sizeof **thread);
    if (j->x && j->mirror && *thread)
        return FN_OK;
    return fn_fail(FN_ENOMEM, "no memory for %zu views; use a smaller batch", rows);
}

fn_status fn_embed_many(fn_session *s, fn_embed_source source, int n, bool flip, float *out,
                        void (*tell)(void *ctx, int done, int total), void *ctx)
{
    job j = {.session = s, .source = source, .n = n, .views = flip ? 2 : 1, .bad = n};
    int threads = s->threads < n ? s->threads : n, started = 0;
    pthread_t *thread = NULL;
    fn_status rc;
    if (n < 0)
        return fn_fail(FN_EINVAL, "%d images to embed: not a count", n);
    pthread_mutex_init(&j.lock, NULL);
    pthread_cond_init(&j.changed, NULL);
    for (int slot = 0; slot < SLOTS; slot++)
        j.left[slot] = batch_size(&j, slot);
    FN_GO(allocate(&j, &thread, threads));
    FN_GO(start(&j, thread, threads, &started));
    rc = embed_all(&j, out, tell, ctx);
out:
    stop(&j);
    while (started > 0)
        pthread_join(thread[--started], NULL);
    if (rc == FN_OK && j.bad < n)
        rc = fn_fail(j.status, "%s", j.sentence);
    pthread_mutex_destroy(&j.lock);
    pthread_cond_destroy(&j.changed);
    fn_free(thread);
    fn_free(j.x);
    fn_free(j.mirror);
    return rc;
}

/* --- files --- */

static fn_status read_face(void *ctx, int i, fn_pixels *out)
{
    const fn_embed_paths *f = ctx;
    return fn_crop_read(out, f->crop, f->folder, f->path[i]);
}

fn_embed_source fn_embed_files(const fn_embed_paths *p)
{
    return (fn_embed_source){read_face, (void *)(uintptr_t)p};
}
