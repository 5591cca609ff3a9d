/* wire.h -- how bench/run.py drives one benchmark, a line each way; bench/peers/wire.py is the
 * same for the peers.
 *
 *              ready WORDS      once, when the set-up is done
 *   check FILE ok WORDS         one run that is not timed; the floats that it gives go to FILE
 *   time N     seconds S        what N runs took together
 *
 * A failure is a line `error SENTENCE` and the end. So is the end of the input. */
#ifndef FN_BENCH_WIRE_H
#define FN_BENCH_WIRE_H

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fn_wire {
    void *ctx;
    fn_status (*run)(void *ctx);
    fn_status (*wait)(void *ctx); /* for what run queued; NULL: it is done */
    /* After one run: its floats, which stay ctx's, and words about them. */
    const float *(*result)(void *ctx, size_t *count, char words[128]);
} fn_wire;

static inline fn_status fn_wire_wait(const fn_wire *w)
{
    return w->wait ? w->wait(w->ctx) : FN_OK;
}

static inline fn_status fn_wire_check(const fn_wire *w, const char *path)
{
    char words[128] = "";
    size_t count;
    FN_TRY(w->run(w->ctx));
    FN_TRY(fn_wire_wait(w));
    const float *x = w->result(w->ctx, &count, words);
    FN_TRY(fn_file_replace(path, x, count * sizeof *x));
    printf("ok %s\n", words);
    return FN_OK;
}

static inline fn_status fn_wire_time(const fn_wire *w, const char *count)
{
    double before = fn_clock();
    for (long i = strtol(count, NULL, 10); i > 0; i--)
        FN_TRY(w->run(w->ctx));
    FN_TRY(fn_wire_wait(w));
    printf("seconds %.9f\n", fn_clock() - before);
    return FN_OK;
}

static inline fn_status fn_wire_answer(const fn_wire *w, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "check ", 6) == 0)
        return fn_wire_check(w, line + 6);
    if (strncmp(line, "time ", 5) == 0)
        return fn_wire_time(w, line + 5);
    return fn_fail(FN_EINVAL, "'%s' is neither `check FILE` nor `time N`", line);
}

static inline fn_status fn_wire_serve(const fn_wire *w)
{
    char line[4096];
    printf("ready facenet %s\n", fn_version());
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        FN_TRY(fn_wire_answer(w, line));
        fflush(stdout);
    }
    return FN_OK;
}

/* The exit code of main. */
static inline int fn_wire_end(fn_status rc)
{
    if (rc != FN_OK)
        printf("error %s\n", fn_last_error());
    return fn_exit_code(rc);
}

/* A file of exactly `count` floats; *x: fn_free. */
static inline fn_status fn_wire_floats(float **x, const char *path, size_t count)
{
    char *data;
    size_t size;
    *x = NULL;
    FN_TRY(fn_file_read(&data, &size, path, (size_t)1 << 40));
    if (size != count * sizeof **x) {
        fn_free(data);
        return fn_fail(FN_EDATA, "%s: %zu bytes, expected %zu floats", path, size, count);
    }
    *x = (float *)(void *)data;
    return FN_OK;
}

#endif
