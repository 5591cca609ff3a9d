/* page.c -- the HTML of an evaluation. */
#include "eval/page.h"

#include "core/mem.h"
#include "eval/histogram.h"
#include "eval/mistakes.h"
#include "eval/roc.h"

#include <math.h>

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>Face verification</title>\n<style>\n"
    "body { font: 15px/1.45 sans-serif; color: #222; background: #fff; "
    "max-width: 1200px; margin: 2em auto; padding: 0 1em }\n"
    "table { border-collapse: collapse }\n"
    "th, td { text-align: left; padding: 2px 14px 2px 0; vertical-align: top; "
    "border-bottom: 1px solid #ddd }\n"
    "th { font-weight: normal; color: #555; white-space: nowrap }\n"
    "td { overflow-wrap: anywhere }\n"
    ".headline { font-size: 240%; margin: 0 }\n"
    "svg { max-width: 590px; width: 100%; height: auto }\n"
    ".accepts, .rejects { display: flex; flex-wrap: wrap; gap: 14px }\n"
    "figure { margin: 0; width: 228px }\n"
    "img { margin-right: 2px }\n"
    "figcaption { font-size: 12px; overflow-wrap: anywhere }\n"
    "</style>\n</head>\n<body>\n";

/* What was not measured is a dash. */
static void put_percent(fn_text *t, double share)
{
    if (isnan(share)) {
        fn_text_put(t, "&#8211;");
        return;
    }
    fn_text_fixed(t, 100 * share, 2);
    fn_text_put(t, " %%");
}

static void put_interval(fn_text *t, fn_interval i)
{
    put_percent(t, i.low);
    if (isnan(i.low))
        return;
    fn_text_put(t, " to ");
    put_percent(t, i.high);
}

static void put_headline(fn_text *t, const fn_lfw *r)
{
    const fn_verification *v = r->verification;
    const fn_intervals *of = &r->intervals;
    fn_text_put(t, "<h1>Face verification: ");
    fn_text_escape(t, r->report.net ? r->report.net : "pixels");
    fn_text_put(t, "</h1>\n<p class=\"headline\">");
    put_percent(t, v->accuracy);
    if (!isnan(v->error)) {
        fn_text_put(t, " &#177; ");
        put_percent(t, v->error);
    }
    fn_text_put(t,
                "</p>\n<p>Accuracy on %d pairs of faces, %d of one person and %d of two. ",
                v->pairs, v->same, v->different);
    fn_text_put(t,
                isnan(v->error)
                    ? "One fold: the threshold is of the same pairs, so this flatters. "
                    : "Mean over %d folds and its standard error; the threshold of each "
                      "fold comes from the other folds. ",
                v->folds);
    if (isnan(of->accuracy.low))
        fn_text_put(t, "%d people are too few for an interval.</p>\n", of->people);
    else {
        fn_text_put(t, "With other people in place of these %d: ", of->people);
        put_interval(t, of->accuracy);
        fn_text_put(t, " (95 %% interval).</p>\n");
    }
}

static void put_figure(fn_text *t, const char *name, double share, fn_interval i)
{
    fn_text_put(t, "<tr><th>%s</th><td>", name);
    put_percent(t, share);
    fn_text_put(t, "</td><td>");
    put_interval(t, i);
    fn_text_put(t, "</td><td></td></tr>\n");
}

static void put_area(fn_text *t, double auc, fn_interval i)
{
    fn_text_put(t, "<tr><th>area under the ROC curve</th><td>");
    fn_text_fixed(t, auc, 4);
    fn_text_put(t, isnan(i.low) ? "</td><td>&#8211;" : "</td><td>");
    if (!isnan(i.low)) {
        fn_text_fixed(t, i.low, 4);
        fn_text_put(t, " to ");
        fn_text_fixed(t, i.high, 4);
    }
    fn_text_put(t, "</td><td></td></tr>\n");
}

static void put_rate(fn_text *t, const fn_rate *r)
{
    char reason[FN_RATE_REASON];
    fn_text_put(t, "<tr><th>true accept rate at FAR ");
    fn_text_number(t, r->far, 6);
    if (!r->supported) {
        fn_rates_reason(reason, r);
        fn_text_put(t, "</th><td colspan=\"3\">refused: ");
        fn_text_escape(t, reason);
        fn_text_put(t, "</td></tr>\n");
        return;
    }
    fn_text_put(t, "</th><td>");
    put_percent(t, r->tar);
    fn_text_put(t, "</td><td>");
    put_interval(t, r->interval);
    fn_text_put(t, "</td><td>over folds: VAL ");
    put_percent(t, r->val);
    if (!isnan(r->val_error)) {
        fn_text_put(t, " &#177; ");
        put_percent(t, r->val_error);
    }
    fn_text_put(t, " at FAR ");
    put_percent(t, r->val_far);
    fn_text_put(t, "</td></tr>\n");
}

static void put_figures(fn_text *t, const fn_lfw *r)
{
    const fn_verification *v = r->verification;
    const fn_intervals *of = &r->intervals;
    fn_text_put(t, "<h2>Figures</h2>\n<table class=\"figures\">\n<tr><th></th><th>of all "
                   "pairs</th><th>95 %% interval</th><th></th></tr>\n");
    put_figure(t, "accuracy (mean of folds)", v->accuracy, of->accuracy);
    put_area(t, v->auc, of->auc);
    put_figure(t, "equal error rate", v->eer, of->eer);
    for (int i = 0; i < r->report.rates; i++)
        put_rate(t, &r->rate[i]);
    fn_text_put(t,
                "</table>\n<p>Intervals: with other people in place of these. FAR: false "
                "accept rate.</p>\n");
}

static void put_fact(fn_text *t, const char *name, const char *value)
{
    if (!value)
        return;
    fn_text_put(t, "<tr><th>%s</th><td>", name);
    fn_text_escape(t, value);
    fn_text_put(t, "</td></tr>\n");
}

static void put_missing(fn_text *t, const fn_pairs *p)
{
    if (!p->dropped)
        return;
    fn_text_put(t, "<tr><th>left out</th><td>%d %s, because %d %s missing:", p->dropped,
                fn_text_plural(p->dropped, "pair", "pairs"), p->n_absent,
                fn_text_plural(p->n_absent, "image is", "images are"));
    for (int i = 0; i < p->n_absent; i++) {
        fn_text_put(t, "<br>");
        fn_text_escape(t, p->absent[i]);
    }
    fn_text_put(t, "</td></tr>\n");
}

static void put_origin(fn_text *t, const fn_report *r)
{
    fn_text_put(t, "<h2>How it was made</h2>\n<table class=\"origin\">\n");
    put_fact(t, "protocol", r->protocol);
    put_fact(t, "model", r->model ? r->model : "none: distances of pixels");
    put_fact(t, "SHA-256 of its weights", r->model_digest);
    put_fact(t, "network", r->net);
    put_fact(t, "precision", r->precision);
    put_fact(t, "device", r->device);
    if (r->model)
        fn_text_put(t, "<tr><th>training steps</th><td>%lld</td></tr>\n",
                    (long long)r->step);
    put_fact(t, "crop", r->crop);
    fn_text_put(t, "<tr><th>view</th><td>");
    fn_text_number(t, r->view, 4);
    fn_text_put(t, " of the crop's side%s</td></tr>\n",
                r->flip ? "; embeddings of image and mirror image averaged" : "");
    put_fact(t, "pairs", r->pairs_file);
    put_fact(t, "SHA-256 of the pairs", r->pairs_digest);
    put_fact(t, "images", r->images);
    put_missing(t, r->pairs);
    put_fact(t, "date", r->date);
    put_fact(t, "command", r->command);
    fn_text_put(t, "</table>\n");
}

static void put_folds(fn_text *t, const fn_verification *v)
{
    fn_text_put(t, "<h2>Folds</h2>\n<table class=\"folds\">\n<tr><th>fold</th>"
                   "<th>accuracy</th><th>threshold</th></tr>\n");
    for (int f = 0; f < v->folds; f++) {
        fn_text_put(t, "<tr><td>%d</td><td>", f + 1);
        put_percent(t, v->fold_accuracy[f]);
        fn_text_put(t, "</td><td>");
        fn_text_fixed(t, v->fold_threshold[f], 4);
        fn_text_put(t, "</td></tr>\n");
    }
    fn_text_put(t, "<tr><td>all</td><td></td><td>");
    fn_text_fixed(t, v->threshold, 4);
    fn_text_put(t,
                "</td></tr>\n</table>\n<p>A pair is accepted where its squared distance is "
                "below the threshold.</p>\n");
}

static void put_pictures(fn_text *t, const fn_lfw *r)
{
    const fn_verification *v = r->verification;
    const char *name = r->report.net ? r->report.net : "pixels";
    fn_text_put(t, "<h2>Curves and distances</h2>\n");
    fn_roc_draw(t, FN_ROC, &v, &name, 1, "ROC");
    fn_roc_draw(t, FN_DET, &v, &name, 1, "DET");
    fn_histogram_draw(t, r->pairs, r->distance, v);
}

static fn_status put_mistakes(fn_text *t, const fn_lfw *r)
{
    fn_text_put(t, "<h2>The worst false accepts</h2>\n<p>Two people taken for one, the "
                   "nearest first; as the network sees them.</p>\n");
    FN_TRY(fn_mistakes_draw(t, false, r));
    fn_text_put(t, "<h2>The worst false rejects</h2>\n<p>One person taken for two, the "
                   "farthest first.</p>\n");
    return fn_mistakes_draw(t, true, r);
}

fn_status fn_page_write(const char *path, const fn_lfw *r)
{
    fn_text t = {.data = NULL};
    fn_text_put(&t, "%s", head);
    put_headline(&t, r);
    put_figures(&t, r);
    put_origin(&t, &r->report);
    put_pictures(&t, r);
    put_folds(&t, r->verification);
    fn_status rc = put_mistakes(&t, r);
    if (rc != FN_OK) {
        fn_free(t.data);
        return rc;
    }
    fn_text_put(&t, "</body>\n</html>\n");
    return fn_text_save(&t, path);
}
