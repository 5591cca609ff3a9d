/* lfw.h -- the whole evaluation: a pairs file, a folder of images and a model in, the judged
 * result and what it was measured on out. */
#ifndef FN_EVAL_LFW_H
#define FN_EVAL_LFW_H

#include "eval/report.h"
#include "eval/verification.h"

typedef struct fn_lfw_options {
    const char *pairs, *images;
    const char *model;
    const char *crop; /* NULL: the model's recipe; for pixels: none */
    bool flip;
    bool pixels; /* no model: squared distances of pixels, the figure to beat */
    int threads; /* 0: every core */
    /* Hears of every missing image (`missing` not NULL) and of progress. May be NULL. */
    void (*tell)(void *ctx, const char *missing, int done, int total);
    void *ctx;
} fn_lfw_options;

typedef struct fn_lfw fn_lfw;
struct fn_lfw {
    fn_verification *verification;
    fn_report report; /* its texts belong to the options and to `kept` */
    void *kept;
};

/* Errors: FN_ENOENT when images are missing (all are told, nothing is computed); FN_ECONFIG
 * when the model wants landmarks and no recipe names a file of them. */
fn_status fn_lfw_run(fn_lfw **out, const fn_lfw_options *o) FN_CHECKED;
void fn_lfw_free(fn_lfw *r);

#endif
