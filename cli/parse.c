/* parse.c -- what the subcommands share of reading their arguments. */
#include "cli/cli.h"
#include "kernels/gpu.h"
#include "kernels/precision.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <argp.h>

void fn_cli_parse(const struct argp *parser, const char *name, int argc, char **argv,
                  void *input)
{
    static char title[64];
    const char *slash = strrchr(argv[0], '/');
    /* Under its own name (build/bin/train) a command is called what it was called. */
    if (slash)
        snprintf(title, sizeof title, "%s", slash + 1);
    else
        snprintf(title, sizeof title, "facenet %s", name);
    argv[0] = title;
    argp_err_exit_status = fn_exit_code(FN_EINVAL);
    argp_parse(parser, argc, argv, 0, NULL, input);
}

int fn_cli_int(const struct argp_state *state, const char *option, const char *text,
               int min, int max)
{
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (errno || end == text || *end || v < min || v > max)
        argp_error(state, "%s: expected an integer in [%d, %d], got '%s'", option, min, max,
                   text);
    return (int)v;
}

double fn_cli_real(const struct argp_state *state, const char *option, const char *text,
                   double min, double max)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || !(v >= min && v <= max))
        argp_error(state, "%s: expected a number in [%g, %g], got '%s'", option, min, max,
                   text);
    return v;
}

fn_precision fn_cli_precision(const struct argp_state *state, const char *text)
{
    int p = fn_precision_find(text);
    if (p < 0)
        argp_error(state, "--precision: '%s' is not one of: fp32, tf32, bf16, u8", text);
    return p < 0 ? FN_PRECISION_FP32 : (fn_precision)p;
}

fn_device_choice fn_cli_device(const struct argp_state *state, const char *text)
{
    for (int d = 0; fn_device_names[d]; d++)
        if (strcmp(fn_device_names[d], text) == 0)
            return (fn_device_choice)d;
    argp_error(state, "--device: '%s' is not one of: auto, cpu, cuda", text);
    return FN_DEVICE_AUTO;
}
