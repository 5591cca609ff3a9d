/* main.c -- `facenet SUBCOMMAND ...`; under the name train, eval or export it is that
 * subcommand, because `eval` and `export` alone would reach the shell's builtins. */
#include "cli/cli.h"
#include "core/field.h"

#include <stdio.h>
#include <string.h>

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} command;

static const command commands[] = {
    {"data", fn_cli_data, "pack, inspect and split sets of faces; draw synthetic ones"},
    {"train", fn_cli_train, "train a network by triplet loss"},
    {"eval", fn_cli_eval, "verify pairs of faces by LFW's protocol"},
    {"export", fn_cli_export, "freeze a model to ONNX, safetensors or HDF5"},
    {"embed", fn_cli_embed, "embeddings of images"},
    {"verify", fn_cli_verify, "do two pictures show the same person?"},
    {"info", fn_cli_info, "a network's table beside the paper's; its plan"},
    {NULL, NULL, NULL},
};

static const command *find(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    for (const command *c = commands; c->name; c++)
        if (strcmp(c->name, base) == 0)
            return c;
    return NULL;
}

static void help(FILE *to)
{
    fprintf(to,
            "facenet %s -- face embeddings by triplet loss (Schroff et al. 2015)\n\n"
            "usage: facenet COMMAND [OPTION...]\n\n",
            fn_version());
    for (const command *c = commands; c->name; c++)
        fprintf(to, "  %-8s %s\n", c->name, c->what);
    fprintf(to, "\n`facenet COMMAND --help` explains one.\n");
}

int fn_cli_fail(fn_status s)
{
    const char *sentence = fn_last_error();
    fprintf(stderr, "facenet: error: %s\n", *sentence ? sentence : fn_strerror(s));
    return fn_exit_code(s);
}

/* What went to stdout counts as written only now: a full disk shows when it is flushed. */
static int finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fn_status rc = fn_fail_errno("stdout", "write");
    return code > 1 ? code : fn_cli_fail(rc);
}

static int fail_unknown(const char *name)
{
    const char *known[sizeof commands / sizeof *commands];
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        known[i] = commands[i].name;
    const char *near = fn_suggest(known, name);
    fprintf(stderr, "facenet: no command '%s'%s%s%s\ntry: facenet --help\n", name,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return fn_exit_code(FN_EINVAL);
}

/* `facenet help train` is `facenet train --help`. */
static int explain(const char *name)
{
    char *argv[] = {(char *)name, "--help", NULL};
    const command *c = name ? find(name) : NULL;
    if (c)
        return c->run(2, argv);
    if (name)
        return fail_unknown(name);
    help(stdout);
    return 0;
}

static int run(int argc, char **argv)
{
    const command *c = find(argv[0]);
    if (c)
        return c->run(argc, argv);
    if (argc < 2) {
        help(stderr);
        return fn_exit_code(FN_EINVAL);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return explain(argv[2]);
    if (strcmp(argv[1], "--version") == 0) {
        printf("facenet %s\n", fn_version());
        return 0;
    }
    c = find(argv[1]);
    return c ? c->run(argc - 1, argv + 1) : fail_unknown(argv[1]);
}

int main(int argc, char **argv)
{
    return finish(run(argc, argv));
}
