/* eval.c -- facenet eval --lfw PAIRS : what is not said comes from --config, then from the
 * model's record. */
#include "cli/cli.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "eval/csv.h"
#include "eval/lfw.h"
#include "eval/page.h"
#include "eval/settings.h"
#include "train/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <argp.h>

static const char usual[] = "configs/eval.yaml";

enum { ALLOW_MISSING = 256, CALIBRATE, CSV, HTML, FAR, GROUPS = 64, GROUP_BYTES = 32 };

typedef struct arguments {
    fn_lfw_options lfw;
    const char *config, *json, *roc, *csv, *html;
    fn_settings settings;
    bool device_said;
    char *command, date[32];
} arguments;

static error_t parse_output(int key, const char *value, arguments *a)
{
    switch (key) {
    case 'o':
        a->json = value;
        return 0;
    case 'r':
        a->roc = value;
        return 0;
    case CSV:
        a->csv = value;
        return 0;
    case HTML:
        a->html = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

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
    case 'C':
        a->config = value;
        return 0;
    case 'f':
        a->lfw.flip = true;
        return 0;
    case 'p':
        a->lfw.pixels = true;
        return 0;
    case 'P':
        a->lfw.precision = fn_cli_precision(state, value);
        return 0;
    case 'd':
        a->lfw.device = fn_cli_device(state, value);
        a->device_said = true;
        return 0;
    case CALIBRATE:
        a->lfw.calibrate = value;
        return 0;
    case ALLOW_MISSING:
        a->lfw.allow_missing = true;
        return 0;
    case FAR:
        a->lfw.far = fn_cli_real(state, "--far", value, 1e-9, 0.999);
        return 0;
    case 'b':
        a->lfw.batch = fn_cli_int(state, "--batch", value, 1, 4096);
        return 0;
    case 'j':
        a->lfw.threads = fn_cli_int(state, "--threads", value, 0, 1024);
        return 0;
    default:
        return parse_output(key, value, a);
    }
}

static const struct argp_option options[] = {
    {"lfw", 'l', "PAIRS", 0, "pairs in the grammar of LFW's pairs.txt", 0},
    {"config", 'C', "FILE", 0,
     "take what is not said here from its section `eval`, and the model from its `run`; "
     "default: configs/eval.yaml, where no model is named here",
     0},
    {"images", 'i', "DIR", 0,
     "folder of the images: DIR/name/name_0001.jpg; default: that of PAIRS", 0},
    {"model", 'm', "FILE", 0, "the model, .fnm", 0},
    {"crop", 'c', "RECIPE", 0,
     "how to crop: none, 'centre: SIDE@X,Y' or 'landmarks: FILE.tsv'; default: the model's",
     0},
    {"flip", 'f', NULL, 0, "average the embeddings of image and mirror image", 0},
    {"pixels", 'p', NULL, 0, "compare pixels instead of embeddings: the figure to beat", 0},
    {"allow-missing", ALLOW_MISSING, NULL, 0,
     "leave out pairs whose images are missing; the result says which", 0},
    {"far", FAR, "RATE", 0, "report this false accept rate beside 0.1, 0.01 and 0.001", 0},
    {"precision", 'P', "NUMBERS", 0,
     "fp32 (default), bf16, tf32 (a GPU's) or u8 (a CPU's): faster and less exact", 0},
    {"device", 'd', "WHERE", 0,
     "auto (default: a GPU where one can be used), cpu or cuda: a GPU or an error", 0},
    {"calibrate", CALIBRATE, "PACK", 0, "faces that u8 learns its ranges from", 0},
    {"batch", 'b', "N", 0, "images of one pass; default 64", 0},
    {"threads", 'j', "N", 0, "default: every core", 0},
    {"json", 'o', "FILE", 0, "write the whole result", 0},
    {"csv", CSV, "FILE", 0, "write every pair with its distance and decision", 0},
    {"html", HTML, "FILE", 0,
     "write a page: the result, curves, distances, the worst mistakes as pictures", 0},
    {"roc", 'r', "FILE", 0, "write the ROC curve, SVG", 0},
    {0},
};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .doc = "Verify pairs of faces by LFW's protocol: the threshold of each fold comes from "
           "the "
           "other folds; +- is the standard error of the mean over the folds.",
};

/* --- what is not on the command line --- */

/* The sections of a training configuration: the names in front of the dots. */
static void list_sections(const char *also[GROUPS], char text[GROUPS][GROUP_BYTES])
{
    int n = 0;
    for (const fn_field *f = fn_config_fields; f->name && n < GROUPS - 1; f++) {
        snprintf(text[n], GROUP_BYTES, "%.*s", (int)strcspn(f->name, "."), f->name);
        if (strcmp(text[n], "run") == 0 || strcmp(text[n], "device") == 0 ||
            (n && strcmp(text[n], text[n - 1]) == 0))
            continue;
        also[n] = text[n];
        n++;
    }
    also[n] = NULL;
}

static fn_status read_config(arguments *a)
{
    char text[GROUPS][GROUP_BYTES];
    const char *also[GROUPS];
    if (!a->config && !a->lfw.model && !a->lfw.pixels && fn_file_exists(usual))
        a->config = usual;
    if (!a->config)
        return FN_OK;
    list_sections(also, text);
    FN_TRY(fn_settings_read(&a->settings, a->config, also));
    fprintf(stderr, "settings from %s\n", a->config);
    return FN_OK;
}

static void take(const char **option, const char *setting)
{
    if (!*option && setting[0])
        *option = setting;
}

static fn_status complete(arguments *a)
{
    FN_TRY(read_config(a));
    const fn_settings *s = &a->settings;
    fn_lfw_options *o = &a->lfw;
    take(&o->pairs, s->pairs);
    take(&o->images, s->images);
    take(&o->model, s->model);
    take(&o->crop, s->crop);
    o->flip = o->flip || s->flip;
    o->pixels = o->pixels || s->pixels;
    o->allow_missing = o->allow_missing || s->allow_missing;
    o->batch = o->batch ? o->batch : s->batch;
    o->threads = o->threads ? o->threads : s->threads;
    if (!a->device_said)
        o->device = a->config ? (fn_device_choice)s->device : FN_DEVICE_AUTO;
    if (!o->pairs)
        return fn_fail(FN_EINVAL, "no pairs to verify: name their file with --lfw");
    if (!o->model && !o->pixels)
        return fn_fail(FN_EINVAL, "no model to evaluate: name one with --model, or a "
                                  "configuration that does with --config");
    return FN_OK;
}

/* --- the result --- */

/* The command line as a shell takes it back. */
static char *join(int argc, char **argv)
{
    size_t size = sizeof "facenet eval";
    for (int i = 1; i < argc; i++)
        size += 4 * strlen(argv[i]) + 3;
    char *text = fn_alloc(size, 1), *to = text;
    if (!text)
        return NULL;
    to += sprintf(to, "facenet eval");
    for (int i = 1; i < argc; i++) {
        bool quote = !argv[i][0] || strpbrk(argv[i], " \t\n'\"\\$`*?[]{}()<>|&;#~!");
        to += sprintf(to, quote ? " '" : " ");
        for (const char *c = argv[i]; *c; c++)
            to += *c == '\'' ? sprintf(to, "'\\''") : sprintf(to, "%c", *c);
        to += sprintf(to, quote ? "'" : "");
    }
    return text;
}

static void tell(void *ctx, const char *line, int done, int total)
{
    (void)ctx;
    if (line)
        fn_cli_say("%s", line);
    else
        fn_cli_progress(done, total);
}

static void print_rate(const fn_rate *r)
{
    char reason[FN_RATE_REASON];
    fn_rates_reason(reason, r);
    if (!r->supported) {
        printf("FAR %-6g refused: %s\n", r->far, reason);
        return;
    }
    printf("FAR %-6g VAL %.2f +- %.2f %% at FAR %.4f; of all pairs TAR %.2f %%", r->far,
           100 * r->val, 100 * r->val_error, r->val_far, 100 * r->tar);
    if (!isnan(r->interval.low))
        printf(" (95 %%: %.2f to %.2f)", 100 * r->interval.low, 100 * r->interval.high);
    printf("\n");
}

static void print_figures(const fn_verification *v, const fn_intervals *i)
{
    if (isnan(v->error))
        printf("accuracy   %.2f %% (one fold: the threshold is of the same pairs)\n",
               100 * v->accuracy);
    else
        printf("accuracy   %.2f +- %.2f %% (standard error; deviation %.2f)\n",
               100 * v->accuracy, 100 * v->error, 100 * v->deviation);
    printf("AUC        %.4f\nEER        %.2f %%\n", v->auc, 100 * v->eer);
    if (isnan(i->accuracy.low))
        printf("intervals  none: %d people are too few\n", i->people);
    else
        printf(
            "intervals  95 %% over %d people: accuracy %.2f to %.2f %%, AUC %.4f to %.4f, "
            "EER %.2f to %.2f %%\n",
            i->people, 100 * i->accuracy.low, 100 * i->accuracy.high, i->auc.low,
            i->auc.high, 100 * i->eer.low, 100 * i->eer.high);
}

static void print(const fn_lfw *r)
{
    const fn_verification *v = r->verification;
    printf("pairs      %d in %d %s (%s)\n", v->pairs, v->folds,
           fn_text_plural(v->folds, "fold", "folds"), r->report.pairs_file);
    if (r->pairs->dropped)
        printf("left out   %d %s: %d %s missing\n", r->pairs->dropped,
               fn_text_plural(r->pairs->dropped, "pair", "pairs"), r->pairs->n_absent,
               fn_text_plural(r->pairs->n_absent, "image is", "images are"));
    printf("model      %s\n", r->report.model ? r->report.model : "none: pixels");
    if (r->report.precision)
        printf("precision  %s\ndevice     %s\n", r->report.precision, r->report.device);
    printf("crop       %s, view %.3g%s\n", r->report.crop, r->report.view,
           r->report.flip ? ", with mirror image" : "");
    print_figures(v, &r->intervals);
    for (int i = 0; i < r->report.rates; i++)
        print_rate(&r->report.rate[i]);
    printf("threshold  %.4f (squared distance, best of all pairs)\n", v->threshold);
}

static fn_status write_all(const arguments *a, const fn_lfw *r)
{
    const fn_verification *v = r->verification;
    const char *name = r->report.net ? r->report.net : "pixels";
    if (a->json)
        FN_TRY(fn_report_json(a->json, v, &r->report));
    if (a->csv)
        FN_TRY(fn_csv_write(a->csv, r->pairs, r->distance, v));
    if (a->html)
        FN_TRY(fn_page_write(a->html, r));
    if (a->roc)
        FN_TRY(fn_report_roc(a->roc, &v, &name, 1, r->report.protocol));
    return FN_OK;
}

/* Before the work is done that would have no place. */
static fn_status check_outputs(const arguments *a)
{
    const char *const file[] = {a->json, a->csv, a->html, a->roc};
    for (size_t i = 0; i < sizeof file / sizeof *file; i++)
        if (file[i])
            FN_TRY(fn_file_check_target(file[i]));
    return FN_OK;
}

int fn_cli_eval(int argc, char **argv)
{
    arguments a = {.lfw = {.tell = tell}};
    fn_lfw *r = NULL;
    fn_status rc;
    time_t now = time(NULL);
    struct tm utc;
    a.command = join(argc, argv); /* before argp reorders them; NULL is left out */
    fn_cli_parse(&parser, "eval", argc, argv, &a);
    if (gmtime_r(&now, &utc))
        strftime(a.date, sizeof a.date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    FN_GO(check_outputs(&a));
    FN_GO(complete(&a));
    FN_GO(fn_lfw_run(&r, &a.lfw));
    r->report.command = a.command;
    r->report.date = a.date;
    print(r);
    rc = write_all(&a, r);
out:
    fn_lfw_free(r);
    fn_free(a.command);
    return rc == FN_OK ? 0 : fn_cli_fail(rc);
}
