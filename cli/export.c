/* export.c -- facenet export --format onnx|safetensors|hdf5 --model FILE -o FILE */
#include "cli/cli.h"
#include "export/onnx.h"
#include "export/weights.h"

#include <stdio.h>
#include <string.h>

#include <argp.h>

typedef struct arguments arguments;

typedef struct format {
    const char *name;
    fn_status (*write)(const arguments *a, fn_model *m);
    fn_status (*check)(const char *path, fn_model *m, double *difference);
    double most; /* difference that is rounding alone */
    const char *of;
} format;

struct arguments {
    const format *format;
    const char *model, *output, *profile; /* profile NULL: native */
};

/* --- the formats --- */

static fn_status write_onnx(const arguments *a, fn_model *m)
{
    bool portable = a->profile && strcmp(a->profile, "portable") == 0;
    return fn_onnx_write(a->output, m, portable ? FN_ONNX_PORTABLE : FN_ONNX_NATIVE);
}

static fn_status write_safetensors(const arguments *a, fn_model *m)
{
    return fn_safetensors_write(a->output, m);
}

static fn_status write_hdf5(const arguments *a, fn_model *m)
{
    return fn_hdf5_write(a->output, m);
}

static fn_status check_safetensors(const char *path, fn_model *m, double *difference)
{
    return fn_safetensors_check(path, m, difference);
}

static fn_status check_hdf5(const char *path, fn_model *m, double *difference)
{
    return fn_hdf5_check(path, m, difference);
}

static const format formats[] = {
    {"onnx", write_onnx, fn_onnx_check, 1e-4, "embeddings of two images"},
    {"safetensors", write_safetensors, check_safetensors, 0, "weights"},
    {"hdf5", write_hdf5, check_hdf5, 0, "weights"},
    {NULL, NULL, NULL, 0, NULL},
};

/* --- arguments --- */

static const format *find(const struct argp_state *state, const char *name)
{
    for (const format *f = formats; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    argp_error(state, "--format: '%s' is not one of: onnx safetensors hdf5", name);
    return NULL;
}

static void check(const struct argp_state *state, const arguments *a)
{
    if (!a->format || !a->model || !a->output)
        argp_error(state, "--format, --model and --output are needed");
    else if (a->profile && a->format->write != write_onnx)
        argp_error(state, "--profile is for --format onnx");
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case 'f':
        a->format = find(state, value);
        return 0;
    case 'm':
        a->model = value;
        return 0;
    case 'o':
        a->output = value;
        return 0;
    case 'p':
        if (strcmp(value, "native") != 0 && strcmp(value, "portable") != 0)
            argp_error(state, "--profile: '%s' is not one of: native portable", value);
        a->profile = value;
        return 0;
    case ARGP_KEY_END:
        check(state, a);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"format", 'f', "FORMAT", 0,
     "onnx (the network: opset 13, IR 7, dynamic batch), safetensors or hdf5 (the weights)",
     0},
    {"model", 'm', "FILE", 0, "the model, .fnm", 0},
    {"output", 'o', "FILE", 0, "where to", 0},
    {"profile", 'p', "PROFILE", 0,
     "operators of ONNX: native (default), the most exact; portable, those of OpenCV too",
     0},
    {0},
};
static const struct argp parser = {
    options, parse, NULL, "Freeze a model for other programs.", NULL, NULL, NULL};

/* Reads the file again; what is more than rounding is a failure. */
static fn_status reload(const arguments *a, fn_model *m)
{
    double difference;
    FN_TRY(a->format->check(a->output, m, &difference));
    printf("read back: %s differ by at most %.3g\n", a->format->of, difference);
    if (difference <= a->format->most)
        return FN_OK;
    return fn_fail(FN_EINTERNAL,
                   "%s: differs from its model by %g, %g is allowed: do not use it, and "
                   "report it with the model",
                   a->output, difference, a->format->most);
}

static fn_status run(const arguments *a, fn_model *m)
{
    FN_TRY(a->format->write(a, m));
    printf("%s: %s, embedding of %d, weights %.12s\n", a->output, fn_net_name(m->net),
           fn_model_dim(m), m->digest);
    return reload(a, m);
}

int fn_cli_export(int argc, char **argv)
{
    arguments a = {NULL};
    fn_model *m;
    fn_cli_parse(&parser, "export", argc, argv, &a);
    fn_status rc = fn_model_open(&m, a.model);
    if (rc == FN_OK) {
        rc = run(&a, m);
        fn_model_close(m);
    }
    return rc == FN_OK ? 0 : fn_cli_fail(rc);
}
