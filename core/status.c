#include "core/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char last_error[1024];

const char *fn_strerror(fn_status s)
{
    switch (s) {
#define X(name, value, exit_code, text) \
    case FN_##name:                     \
        return text;
        FN_STATUS_MAP(X)
#undef X
    }
    return "unknown status";
}

int fn_exit_code(fn_status s)
{
    switch (s) {
#define X(name, value, exit_code, text) \
    case FN_##name:                     \
        return exit_code;
        FN_STATUS_MAP(X) /* NOLINT(bugprone-branch-clone): some share a code */
#undef X
    }
    return 70;
}

const char *fn_last_error(void)
{
    return last_error;
}

/* In parentheses a name is not the analyzer's macro. */
fn_status(fn_fail)(fn_status s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(last_error, sizeof last_error, fmt, ap);
    va_end(ap);
    return s;
}

fn_status(fn_context)(fn_status s, const char *fmt, ...)
{
    char inner[sizeof last_error];
    va_list ap;
    memcpy(inner, last_error, sizeof inner);
    va_start(ap, fmt);
    vsnprintf(last_error, sizeof last_error, fmt, ap);
    va_end(ap);
    size_t at = strlen(last_error);
    snprintf(last_error + at, sizeof last_error - at, ": %s", inner);
    return s;
}

static fn_status status_of_errno(int e)
{
    switch (e) {
    case ENOENT:
    case ENOTDIR:
        return FN_ENOENT;
    case EACCES:
    case EPERM:
    case EROFS:
        return FN_EPERM;
    case EEXIST:
        return FN_EEXIST;
    case ENOMEM:
        return FN_ENOMEM;
    default:
        return FN_EIO;
    }
}

fn_status(fn_fail_errno)(const char *path, const char *doing)
{
    int e = errno;
    return fn_fail(status_of_errno(e), "%s: %s: %s", path, doing, strerror(e));
}
