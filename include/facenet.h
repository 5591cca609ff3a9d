/* facenet.h -- embed faces and compare them.
 *
 *   fn_model *m;  fn_session *s;
 *   if (fn_model_open(&m, "nn4.fnm") != FN_OK || fn_session_open(&s, m, NULL) != FN_OK) {
 *       puts(fn_last_error());
 *       exit(1);
 *   }
 *   fn_embed(s, &image, 1, vec);             // fn_model_dim(m) floats, unit norm
 *   fn_session_close(s);  fn_model_close(m);
 *
 * Errors     Fallible functions return fn_status; FN_OK is 0, failures are negative.
 *            fn_last_error() gives this thread's last sentence. The library never prints,
 *            never exits and never aborts on bad input.
 * Ownership  *_open creates, *_close destroys and accepts NULL. Every other pointer stays
 *            the caller's. On failure *out is NULL and there is nothing to close.
 * Threads    A model is immutable after fn_model_open: share it freely. A session is a
 *            workspace: one thread at a time. Open one session per thread.
 * ABI        Structs the caller fills start with `size` = sizeof the struct; fields are
 *            only ever appended. Zero always means "the default". */
#ifndef FACENET_H
#define FACENET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FN_API     __attribute__((visibility("default")))
#define FN_CHECKED __attribute__((warn_unused_result))

/* name, value, exit code of the program (docs/exit-codes.md), text */
#define FN_STATUS_MAP(X)                                            \
    X(OK, 0, 0, "success")                                          \
    X(EINVAL, -1, 64, "invalid argument")                           \
    X(EDATA, -2, 65, "bad data")                                    \
    X(ENOENT, -3, 66, "missing input")                              \
    X(EDEVICE, -4, 69, "device or driver error")                    \
    X(EUNSUPPORTED, -5, 69, "not supported here")                   \
    X(ENUMERIC, -6, 70, "non-finite number")                        \
    X(EINTERNAL, -7, 70, "a bug in facenet")                        \
    X(ENOMEM, -8, 71, "out of memory")                              \
    X(EEXIST, -9, 73, "cannot create: it exists")                   \
    X(EIO, -10, 74, "input/output error")                           \
    X(ESTOPPED, -11, 75, "stopped when told to, with a checkpoint") \
    X(EPERM, -12, 77, "permission denied")                          \
    X(ECONFIG, -13, 78, "error in a configuration")                 \
    X(ESHAPE, -14, 78, "shapes do not fit")

typedef enum fn_status {
#define X(name, value, exit_code, text) FN_##name = (value),
    FN_STATUS_MAP(X)
#undef X
} fn_status;

/* Text for a status alone; never NULL, never freed. */
FN_API const char *fn_strerror(fn_status s);

/* The sentence behind the last failure on this thread; "" when none. */
FN_API const char *fn_last_error(void);

FN_API const char *fn_version(void); /* "0.1.0" */

/* 8-bit RGB, rows top to bottom, `stride` bytes apart. Borrowed, never modified. */
typedef struct fn_image {
    const uint8_t *rgb;
    int width, height;
    size_t stride;
} fn_image;

typedef struct fn_model fn_model;
typedef struct fn_session fn_session;

typedef struct fn_session_options {
    size_t size;
    int threads;   /* default: every core */
    int max_batch; /* images that one pass takes; default 32 */
} fn_session_options;

/* Reads architecture, weights and crop recipe from one .fnm file.
 * Errors: FN_ENOENT, FN_EDATA (not a model, damaged), FN_ENOMEM. */
FN_API FN_CHECKED fn_status fn_model_open(fn_model **out, const char *path);
FN_API void fn_model_close(fn_model *m);
FN_API int fn_model_dim(const fn_model *m); /* length of an embedding, e.g. 128 */

/* `options` may be NULL. The model outlives the session. */
FN_API FN_CHECKED fn_status fn_session_open(fn_session **out, const fn_model *m,
                                            const fn_session_options *options);
FN_API void fn_session_close(fn_session *s);

/* Embeds n faces that are already cropped by the model's recipe; other sizes are resized.
 * `out` receives [n, fn_model_dim] floats, rows of unit norm. Any n >= 0. */
FN_API FN_CHECKED fn_status fn_embed(fn_session *s, const fn_image *face, int n,
                                     float *out);

/* Squared L2 distance, 0 (same) to 4 (opposite): Schroff et al. 2015, section 3.1. */
FN_API float fn_distance(const float *a, const float *b, int dim);

#ifdef __cplusplus
}
#endif

#endif
