/* cli.h -- the facenet program: one file a subcommand, and the only folder that prints.
 * Results go to stdout, talk to stderr. Exit codes: docs/exit-codes.md. */
#ifndef FN_CLI_CLI_H
#define FN_CLI_CLI_H

#include "core/status.h"

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
/* Prints "facenet SUBCOMMAND: SENTENCE", points at --help, and returns 64. */
int fn_cli_usage(const char *subcommand, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
