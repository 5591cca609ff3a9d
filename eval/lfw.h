/* lfw.h -- the whole evaluation: a pairs file, a folder of images and a model in, the judged
 * result and what it was measured on out. */
#ifndef FN_EVAL_LFW_H
#define FN_EVAL_LFW_H

#include "data/crop.h"
#include "eval/report.h"

typedef struct fn_lfw_options {
    const char *pairs;
    const char *images; /* NULL: the folder of `pairs` */
    const char *model;
    const char *crop; /* NULL: the model's recipe; for pixels: none */
    bool flip;
    fn_precision precision;
    fn_device_choice device;
    const char *calibrate; /* pack for FN_PRECISION_U8; NULL: none */
    bool pixels;           /* no model: squared distances of pixels, the figure to beat */
    bool allow_missing; /* pairs with missing images are left out, and the report says so */
    double far;         /* a rate to report beside 0.1, 0.01 and 0.001; 0: none */
    int threads;        /* 0: every core */
    int batch;          /* images of one pass; 0: 64 */
    /* Hears of every missing image and of the device, in a line that is not NULL, and of
     * progress. May be NULL. */
    void (*tell)(void *ctx, const char *line, int done, int total);
    void *ctx;
} fn_lfw_options;

typedef struct fn_lfw fn_lfw;
struct fn_lfw {
    fn_verification *verification;
    const fn_pairs *pairs; /* of which each has a distance */
    const float *distance; /* [pairs] */
    const fn_crop *crop;
    fn_rate rate[FN_MAX_RATES];
    fn_intervals intervals;
    fn_report report; /* what it points at belongs to the options and to this */
    void *kept;
};

/* Errors: FN_ENOENT when images are missing (all are told, nothing is computed); FN_ECONFIG
 * when the model wants landmarks and no recipe names a file of them. */
fn_status fn_lfw_run(fn_lfw **out, const fn_lfw_options *o) FN_CHECKED;
void fn_lfw_free(fn_lfw *r);

#endif
