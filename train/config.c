#include "train/config.h"

#include "core/text.h"
#include "core/yaml.h"
#include "kernels/gpu.h"
#include "kernels/precision.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const fallbacks[] = {"skip", "farthest", "hardest", NULL};
static const char *const minings[] = {"semihard", "hardest_negative", "hardest",
                                      "all",      "random",           NULL};
static const char *const optimizers[] = {"adagrad", "sgd", "adam", "adamw", NULL};
static const char *const reduces[] = {"mean", "active", "sum", NULL};
static const char *const schedules[] = {"constant", "cosine", "step", NULL};

#define AT(member) offsetof(fn_config, member)
#define TEXT(name, member, value, help)                       \
    {                                                         \
        name, FN_TEXT, AT(member), 0, 0, 0, NULL, value, help \
    }
#define INT(name, member, def, min, max, help)                    \
    {                                                             \
        name, FN_INT, AT(member), def, min, max, NULL, NULL, help \
    }
#define LONG(name, member, def, min, max, help)                    \
    {                                                              \
        name, FN_LONG, AT(member), def, min, max, NULL, NULL, help \
    }
#define REAL(name, member, def, min, max, help)                    \
    {                                                              \
        name, FN_REAL, AT(member), def, min, max, NULL, NULL, help \
    }
#define CHOICE(name, member, def, list, help)                    \
    {                                                            \
        name, FN_CHOICE, AT(member), def, 0, 0, list, NULL, help \
    }
#define FLAG(name, member, def, help)                          \
    {                                                          \
        name, FN_BOOL, AT(member), def, 0, 1, NULL, NULL, help \
    }

/* clang-format off */
const fn_field fn_config_fields[] = {
    TEXT("net", net, NULL, "a network of configs/nets, or a path to its YAML"),
    TEXT("run", run, NULL, "folder of this run: logs, metrics, checkpoints, model"),
    CHOICE("device", device, FN_DEVICE_AUTO, fn_device_names,
           "auto takes a GPU where there is one"),
    INT("threads", threads, 0, 0, 1024, "of the network; 0: every core"),
    LONG("seed", seed, 1, 0, 1e15, "of weights, batches and augmentation"),
    TEXT("data.train", train_pack, NULL, "pack of faces to learn from (facenet data pack)"),
    TEXT("data.val", val_pack, "", "pack of other people, to validate on; empty: none"),
    INT("data.threads", data_threads, 1, 1, 256, "that decode and augment"),
    /* nine digits: train/checkpoint.c */
    LONG("train.steps", steps, NAN, 0, 999999999, "batches to learn from"),
    INT("train.people", people, NAN, 2, 1e6, "people in a batch"),
    INT("train.faces", faces, 40, 2, 1e6, "faces of each, or as many as there are"),
    INT("train.negatives", negatives, 0, 0, 1e6, "faces of as many other people, never anchors"),
    INT("train.chunk", chunk, 0, 0, 1e6,
        "faces in memory at once, in two passes; 0: all, or what a GPU has room for"),
    FLAG("train.exact", exact, 0, "convolutions without Winograd: slower, a digit more"),
    CHOICE("train.precision", precision, FN_PRECISION_FP32, fn_precision_names,
           "what convolutions multiply; a CPU takes no tf32, and bf16 if it can"),
    CHOICE("loss.mining", mining, FN_MINE_SEMIHARD, minings, "which triplets of a batch"),
    REAL("loss.margin", margin, 0.2, FLT_MIN, 4, "alpha, in squared distance"),
    CHOICE("loss.fallback", fallback, FN_FALLBACK_SKIP, fallbacks,
           "for a pair without a semi-hard negative"),
    CHOICE("loss.reduce", reduce, FN_REDUCE_MEAN, reduces,
           "mean over all triplets, over the active ones, or the sum"),
    CHOICE("optim.kind", optim.kind, FN_ADAGRAD, optimizers, "the rule of the update"),
    REAL("optim.rate", schedule.rate, 0.05, FLT_MIN, 100, "the learning rate"),
    CHOICE("optim.schedule", schedule.kind, FN_CONSTANT, schedules, "of the rate"),
    REAL("optim.end", schedule.end, 0, 0, 100, "rate at the end of the cosine"),
    LONG("optim.warmup", schedule.warmup, 0, 0, 1e12, "steps of linear warm-up"),
    REAL("optim.momentum", optim.momentum, 0.9, 0, 0.9999, "of sgd; beta1 of adam, adamw"),
    REAL("optim.beta2", optim.beta2, 0.999, 0, 0.999999, "of adam and adamw"),
    REAL("optim.eps", optim.eps, 1e-8, FLT_MIN, 1, "of adagrad, adam and adamw"),
    REAL("optim.initial", optim.initial, 0.1, 0, 1000, "adagrad's accumulator at the start"),
    REAL("optim.decay", optim.decay, 0, 0, 10, "weight decay of kernels; adam: in the gradient"),
    REAL("optim.clip", clip, 0, 0, 1e6, "largest norm of a gradient; 0: any"),
    REAL("augment.view", augment.view, 1, 0.01, 1, "share of the crop that the net sees"),
    REAL("augment.shift", augment.shift, 0, 0, 0.5, "of the crop's side, each way"),
    REAL("augment.zoom", augment.zoom, 0, 0, 0.5, "of the view's side, each way"),
    FLAG("augment.flip", augment.flip, 1, "mirror every second face"),
    REAL("augment.brightness", augment.brightness, 0, 0, 1, "of the full range, each way"),
    REAL("augment.contrast", augment.contrast, 0, 0, 0.99, "relative, each way"),
    REAL("augment.blur", augment.blur, 0, 0, 0.1, "largest sigma, of the crop's side; 0: none"),
    INT("augment.jpeg", augment.jpeg, 0, 0, 95, "lowest quality, compressed anew; 0: none"),
    REAL("augment.degrade", augment.degrade, 0.2, FLT_MIN, 1,
         "share of faces that blur, and that jpeg, is done to"),
    LONG("log.every", log_every, 10, 1, 1e12, "steps between two lines"),
    INT("log.images", log_images, 6, 0, 100, "hardest triplets shown every val.every steps"),
    INT("log.projector", log_projector, 1000, 0, 10000, "validation faces in the projector"),
    LONG("val.every", val_every, 500, 1, 1e12, "steps between two validations"),
    INT("val.pairs", val_pairs, 3000, 20, 1e7, "drawn from data.val"),
    LONG("save.every", save_every, 500, 1, 1e12, "steps between two checkpoints"),
    INT("save.keep", save_keep, 2, 1, 1e6, "checkpoints that stay"),
    {0},
};
/* clang-format on */

static const char *const free_on_resume[] = {
    "run",       "device",     "threads",       "data.val",  "data.threads", "train.steps",
    "log.every", "log.images", "log.projector", "val.every", "val.pairs",    "save.every",
    "save.keep", NULL};

static fn_status apply(fn_config *c, const char *argument)
{
    char name[64];
    const char *equals = strchr(argument, '=');
    if (!equals || equals == argument || (size_t)(equals - argument) >= sizeof name)
        return fn_fail(FN_ECONFIG, "argument '%s': expected key=value", argument);
    memcpy(name, argument, (size_t)(equals - argument));
    name[equals - argument] = '\0';
    const fn_field *f = fn_field_find(fn_config_fields, name);
    if (!f) {
        const char *near = fn_field_suggest(fn_config_fields, name);
        return fn_fail(FN_ECONFIG, "argument '%s': unknown key%s%s%s", argument,
                       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    fn_status rc = fn_field_parse(f, c, equals + 1);
    return rc == FN_OK ? FN_OK : fn_context(rc, "argument '%s'", argument);
}

/* Is this required key among the overrides? Its absence from the file is then no error. */
static bool given(const fn_field *f, char *const *override, int n)
{
    size_t length = strlen(f->name);
    for (int i = 0; i < n; i++)
        if (strncmp(override[i], f->name, length) == 0 && override[i][length] == '=')
            return true;
    return false;
}

static fn_yaml_node find_dotted(const fn_yaml *y, const char *name)
{
    char part[64];
    fn_yaml_node at = fn_yaml_root(y), whole = fn_yaml_get(y, at, name);
    const char *dot = strchr(name, '.');
    if (whole || !dot)
        return whole;
    memcpy(part, name, (size_t)(dot - name));
    part[dot - name] = '\0';
    at = fn_yaml_get(y, at, part);
    return at && fn_yaml_kind_of(y, at) == FN_YAML_MAP ? fn_yaml_get(y, at, dot + 1) : 0;
}

static fn_status check_required(const fn_yaml *y, char *const *override, int n)
{
    for (const fn_field *f = fn_config_fields; f->name; f++)
        if (fn_field_required(f) && !find_dotted(y, f->name) && !given(f, override, n))
            return fn_yaml_fail(
                y, fn_yaml_root(y),
                "missing key '%s': %s; write it here, or %s=VALUE behind the command",
                f->name, f->help, f->name);
    return FN_OK;
}

/* A key that its neighbours leave without effect is a mistake. */
static fn_status check_together(const fn_config *c, const fn_yaml *y)
{
    if (c->exact && c->precision != FN_PRECISION_FP32)
        return fn_yaml_fail(y, find_dotted(y, "train.precision"),
                            "train.exact asks for every digit, and train.precision is %s: "
                            "take one of the two out",
                            fn_precision_names[c->precision]);
    if (c->fallback == FN_FALLBACK_SKIP || c->mining == FN_MINE_SEMIHARD)
        return FN_OK;
    return fn_yaml_fail(y, find_dotted(y, "loss.fallback"),
                        "loss.fallback is %s, but loss.mining is %s: only semihard falls "
                        "back; take one of the two out",
                        fallbacks[c->fallback], minings[c->mining]);
}

fn_status fn_config_read(fn_config *out, const char *path, char *const *override, int n)
{
    static const char *const also[] = {"eval", NULL}; /* eval/settings.h reads that one */
    fn_yaml *y = NULL;
    fn_status rc;
    *out = (fn_config){.device = 0};
    fn_field_defaults(fn_config_fields, out);
    FN_GO(fn_yaml_open(&y, path));
    FN_GO(fn_yaml_read(y, fn_yaml_root(y), fn_config_fields, out, also, true));
    FN_GO(check_required(y, override, n));
    for (int i = 0; i < n; i++)
        FN_GO(apply(out, override[i]));
    out->schedule.steps = out->steps;
    rc = check_together(out, y);
out:
    fn_yaml_close(y);
    return rc;
}

fn_mine_options fn_config_mining(const fn_config *c)
{
    return (fn_mine_options){.kind = (fn_mining)c->mining,
                             .fallback = (fn_fallback)c->fallback,
                             .margin = c->margin,
                             .seed = (uint64_t)c->seed};
}

/* --- printing --- */

static bool has_group(const char *name, const char *group, size_t length)
{
    return strncmp(name, group, length) == 0 && name[length] == '.';
}

/* Double quotes with the two escapes that every text of ours can need. */
static void put_text(fn_text *t, const char *text)
{
    fn_text_put(t, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fn_text_put(t, "\\");
        fn_text_bytes(t, text, 1);
    }
    fn_text_put(t, "\"\n");
}

static void put_field(fn_text *t, const fn_field *f, const fn_config *c, const char *indent,
                      const char *name)
{
    char text[FN_TEXT_BYTES];
    fn_field_print(text, sizeof text, f, c);
    fn_text_put(t, "%s%s: ", indent, name);
    if (f->kind == FN_TEXT)
        put_text(t, text);
    else
        fn_text_put(t, "%s\n", text);
}

static void put_all(fn_text *t, const fn_config *c)
{
    const char *group = "";
    size_t length = 0;
    for (const fn_field *f = fn_config_fields; f->name; f++) {
        const char *dot = strchr(f->name, '.');
        if (!dot) {
            put_field(t, f, c, "", f->name);
            continue;
        }
        if (!length || !has_group(f->name, group, length)) {
            group = f->name;
            length = (size_t)(dot - f->name);
            fn_text_put(t, "%.*s:\n", (int)length, group);
        }
        put_field(t, f, c, "  ", dot + 1);
    }
}

fn_status fn_config_print(char **text, const fn_config *c)
{
    fn_text t = {.data = NULL};
    put_all(&t, c);
    return fn_text_take(text, &t, "the configuration");
}

fn_status fn_config_same(const fn_config *now, const fn_config *then)
{
    char a[FN_TEXT_BYTES], b[FN_TEXT_BYTES];
    for (const fn_field *f = fn_config_fields; f->name; f++) {
        bool may_differ = false;
        for (const char *const *name = free_on_resume; *name; name++)
            may_differ = may_differ || strcmp(*name, f->name) == 0;
        fn_field_print(a, sizeof a, f, now);
        fn_field_print(b, sizeof b, f, then);
        if (!may_differ && strcmp(a, b) != 0)
            return fn_fail(
                FN_ECONFIG,
                "%s is '%s', but this run began with '%s'; put it back, or start "
                "another run",
                f->name, a, b);
    }
    return FN_OK;
}
