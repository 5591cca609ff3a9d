#include "eval/lfw.h"

#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "eval/pixels.h"
#include "infer/session.h"
#include "kernels/precision.h"

#include <stdio.h>
#include <string.h>

enum { DEFAULT_BATCH = 64 };

typedef struct work {
    const fn_lfw_options *options;
    fn_pairs *pairs;
    fn_model *model; /* NULL: pixels */
    fn_crop *crop;
    char *recipe, *images;
    float *vector, *distance; /* [images, dim], [pairs] */
    int dim;
    char device[160];
} work;

static void work_close(work *w)
{
    if (!w)
        return;
    fn_pairs_free(w->pairs);
    fn_model_close(w->model);
    fn_crop_close(w->crop);
    fn_free(w->recipe);
    fn_free(w->images);
    fn_free(w->vector);
    fn_free(w->distance);
    fn_free(w);
}

static fn_status choose_images(work *w)
{
    const fn_lfw_options *o = w->options;
    w->images = o->images ? fn_strdup(o->images) : fn_file_parent(o->pairs);
    return w->images ? FN_OK : fn_fail(FN_ENOMEM, "%s: no memory", o->pairs);
}

static void say(const fn_lfw_options *o, const char *what, const char *more)
{
    char line[4096];
    snprintf(line, sizeof line, "%s%s", what, more);
    if (o->tell)
        o->tell(o->ctx, line, 0, 0);
}

/* Where nothing is found the folder is wrong, and a list of thousands would hide that. */
static fn_status refuse_folder(const work *w)
{
    return fn_fail(
        FN_ENOENT,
        "%s: none of the %d images that %s names is there (%s for one); name their "
        "folder with --images",
        w->images, w->pairs->n_path, w->options->pairs, w->pairs->path[0]);
}

static fn_status refuse_missing(work *w)
{
    const fn_lfw_options *o = w->options;
    int *missing, n;
    FN_TRY(fn_pairs_locate(w->pairs, w->images, &missing, &n));
    if (n == w->pairs->n_path) {
        fn_free(missing);
        return refuse_folder(w);
    }
    for (int i = 0; i < n; i++)
        say(o, "missing: ", w->pairs->path[missing[i]]);
    fn_status rc = FN_OK;
    if (n && o->allow_missing)
        rc = fn_pairs_drop(w->pairs, missing, n);
    else if (n)
        rc = fn_fail(FN_ENOENT,
                     "%s: %d of the %d images that %s names %s missing; name their folder "
                     "with --images, or leave their pairs out with --allow-missing",
                     w->images, n, w->pairs->n_path, o->pairs,
                     fn_text_plural(n, "is", "are"));
    fn_free(missing);
    if (rc == FN_OK && !w->pairs->n)
        rc = fn_fail(FN_ENOENT, "%s: every pair of %s names an image that is missing",
                     w->images, o->pairs);
    return rc;
}

/* A landmark file belongs to its images, so that of the training set is of no use here. */
static fn_status choose_recipe(work *w)
{
    const fn_lfw_options *o = w->options;
    const char *recipe = o->crop ? o->crop : w->model ? w->model->record.crop : "none";
    if (!o->crop && fn_crop_by_landmarks(recipe))
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
    fn_session_options s = {.size = sizeof s,
                            .threads = o->threads,
                            .max_batch = o->batch ? o->batch : DEFAULT_BATCH,
                            .precision = o->precision,
                            .device = o->device};
    fn_session *session = NULL;
    fn_status rc;
    FN_GO(fn_session_open(&session, w->model, &s));
    fn_session_describe(session, w->device, sizeof w->device);
    say(o, "device: ", w->device);
    if (o->calibrate)
        FN_GO(fn_session_calibrate_pack(session, o->calibrate));
    fn_embed_paths paths = {w->crop, w->images, w->pairs->path};
    rc = fn_embed_many(session, fn_embed_files(&paths), w->pairs->n_path, o->flip,
                       w->vector, tell_progress, (void *)(uintptr_t)o);
out:
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
               : fn_pixels_read(w->vector, w->crop, w->images, w->pairs->path, images));
    fn_pairs_measure(w->distance, w->pairs, w->vector, w->dim);
    return FN_OK;
}

static fn_status judge_rates(fn_lfw *r, const work *w, fn_clusters *c)
{
    const double far[] = {0.1, 0.01, 0.001, w->options->far};
    for (int i = 0; i < 3 + (w->options->far > 0); i++)
        FN_TRY(fn_rates_measure(&r->rate[r->report.rates++], far[i], r->verification,
                                w->pairs, w->distance, c));
    return FN_OK;
}

/* Accuracy and AUC are of everybody; rates and intervals say how far to trust them. */
static fn_status judge(fn_lfw *r, const work *w)
{
    const fn_pairs *p = w->pairs;
    int *person = NULL, people;
    fn_clusters *c = NULL;
    fn_status rc;
    FN_GO(fn_verify_pairs(&r->verification, p, w->distance));
    FN_GO(fn_pairs_people(&person, &people, p));
    FN_GO(fn_clusters_open(&c, p, person, people));
    FN_GO(fn_interval_figures(&r->intervals, r->verification, p, w->distance, c));
    rc = judge_rates(r, w, c);
out:
    fn_clusters_close(c);
    fn_free(person);
    return rc;
}

static void describe(fn_lfw *r, const work *w)
{
    const fn_lfw_options *o = w->options;
    fn_report *to = &r->report;
    to->protocol = "LFW: threshold of each fold from the other folds";
    to->pairs_file = o->pairs;
    to->pairs_digest = w->pairs->digest;
    to->images = w->images;
    to->crop = w->recipe;
    to->view = w->model ? (double)w->model->record.view : 1;
    to->flip = o->flip;
    to->pairs = r->pairs = w->pairs;
    to->rate = r->rate;
    to->intervals = &r->intervals;
    r->distance = w->distance;
    r->crop = w->crop;
    if (!w->model)
        return;
    to->model = o->model;
    to->model_digest = w->model->digest;
    to->net = fn_net_name(w->model->net);
    to->precision = fn_precision_names[o->precision];
    to->device = w->device;
    to->step = w->model->record.step;
}

fn_status fn_lfw_run(fn_lfw **out, const fn_lfw_options *o)
{
    fn_lfw *r = fn_alloc(1, sizeof *r);
    work *w = fn_alloc(1, sizeof *w);
    fn_status rc;
    *out = NULL;
    if (!r || !w) {
        fn_free(w);
        fn_free(r);
        return fn_fail(FN_ENOMEM, "%s: no memory", o->pairs);
    }
    r->kept = w;
    w->options = o;
    FN_GO(fn_pairs_read(&w->pairs, o->pairs));
    if (!o->pixels)
        FN_GO(fn_model_open(&w->model, o->model));
    FN_GO(choose_recipe(w));
    FN_GO(choose_images(w));
    FN_GO(refuse_missing(w));
    FN_GO(measure(w));
    FN_GO(judge(r, w));
    describe(r, w);
    *out = r;
    return FN_OK;
out:
    fn_lfw_free(r);
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
