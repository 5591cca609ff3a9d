#include "eval/lfw.h"

#include "core/mem.h"
#include "eval/pixels.h"
#include "infer/session.h"

#include <stdio.h>
#include <string.h>

typedef struct work {
    const fn_lfw_options *options;
    fn_pairs *pairs;
    fn_model *model; /* NULL: pixels */
    fn_crop *crop;
    char *recipe;
    float *vector, *distance; /* [images, dim], [pairs] */
    int dim;
} work;

static void work_close(work *w)
{
    if (!w)
        return;
    fn_pairs_free(w->pairs);
    fn_model_close(w->model);
    fn_crop_close(w->crop);
    fn_free(w->recipe);
    fn_free(w->vector);
    fn_free(w->distance);
    fn_free(w);
}

static fn_status refuse_missing(work *w)
{
    const fn_lfw_options *o = w->options;
    int *missing, n;
    FN_TRY(fn_pairs_locate(w->pairs, o->images, &missing, &n));
    for (int i = 0; i < n && o->tell; i++)
        o->tell(o->ctx, w->pairs->path[missing[i]], 0, 0);
    fn_free(missing);
    if (!n)
        return FN_OK;
    return fn_fail(FN_ENOENT, "%s: %d of the %d images that %s names are missing",
                   o->images, n, w->pairs->n_path, o->pairs);
}

/* A landmark file belongs to its images, so that of the training set is of no use here. */
static fn_status choose_recipe(work *w)
{
    const fn_lfw_options *o = w->options;
    const char *recipe = o->crop ? o->crop : w->model ? w->model->record.crop : "none";
    if (!o->crop && strncmp(recipe, "landmarks", 9) == 0)
        return fn_fail(
            FN_ECONFIG,
            "%s was trained on faces aligned by landmarks (%s): name the landmarks "
            "of these images with --crop 'landmarks: FILE.tsv'",
            o->model, recipe);
    w->recipe = fn_strdup(recipe);
    if (!w->recipe)
        return fn_fail(FN_ENOMEM, "%s: no memory", o->pairs);
    return fn_crop_open(&w->crop, recipe);
}

static void tell_progress(void *ctx, int done, int total)
{
    const fn_lfw_options *o = ctx;
    if (o->tell)
        o->tell(o->ctx, NULL, done, total);
}

static fn_status embed(work *w)
{
    const fn_lfw_options *o = w->options;
    fn_session_options s = {.size = sizeof s, .threads = o->threads, .max_batch = 64};
    fn_session *session;
    FN_TRY(fn_session_open(&session, w->model, &s));
    fn_status rc = fn_embed_files(session, w->crop, o->images, w->pairs->path,
                                  w->pairs->n_path, o->flip, w->vector, tell_progress,
                                  (void *)(uintptr_t)o);
    fn_session_close(session);
    return rc;
}

static fn_status measure(work *w)
{
    const fn_lfw_options *o = w->options;
    int images = w->pairs->n_path;
    w->dim = w->model ? fn_model_dim(w->model) : FN_PIXELS;
    w->vector = fn_alloc((size_t)images * (size_t)w->dim, sizeof *w->vector);
    w->distance = fn_alloc((size_t)w->pairs->n, sizeof *w->distance);
    if (!w->vector || !w->distance)
        return fn_fail(FN_ENOMEM, "%s: no memory for %d images", o->pairs, images);
    FN_TRY(w->model
               ? embed(w)
               : fn_pixels_read(w->vector, w->crop, o->images, w->pairs->path, images));
    for (int i = 0; i < w->pairs->n; i++) {
        const float *a = w->vector + (size_t)w->pairs->pair[i].a * (size_t)w->dim;
        const float *b = w->vector + (size_t)w->pairs->pair[i].b * (size_t)w->dim;
        w->distance[i] = fn_distance(a, b, w->dim);
    }
    return FN_OK;
}

static void describe(fn_report *r, const work *w)
{
    const fn_lfw_options *o = w->options;
    *r = (fn_report){.protocol = "LFW: threshold of each fold from the other folds",
                     .pairs_file = o->pairs,
                     .pairs_digest = w->pairs->digest,
                     .images = o->images,
                     .crop = w->recipe,
                     .view = 1,
                     .flip = o->flip};
    if (!w->model)
        return;
    r->model = o->model;
    r->model_digest = w->model->digest;
    r->net = fn_net_name(w->model->net);
    r->view = (double)w->model->record.view;
    r->step = w->model->record.step;
}

fn_status fn_lfw_run(fn_lfw **out, const fn_lfw_options *o)
{
    fn_lfw *r = fn_alloc(1, sizeof *r);
    work *w = fn_alloc(1, sizeof *w);
    fn_status rc;
    *out = NULL;
    if (!r || !w) {
        rc = fn_fail(FN_ENOMEM, "%s: no memory", o->pairs);
        goto out;
    }
    w->options = o;
    FN_GO(fn_pairs_read(&w->pairs, o->pairs));
    if (!o->pixels)
        FN_GO(fn_model_open(&w->model, o->model));
    FN_GO(choose_recipe(w));
    FN_GO(refuse_missing(w));
    FN_GO(measure(w));
    FN_GO(fn_verify_pairs(&r->verification, w->pairs, w->distance));
    describe(&r->report, w);
    r->kept = w;
    *out = r;
    return FN_OK;
out:
    work_close(w);
    fn_free(r);
    return rc;
}

void fn_lfw_free(fn_lfw *r)
{
    if (!r)
        return;
    fn_verification_free(r->verification);
    work_close(r->kept);
    fn_free(r);
}
