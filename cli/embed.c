/* embed.c -- facenet embed --model FILE [--exact | --precision bf16] [--device cuda]
 * [--format csv|jsonl|npy] [-o FILE] IMAGE... */
#include "cli/cli.h"
#include "core/file.h"
#include "core/mem.h"
#include "infer/vectors.h"

#include <stdio.h>
#include <string.h>

#include <argp.h>

typedef struct arguments {
    fn_cli_source source;
    bool flip;
    int format;         /* fn_vectors_format; -1: as the output's name says, or CSV */
    const char *output; /* NULL: stdout */
    char **image;
    int n;
} arguments;

enum { CALIBRATE = 256 };

static const char *const formats[] = {"csv", "jsonl", "npy"}; /* as fn_vectors_format */

static int find_format(const char *name)
{
    for (int i = 0; i < (int)(sizeof formats / sizeof *formats); i++)
        if (strcmp(formats[i], name) == 0)
            return i;
    return -1;
}

/* What was asked for, or what the output's name ends with. */
static void settle_format(arguments *a, const struct argp_state *state)
{
    const char *dot = a->output ? strrchr(a->output, '.') : NULL;
    if (a->format < 0 && a->output)
        a->format = dot ? find_format(dot + 1) : -1;
    else if (a->format < 0)
        a->format = FN_VECTORS_CSV;
    if (a->format < 0)
        argp_error(state,
                   "--output: '%s' does not end in .csv, .jsonl or .npy: say --format",
                   a->output);
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->source;
        return 0;
    case 'e':
        a->source.exact = true;
        return 0;
    case 'P':
        a->source.precision = fn_cli_precision(state, value);
        return 0;
    case CALIBRATE:
        a->source.calibrate = value;
        return 0;
    case 'f':
        a->flip = true;
        return 0;
    case 'F':
        a->format = find_format(value);
        if (a->format < 0)
            argp_error(state, "--format: '%s' is not one of: csv, jsonl, npy", value);
        return 0;
    case 'o':
        a->output = value;
        return 0;
    case ARGP_KEY_ARGS:
        a->image = state->argv + state->next;
        a->n = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        if (!a->n)
            argp_error(state, "at least one image is needed");
        settle_format(a, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"exact", 'e', NULL, 0, "numbers that do not depend on the other images; slower", 0},
    {"precision", 'P', "NUMBERS", 0,
     "fp32 (default), bf16, tf32 (a GPU's) or u8 (a CPU's): faster and less exact", 0},
    {"calibrate", CALIBRATE, "PACK", 0, "faces that u8 learns its ranges from", 0},
    {"flip", 'f', NULL, 0, "average the embeddings of image and mirror image", 0},
    {"format", 'F', "FORMAT", 0, "csv, jsonl or npy; default: as FILE ends, or csv", 0},
    {"output", 'o', "FILE", 0, "default: stdout", 0},
    {0},
};
static const struct argp_child children[] = {{&fn_cli_source_parser, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "IMAGE...",
    .doc =
        "Write the embedding of each image: a line with its name and its numbers, or a row "
        "of an array.",
    .children = children,
};

static fn_status write(const arguments *a, const float *e, int dim)
{
    fn_text t = {NULL};
    fn_vectors v = {a->image, e, a->n, dim};
    fn_status rc = fn_vectors_put(&t, &v, (fn_vectors_format)a->format);
    if (rc == FN_OK && a->output)
        return fn_text_save(&t, a->output);
    if (rc == FN_OK && t.failed)
        rc = fn_fail(FN_ENOMEM, "no memory to write %d embeddings", a->n);
    if (rc == FN_OK)
        fwrite(t.data, 1, t.size, stdout); /* main() asks stdout how it went */
    fn_free(t.data);
    return rc;
}

int fn_cli_embed(int argc, char **argv)
{
    arguments a = {.format = -1};
    fn_model *m = NULL;
    float *e = NULL;
    fn_status rc;
    fn_cli_parse(&parser, "embed", argc, argv, &a);
    if (a.output)
        FN_GO(fn_file_check_target(a.output));
    FN_GO(fn_model_open(&m, a.source.model));
    e = fn_alloc((size_t)a.n * (size_t)fn_model_dim(m), sizeof *e);
    if (!e) {
        rc = fn_fail(FN_ENOMEM, "no memory for %d embeddings", a.n);
        goto out;
    }
    FN_GO(fn_cli_embed_images(e, m, &a.source, a.image, a.n, a.flip));
    rc = write(&a, e, fn_model_dim(m));
out:
    fn_model_close(m);
    fn_free(e);
    return rc == FN_OK ? 0 : fn_cli_fail(rc);
}
