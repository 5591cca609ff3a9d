/* export.c -- facenet export --format onnx --model FILE -o FILE */
#include "cli/cli.h"
#include "export/onnx.h"

#include <stdio.h>
#include <string.h>

#include <argp.h>

typedef struct arguments {
    const char *format, *model, *output;
} arguments;

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case 'f':
        if (strcmp(value, "onnx") != 0)
            argp_error(state, "--format: '%s' is not one of: onnx", value);
        a->format = value;
        return 0;
    case 'm':
        a->model = value;
        return 0;
    case 'o':
        a->output = value;
        return 0;
    case ARGP_KEY_END:
        if (!a->format || !a->model || !a->output)
            argp_error(state, "--format, --model and --output are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"format", 'f', "onnx", 0, "opset 13, IR 7, dynamic batch", 0},
    {"model", 'm', "FILE", 0, "the model, .fnm", 0},
    {"output", 'o', "FILE", 0, "where to", 0},
    {0},
};
static const struct argp parser = {
    options, parse, NULL, "Freeze a model for other programs.", NULL, NULL, NULL};

int fn_cli_export(int argc, char **argv)
{
    arguments a = {NULL};
    fn_model *m;
    fn_cli_parse(&parser, "export", argc, argv, &a);
    fn_status rc = fn_model_open(&m, a.model);
    if (rc != FN_OK)
        return fn_cli_fail(rc);
    rc = fn_export_onnx(a.output, m);
    if (rc == FN_OK)
        printf("%s: %s, embedding of %d, weights %.12s\n", a.output, fn_net_name(m->net),
               fn_model_dim(m), m->digest);
    fn_model_close(m);
    return rc == FN_OK ? 0 : fn_cli_fail(rc);
}
