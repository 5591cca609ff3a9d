/* eval.c -- facenet eval --lfw PAIRS --images DIR --model FILE */
#include "cli/cli.h"
#include "eval/lfw.h"
#include "eval/report.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include <argp.h>

typedef struct arguments {
    fn_lfw_options lfw;
    const char *json, *roc;
} arguments;

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case 'l':
        a->lfw.pairs = value;
        return 0;
    case 'i':
        a->lfw.images = value;
        return 0;
    case 'm':
        a->lfw.model = value;
        return 0;
    case 'c':
        a->lfw.crop = value;
        return 0;
    case 'f':
        a->lfw.flip = true;
        return 0;
    case 'p':
        a->lfw.pixels = true;
        return 0;
    case 'j':
        a->lfw.threads = fn_cli_int(state, "--threads", value, 0, 1024);
        return 0;
    case 'o':
        a->json = value;
        return 0;
    case 'r':
        a->roc = value;
        return 0;
    case ARGP_KEY_END:
        if (!a->lfw.pairs || !a->lfw.images || (!a->lfw.model && !a->lfw.pixels))
            argp_error(state, "--lfw, --images and --model are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"lfw", 'l', "PAIRS", 0, "pairs in the grammar of LFW's pairs.txt", 0},
    {"images", 'i', "DIR", 0, "folder of the images: DIR/name/name_0001.jpg", 0},
    {"model", 'm', "FILE", 0, "the model, .fnm", 0},
    {"crop", 'c', "RECIPE", 0,
     "how to crop: none, 'centre: SIDE@X,Y' or 'landmarks: FILE.tsv'; default: the model's",
     0},
    {"flip", 'f', NULL, 0, "average the embeddings of image and mirror image", 0},
    {"pixels", 'p', NULL, 0, "compare pixels instead of embeddings: the figure to beat", 0},
    {"threads", 'j', "N", 0, "default: every core", 0},
    {"json", 'o', "FILE", 0, "write the whole result", 0},
    {"roc", 'r', "FILE", 0, "write the ROC curve, SVG", 0},
    {0},
};
static const struct argp parser = {
    options,
    parse,
    NULL,
    "Verify pairs of faces by LFW's protocol: the threshold of each fold comes from the "
    "other "
    "folds; +- is the standard error of the mean over the folds.",
    NULL,
    NULL,
    NULL};

/* A missing image on the console, or progress where someone is looking. */
static void tell(void *ctx, const char *missing, int done, int total)
{
    (void)ctx;
    if (missing)
        fprintf(stderr, "missing: %s\n", missing);
    else if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%d of %d images%s", done, total, done == total ? "\n" : "");
}

static void print(const fn_lfw *r)
{
    const fn_verification *v = r->verification;
    printf("pairs      %d in %d folds (%s)\n", v->pairs, v->folds, r->report.pairs_file);
    printf("model      %s\n", r->report.model ? r->report.model : "none: pixels");
    printf("crop       %s, view %.3g%s\n", r->report.crop, r->report.view,
           r->report.flip ? ", with mirror image" : "");
    if (isnan(v->error))
        printf("accuracy   %.2f %% (one fold: the threshold is of the same pairs)\n",
               100 * v->accuracy);
    else
        printf("accuracy   %.2f +- %.2f %% (standard error; deviation %.2f)\n",
               100 * v->accuracy, 100 * v->error, 100 * v->deviation);
    printf("AUC        %.4f\n", v->auc);
    printf("threshold  %.4f (squared distance, best of all pairs)\n", v->threshold);
}

int fn_cli_eval(int argc, char **argv)
{
    arguments a = {.lfw = {.tell = tell}};
    fn_lfw *r;
    fn_cli_parse(&parser, "eval", argc, argv, &a);
    fn_status rc = fn_lfw_run(&r, &a.lfw);
    if (rc != FN_OK)
        return fn_cli_fail(rc);
    print(r);
    const fn_verification *v = r->verification;
    const char *name = r->report.net ? r->report.net : "pixels";
    if (a.json)
        rc = fn_report_json(a.json, v, &r->report);
    if (a.roc && rc == FN_OK)
        rc = fn_report_roc(a.roc, &v, &name, 1, r->report.protocol);
    fn_lfw_free(r);
    return rc == FN_OK ? 0 : fn_cli_fail(rc);
}
