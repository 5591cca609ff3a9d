/* progress.c -- what long work says on stderr: how far it is, and sentences between. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 30 }; /* seconds without a line, in a log */

/* Is someone looking at a terminal that can go back to a line's start? */
static bool moves(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && (!term || strcmp(term, "dumb") != 0);
}

void fn_cli_progress(int64_t done, int64_t total)
{
    static int64_t tenth;
    static time_t last;
    time_t now = time(NULL);
    if (moves()) {
        fprintf(stderr, "\r%" PRId64 " of %" PRId64 " images%s", done, total,
                done == total ? "\n" : "");
        return;
    }
    last = last ? last : now;
    if (total == 0 || (10 * done / total == tenth && now - last < PATIENCE))
        return;
    fprintf(stderr, "%" PRId64 " of %" PRId64 " images\n", done, total);
    tenth = done == total ? 0 : 10 * done / total;
    last = now;
}

void fn_cli_say(const char *fmt, ...)
{
    char line[1200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    /* Over the line that moves, and over all of it. */
    fprintf(stderr, moves() ? "\r%-40s\n" : "%s\n", line);
}
