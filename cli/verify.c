/* verify.c -- facenet verify --model FILE A B : exit code 0 same person, 1 different */
#include "cli/cli.h"
#include "core/mem.h"
#include "nn/model.h"

#include <math.h>
#include <stdio.h>

#include <argp.h>

enum { DIFFERENT = 1 };

typedef struct arguments {
    fn_cli_source source;
    double threshold; /* NAN: the model's */
    char **image;
} arguments;

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->source;
        return 0;
    case 't':
        a->threshold = fn_cli_real(state, "--threshold", value, 0, 4);
        return 0;
    case ARGP_KEY_ARGS:
        a->image = state->argv + state->next;
        if (state->argc - state->next != 2)
            argp_error(state, "two images are needed");
        return 0;
    case ARGP_KEY_END:
        if (!a->image)
            argp_error(state, "two images are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"threshold", 't', "T", 0, "squared distance; default: the model's", 0},
    {0},
};
static const struct argp_child children[] = {{&fn_cli_source_parser, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "A B",
    .doc = "Do two pictures show the same person? Prints distance, decision and threshold. "
           "Exit code 0: the same, 1: different.",
    .children = children,
};

static fn_status choose_threshold(arguments *a, const fn_model *m, const char **from)
{
    *from = "the command line";
    if (!isnan(a->threshold))
        return FN_OK;
    *from = m->record.threshold_from;
    a->threshold = (double)m->record.threshold;
    if (!isnan(a->threshold))
        return FN_OK;
    return fn_fail(FN_ECONFIG,
                   "%s carries no threshold (it was trained without data.val): measure one "
                   "with facenet eval and give it with --threshold",
                   a->source.model);
}

int fn_cli_verify(int argc, char **argv)
{
    arguments a = {.threshold = NAN};
    fn_model *m = NULL;
    float *e = NULL;
    const char *from;
    bool same = false;
    fn_status rc;
    fn_cli_parse(&parser, "verify", argc, argv, &a);
    FN_GO(fn_model_open(&m, a.source.model));
    FN_GO(choose_threshold(&a, m, &from));
    int dim = fn_model_dim(m);
    e = fn_alloc(2 * (size_t)dim, sizeof *e);
    if (!e) {
        rc = fn_fail(FN_ENOMEM, "no memory for two embeddings");
        goto out;
    }
    FN_GO(fn_cli_embed_images(e, m, &a.source, a.image, 2, false));
    double distance = (double)fn_distance(e, e + dim, dim);
    same = distance < a.threshold;
    printf("distance   %.4f (squared, 0 to 4)\n", distance);
    printf("decision   %s\n", same ? "same person" : "different people");
    printf("threshold  %.4f, from %s\n", a.threshold, from);
out:
    fn_model_close(m);
    fn_free(e);
    return rc != FN_OK ? fn_cli_fail(rc) : same ? 0 : DIFFERENT;
}
