/* cli.h -- the facenet program: one file a subcommand, and the only folder that prints.
 * Results go to stdout, talk to stderr. Exit codes: docs/exit-codes.md. */
#ifndef FN_CLI_CLI_H
#define FN_CLI_CLI_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Each returns the exit code. argv[0] is the subcommand's name. */
int fn_cli_train(int argc, char **argv);
int fn_cli_eval(int argc, char **argv);
int fn_cli_export(int argc, char **argv);
int fn_cli_data(int argc, char **argv);
int fn_cli_info(int argc, char **argv);
int fn_cli_embed(int argc, char **argv);
int fn_cli_verify(int argc, char **argv);

/* Prints "facenet: error: SENTENCE" to stderr and returns the status's exit code. */
int fn_cli_fail(fn_status s);

/* "N of TOTAL images" on stderr: a line that moves where someone is looking; elsewhere a line for
 * each tenth of the way, or after half a minute without one. */
void fn_cli_progress(int64_t done, int64_t total);
/* A line on stderr, over the one that moves. */
void fn_cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Images named on the command line, and how to make faces of them. */
typedef struct fn_cli_source {
    const char *model;
    const char *crop;   /* recipe; NULL: the model's */
    const char *images; /* folder that the names begin at; NULL: here */
    int threads;        /* 0: every core */
    bool exact;         /* as in fn_session_options */
    fn_precision precision;
    fn_device_choice device;
    const char *calibrate; /* pack for u8; NULL: none */
} fn_cli_source;

/* e [n, fn_model_dim(m)]. Says on stderr where the network runs. */
fn_status fn_cli_embed_images(float *e, const fn_model *m, const fn_cli_source *s,
                              char *const *image, int n, bool flip) FN_CHECKED;

struct argp;
struct argp_state;

/* --model, --crop, --images, --device and --threads, as a child of a subcommand's parser; its
 * input is an fn_cli_source. */
extern const struct argp fn_cli_source_parser;

/* argp_parse under the subcommand's name; a wrong argument ends the program with 64. */
void fn_cli_parse(const struct argp *parser, const char *name, int argc, char **argv,
                  void *input);

/* The number in an option's text; anything else is a wrong argument. */
int fn_cli_int(const struct argp_state *state, const char *option, const char *text,
               int min, int max);
double fn_cli_real(const struct argp_state *state, const char *option, const char *text,
                   double min, double max);

/* The precision that --precision names. */
fn_precision fn_cli_precision(const struct argp_state *state, const char *text);
/* The device that --device names. */
fn_device_choice fn_cli_device(const struct argp_state *state, const char *text);

#endif
