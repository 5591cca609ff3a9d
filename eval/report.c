/* report.c -- an evaluation as JSON; the only file of eval/ that includes jansson. */
#include "eval/report.h"

#include "core/file.h"
#include "eval/roc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* Enough for a double to come back as it was: a threshold that is read back judges the same. */
enum { DIGITS = 17 };

/* JSON has no NAN: what was not measured is null. */
static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* The list becomes NULL when memory is out, and stays so. */
static void append(json_t **list, json_t *item)
{
    if (json_array_append_new(*list, item) == 0)
        return;
    json_decref(*list);
    *list = NULL;
}

static json_t *list_folds(const fn_verification *v)
{
    json_t *list = json_array();
    for (int f = 0; f < v->folds; f++)
        append(&list, json_pack("{s:f, s:f}", "accuracy", v->fold_accuracy[f], "threshold",
                                v->fold_threshold[f]));
    return list;
}

/* [threshold, false accept rate, true accept rate] at the corners of the curve. */
static json_t *list_roc(const fn_verification *v)
{
    json_t *list = json_array();
    for (int i = 0; i < v->n_roc; i++) {
        const fn_roc_point *at = &v->roc[i];
        if (fn_roc_corner(v, i))
            append(&list, json_pack("[f, f, f]", at->threshold, at->far, at->tpr));
    }
    return list;
}

static json_t *interval(fn_interval x)
{
    return json_pack("[o, o]", number(x.low), number(x.high));
}

static json_t *describe_intervals(const fn_intervals *i)
{
    return json_pack("{s:s, s:i, s:o, s:o, s:o}", "over", "people", "people", i->people,
                     "accuracy", interval(i->accuracy), "auc", interval(i->auc), "eer",
                     interval(i->eer));
}

static json_t *describe_rate(const fn_rate *r)
{
    char reason[FN_RATE_REASON];
    fn_rates_reason(reason, r);
    if (!r->supported)
        return json_pack("{s:f, s:b, s:s}", "far", r->far, "supported", 0, "reason",
                         reason);
    return json_pack("{s:f, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "far", r->far, "supported",
                     1, "val", number(r->val), "val_standard_error", number(r->val_error),
                     "val_far", number(r->val_far), "tar", number(r->tar), "tar_interval",
                     interval(r->interval), "threshold", number(r->threshold));
}

static json_t *list_rates(const fn_report *r)
{
    json_t *list = json_array();
    for (int i = 0; i < r->rates; i++)
        append(&list, describe_rate(&r->rate[i]));
    return list;
}

/* What --allow-missing left out: it is part of the result, not of a log. */
static json_t *list_missing(const fn_pairs *p)
{
    json_t *list = json_array();
    for (int i = 0; i < p->n_absent; i++)
        append(&list, json_string(p->absent[i]));
    return json_pack("{s:i, s:o}", "pairs_left_out", p->dropped, "images", list);
}

/* False when memory is out. */
static bool add_details(json_t *all, const fn_report *r)
{
    bool ok = true;
    if (r->rates)
        ok = json_object_set_new(all, "rates", list_rates(r)) == 0;
    if (ok && r->intervals)
        ok = json_object_set_new(all, "intervals", describe_intervals(r->intervals)) == 0;
    if (ok && r->pairs)
        ok = json_object_set_new(all, "missing", list_missing(r->pairs)) == 0;
    return ok;
}

static json_t *describe(const fn_report *r)
{
    json_t *all = json_pack(
        "{s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:b, "
        "s:o}",
        "command", r->command, "date", r->date, "protocol", r->protocol, "pairs_file",
        r->pairs_file, "pairs_digest", r->pairs_digest, "images", r->images, "model",
        r->model, "model_digest", r->model_digest, "net", r->net, "precision", r->precision,
        "device", r->device, "crop", r->crop, "flip", (int)r->flip, "view",
        number(r->view));
    /* Only a model has a count of steps: pixels have none. */
    if (r->model && json_object_set_new(all, "step", json_integer(r->step)) != 0) {
        json_decref(all);
        return NULL;
    }
    return all;
}

static json_t *build(const fn_verification *v, const fn_report *r)
{
    json_t *all = describe(r);
    json_t *result = json_pack(
        "{s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "pairs", v->pairs,
        "same", v->same, "different", v->different, "accuracy", number(v->accuracy),
        "standard_error", number(v->error), "deviation", number(v->deviation), "auc",
        number(v->auc), "eer", number(v->eer), "threshold", number(v->threshold), "folds",
        list_folds(v), "roc", list_roc(v));
    if (all && result && json_object_update(all, result) == 0 && add_details(all, r)) {
        json_decref(result);
        return all;
    }
    json_decref(all);
    json_decref(result);
    return NULL;
}

fn_status fn_report_json(const char *path, const fn_verification *v, const fn_report *r)
{
    json_t *all = build(v, r);
    char *text = all ? json_dumps(all, JSON_INDENT(1) | JSON_REAL_PRECISION(DIGITS)) : NULL;
    fn_status rc = FN_EDATA;
    if (text)
        rc = fn_file_replace(path, text, strlen(text));
    else
        fn_fail(rc, "%s: no memory, or a name in it is not UTF-8", path);
    free(text); /* jansson's own */
    json_decref(all);
    return rc;
}

fn_status fn_report_roc(const char *path, const fn_verification *const *v,
                        const char *const *name, int n, const char *title)
{
    fn_text t = {.data = NULL};
    fn_text_put(&t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    fn_roc_draw(&t, FN_ROC, v, name, n, title);
    return fn_text_save(&t, path);
}
