/* embed.c -- facenet embed --model FILE IMAGE... : one CSV line an image on stdout */
#include "cli/cli.h"
#include "core/mem.h"
#include "infer/session.h"

#include <stdio.h>

#include <argp.h>

typedef struct arguments {
    fn_cli_source source;
    bool flip;
    char **image;
    int n;
} arguments;

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    (void)value;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->source;
        return 0;
    case 'f':
        a->flip = true;
        return 0;
    case ARGP_KEY_ARGS:
        a->image = state->argv + state->next;
        a->n = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        if (!a->n)
            argp_error(state, "at least one image is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"flip", 'f', NULL, 0, "average the embeddings of image and mirror image", 0},
    {0},
};
static const struct argp_child children[] = {{&fn_cli_source_parser, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "IMAGE...",
    .doc =
        "Print the embedding of each image: its name and its numbers, separated by commas.",
    .children = children,
};

static void print(char *const *image, const float *e, int n, int dim)
{
    for (int i = 0; i < n; i++) {
        printf("%s", image[i]);
        for (int k = 0; k < dim; k++)
            printf(",%.9g", (double)e[(size_t)i * (size_t)dim + (size_t)k]);
        putchar('\n');
    }
}

int fn_cli_embed(int argc, char **argv)
{
    arguments a = {.flip = false};
    fn_model *m = NULL;
    float *e = NULL;
    fn_status rc;
    fn_cli_parse(&parser, "embed", argc, argv, &a);
    FN_GO(fn_model_open(&m, a.source.model));
    e = fn_alloc((size_t)a.n * (size_t)fn_model_dim(m), sizeof *e);
    if (!e) {
        rc = fn_fail(FN_ENOMEM, "no memory for %d embeddings", a.n);
        goto out;
    }
    FN_GO(fn_cli_embed_images(e, m, &a.source, a.image, a.n, a.flip));
    print(a.image, e, a.n, fn_model_dim(m));
out:
    fn_model_close(m);
    fn_free(e);
    return rc == FN_OK ? 0 : fn_cli_fail(rc);
}
