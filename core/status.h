/* status.h -- how every fallible function in the house reports failure.
 *
 * A function that can fail returns fn_status: FN_OK (0) or a negative code; the list is
 * FN_STATUS_MAP in include/facenet.h. The sentence that goes with it is kept per thread
 * and read with fn_last_error(). Whoever detects the error writes the sentence: what is
 * wrong, where, and what to do (fn_fail). Whoever passes it up adds nothing (FN_TRY),
 * cleans up first (FN_GO) or puts a place in front (fn_context).
 * Programming mistakes are assert()ed, not returned. */
#ifndef FN_CORE_STATUS_H
#define FN_CORE_STATUS_H

#include "include/facenet.h"

/* Records a sentence and returns `s`, so that one writes: return fn_fail(...). */
fn_status fn_fail(fn_status s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), cold));

/* Puts a place in front of the sentence already recorded; the status stays what it was. */
fn_status fn_context(fn_status s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), cold));

/* For failed system calls: "PATH: DOING: strerror(errno)", status chosen from errno. */
fn_status fn_fail_errno(const char *path, const char *doing) __attribute__((cold));

/* The analyzer sees one file at a time and would follow a failure that returns FN_OK. */
#ifdef __clang_analyzer__
#    define fn_fail(s, ...)            (fn_fail(s, __VA_ARGS__), (s))
#    define fn_context(s, ...)         (fn_context(s, __VA_ARGS__), (s))
#    define fn_fail_errno(path, doing) (fn_fail_errno(path, doing), FN_EIO)
#endif

/* The program's exit code for a status: docs/exit-codes.md. */
int fn_exit_code(fn_status s);

/* Pass a failure up. FN_TRY when there is nothing to clean; FN_GO where the
 * function has `fn_status rc` and one exit labelled `out`. */
#define FN_TRY(call)                \
    do {                            \
        fn_status fn_try_ = (call); \
        if (fn_try_ != FN_OK)       \
            return fn_try_;         \
    } while (0)
#define FN_GO(call)      \
    do {                 \
        rc = (call);     \
        if (rc != FN_OK) \
            goto out;    \
    } while (0)

#endif
