/* train.c -- facenet train --config FILE [key=value ...] */
#include "train/train.h"

#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <argp.h>

static volatile sig_atomic_t stop;

/* The first signal asks for a checkpoint and an orderly end, the second ends at once. */
static void on_signal(int number)
{
    if (stop)
        _exit(128 + number);
    stop = number;
}

static void listen_to_signals(void)
{
    const int numbers[] = {SIGINT, SIGTERM, SIGUSR1};
    struct sigaction a = {.sa_handler = on_signal};
    sigemptyset(&a.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &a, NULL);
}

typedef struct arguments {
    char *config;
    bool dry, resume;
    char **override;
    int n_override;
} arguments;

static void print_line(void *ctx, const char *text)
{
    fprintf(ctx, "%s\n", text);
    fflush(ctx);
}

static void print_keys(void)
{
    fn_config c = {.device = 0};
    char value[FN_TEXT_BYTES], range[256];
    fn_field_defaults(fn_config_fields, &c);
    for (const fn_field *f = fn_config_fields; f->name; f++) {
        fn_field_print(value, sizeof value, f, &c);
        fn_field_describe(range, sizeof range, f);
        printf("%-20s %-10s %s (%s)\n", f->name, fn_field_required(f) ? "(needed)" : value,
               f->help, range);
    }
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case 'c':
        a->config = value;
        return 0;
    case 'n':
        a->dry = true;
        return 0;
    case 'r':
        a->resume = true;
        return 0;
    case 'k':
        print_keys();
        exit(0);
    case ARGP_KEY_ARGS:
        a->override = state->argv + state->next;
        a->n_override = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        if (!a->config)
            argp_error(state, "--config FILE is needed (see configs/)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "the configuration, YAML", 0},
    {"dry-run", 'n', NULL, 0, "check everything, try one batch, write nothing", 0},
    {"resume", 'r', NULL, 0, "go on from the run's newest checkpoint", 0},
    {"keys", 'k', NULL, 0, "list the keys of a configuration, defaults and ranges", 0},
    {0},
};
static const struct argp parser = {
    options,
    parse,
    "[KEY=VALUE...]",
    "Train a network by triplet loss with online mining. KEY=VALUE overrides the file.\v"
    "SIGINT, SIGTERM and SIGUSR1 save a checkpoint and end the program with code 75; the "
    "same "
    "command with --resume goes on, bit for bit.",
    NULL,
    NULL,
    NULL};

int fn_cli_train(int argc, char **argv)
{
    arguments a = {NULL};
    fn_config config;
    fn_cli_parse(&parser, "train", argc, argv, &a);
    fn_status rc = fn_config_read(&config, a.config, a.override, a.n_override);
    if (rc != FN_OK)
        return fn_cli_fail(rc);
    fn_tell tell = {print_line, stderr};
    if (a.dry)
        rc = fn_train_dry(&config, tell);
    else {
        listen_to_signals();
        rc = fn_train(&config, &(fn_train_options){a.resume, &stop, tell});
    }
    return rc == FN_OK ? 0 : fn_cli_fail(rc);
}
