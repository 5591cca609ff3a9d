/* report.h -- the result of an evaluation as JSON, and its ROC curve as SVG. */
#ifndef FN_EVAL_REPORT_H
#define FN_EVAL_REPORT_H

#include "eval/interval.h"
#include "eval/rates.h"

enum { FN_MAX_RATES = 4 };

/* What was measured on what; every text and pointer may be NULL (left out). */
typedef struct fn_report {
    const char *protocol, *pairs_file, *pairs_digest, *images;
    const char *model, *model_digest, *net, *precision, *device, *crop;
    double view;
    bool flip; /* embeddings of image and mirror image were averaged */
    int64_t step;
    const char *command, *date;    /* as typed; UTC */
    const fn_pairs *pairs;         /* for what was left out of them */
    const fn_rate *rate;           /* [rates] */
    const fn_intervals *intervals; /* over people */
    int rates;
} fn_report;

/* Both replace the file atomically. */
fn_status fn_report_json(const char *path, const fn_verification *v,
                         const fn_report *r) FN_CHECKED;
/* Several curves can share a picture: v[n], name[n]. */
fn_status fn_report_roc(const char *path, const fn_verification *const *v,
                        const char *const *name, int n, const char *title) FN_CHECKED;

#endif
