/* feed_cuda.c -- two places on the device, which pieces use in turn.
 *
 *   piece      pinned (the loader's)   device
 *   k - 1                              being cut, or done with
 *   k          on its way              on its way
 *   k + 1 ...  being decoded
 *
 *   uploads    ... | follow used of k - 2 | upload k | record uploaded of k | ...
 *   work       ... | follow uploaded of k - 1 | crop k - 1 | record used of k - 1 | network ...
 *
 * The loader's pinned memory is decoded into again as soon as it is asked for another piece, so
 * before that the host waits until the last one has left. It has left long ago, as a rule: it was
 * sent one step earlier. */
#include "train/feed_cuda.h"

#include "core/mem.h"
#include "kernels/launch_train.h"
#include "kernels/stem.h"

#include <string.h>

enum { PLACES = 2 };

typedef struct place {
    fn_batch piece;     /* its lists are: */
    int *label, *image; /* [size] */
    fn_face_view *told; /* [chunk], pinned */
    fn_face_view *view; /* [chunk], the device's, as is: */
    uint8_t *rgb;       /* [room] */
    size_t room;
    fn_event *uploaded, *used;
} place;

struct fn_feed {
    fn_device *device;
    fn_loader *loader;
    int height, width;
    int64_t sent, given; /* pieces: to the device, out of here; 0 or 1 apart */
    place place[PLACES];
};

/* --- the loader's memory --- */

static fn_status claim(void *ctx, void **out, size_t bytes)
{
    fn_status rc = fn_device_pin(ctx, out, bytes);
    return rc == FN_OK ? FN_OK
                       : fn_context(rc, "faces on their way to the GPU; a smaller "
                                        "train.chunk takes less");
}

static void give_back(void *ctx, void *p)
{
    fn_device_unpin(ctx, p);
}

/* --- life --- */

fn_feed_size fn_feed_size_of(int chunk, size_t face)
{
    size_t views = (size_t)chunk * sizeof(fn_face_view);
    size_t faces = fn_tray_room((size_t)chunk * face);
    return (fn_feed_size){.device = PLACES * (faces + views),
                          .pinned = (FN_LOADER_AHEAD + 1) * faces + PLACES * views};
}

static fn_status open_place(fn_feed *f, place *p, int size, int chunk)
{
    size_t bytes = (size_t)chunk * sizeof *p->view;
    p->label = fn_alloc((size_t)size, sizeof *p->label);
    p->image = fn_alloc((size_t)size, sizeof *p->image);
    if (!p->label || !p->image)
        return fn_fail(FN_ENOMEM, "no memory for a list of %d faces", size);
    FN_TRY(fn_device_pin(f->device, (void **)&p->told, bytes));
    FN_TRY(fn_device_alloc(f->device, (void **)&p->view, bytes));
    FN_TRY(fn_event_open(&p->uploaded, f->device));
    return fn_event_open(&p->used, f->device);
}

/* Events first: then nothing is on its way any more. */
static void close_place(fn_feed *f, place *p)
{
    fn_event_close(p->uploaded);
    fn_event_close(p->used);
    fn_device_free(f->device, p->rgb);
    fn_device_free(f->device, p->view);
    fn_device_unpin(f->device, p->told);
    fn_free(p->label);
    fn_free(p->image);
}

fn_status fn_feed_open(fn_feed **out, fn_device *d, const fn_pack *pack,
                       const fn_sampler *sampler, fn_loader_options o)
{
    fn_status rc;
    fn_feed *f = fn_alloc(1, sizeof *f);
    int size = fn_sampler_size(sampler);
    *out = NULL;
    if (!f)
        return fn_fail(FN_ENOMEM, "no memory for the faces of a GPU");
    *f = (fn_feed){.device = d, .height = o.height, .width = o.width};
    o.faces = (fn_tray_memory){claim, give_back, d};
    for (int i = 0; i < PLACES; i++)
        FN_GO(open_place(f, &f->place[i], size, o.chunk ? o.chunk : size));
    FN_GO(fn_loader_open(&f->loader, pack, sampler, o));
    *out = f;
    return FN_OK;
out:
    fn_feed_close(f);
    return rc;
}

void fn_feed_close(fn_feed *f)
{
    if (!f)
        return;
    for (int i = 0; i < PLACES; i++)
        close_place(f, &f->place[i]);
    fn_loader_close(f->loader);
    fn_free(f);
}

/* --- a piece --- */

static place *place_of(fn_feed *f, int64_t piece)
{
    return &f->place[piece % PLACES];
}

static fn_status make_room(fn_feed *f, place *p, size_t bytes)
{
    if (bytes <= p->room)
        return FN_OK;
    fn_device_free(f->device, p->rgb);
    p->rgb = NULL;
    p->room = fn_tray_room(bytes);
    fn_status rc = fn_device_alloc(f->device, (void **)&p->rgb, p->room);
    return rc == FN_OK ? FN_OK
                       : fn_context(rc, "faces as they are decoded; a smaller train.chunk "
                                        "takes less");
}

static void tell(place *p, const fn_batch *b)
{
    memcpy(p->label, b->label, (size_t)b->size * sizeof *p->label);
    memcpy(p->image, b->image, (size_t)b->size * sizeof *p->image);
    for (int i = 0; i < b->n; i++) {
        const fn_tray_face *f = &b->face[i];
        const fn_view *v = &f->view;
        p->told[i] = (fn_face_view){.at = (int64_t)f->at,
                                    .width = f->width,
                                    .height = f->height,
                                    .x = v->x,
                                    .y = v->y,
                                    .wide = v->width,
                                    .high = v->height,
                                    .gain = v->gain,
                                    .lift = v->lift,
                                    .flip = v->flip};
    }
    p->piece = *b;
    p->piece.label = p->label;
    p->piece.image = p->image;
    p->piece.rgb = NULL;
    p->piece.face = NULL;
}

static fn_status upload(fn_feed *f, place *p, const fn_batch *b)
{
    FN_TRY(fn_event_follow(p->used, FN_QUEUE_UPLOADS));
    FN_TRY(fn_device_upload_beside(f->device, p->view, p->told,
                                   (size_t)b->n * sizeof *p->view));
    FN_TRY(fn_device_upload_beside(f->device, p->rgb, b->rgb, b->bytes));
    return fn_event_record(p->uploaded, FN_QUEUE_UPLOADS);
}

static fn_status send_next(fn_feed *f, double *waited)
{
    place *p = place_of(f, f->sent);
    fn_batch b;
    if (f->sent)
        FN_TRY(fn_event_wait(place_of(f, f->sent - 1)->uploaded));
    FN_TRY(fn_loader_next(f->loader, &b, waited));
    FN_TRY(make_room(f, p, b.bytes));
    tell(p, &b);
    FN_TRY(upload(f, p, &b));
    f->sent++;
    return FN_OK;
}

fn_status fn_feed_next(fn_feed *f, fn_batch *b, double *waited)
{
    if (waited)
        *waited = 0;
    if (f->sent == f->given)
        FN_TRY(send_next(f, waited));
    *b = place_of(f, f->given++)->piece;
    return FN_OK;
}

static int crop(const fn_feed *f, const place *p, void *x, fn_type type,
                const fn_stem *squares)
{
    void *stream = fn_device_stream(f->device);
    if (!squares)
        return fn_launch_augment(x, p->rgb, p->view, p->piece.n, f->height, f->width,
                                 (int)type, stream);
    return fn_launch_augment_squares(x, p->rgb, p->view, p->piece.n, f->height, f->width,
                                     (int)squares->rows, (int)squares->columns,
                                     (int)squares->pad, (int)type, stream);
}

fn_status fn_feed_crop(fn_feed *f, void *x, fn_type type, const fn_stem *squares)
{
    place *p = place_of(f, f->given - 1);
    FN_TRY(fn_event_follow(p->uploaded, FN_QUEUE_WORK));
    FN_TRY(fn_device_check(crop(f, p, x, type, squares), "crops of faces"));
    FN_TRY(fn_event_record(p->used, FN_QUEUE_WORK));
    return fn_loader_ready(f->loader) ? send_next(f, NULL) : FN_OK;
}
