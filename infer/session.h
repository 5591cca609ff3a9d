/* session.h -- a model made ready to embed: fn_session_* and fn_embed of facenet.h, and what
 * evaluation and the commands need beside them. */
#ifndef FN_INFER_SESSION_H
#define FN_INFER_SESSION_H

#include "data/crop.h"
#include "nn/model.h"

/* A session on weights that still change: call fn_session_reload after each change. For
 * validation while training. net, params outlive the session, and so does `gpu` (may be NULL):
 * with it the session runs there, whatever its options say of a device. */
fn_status fn_session_over(fn_session **out, const fn_net *net, fn_params *params,
                          float view, const fn_session_options *o) FN_CHECKED;
struct fn_gpu;
fn_status fn_session_on(fn_session **out, struct fn_gpu *gpu, const fn_net *net,
                        fn_params *params, float view,
                        const fn_session_options *o) FN_CHECKED;
fn_status fn_session_reload(fn_session *s) FN_CHECKED;

/* Where it runs: "cpu, 8 threads", "cuda, NVIDIA H100 80GB HBM3, 79 GB". */
void fn_session_describe(const fn_session *s, char *text, size_t size);

/* fn_session_calibrate with 256 faces of a pack, evenly drawn, or with all if there are fewer. */
fn_status fn_session_calibrate_pack(fn_session *s, const char *path) FN_CHECKED;

typedef struct fn_embed_source {
    /* Puts crop number i in `out`. Called from several threads. */
    fn_status (*crop)(void *ctx, int i, fn_pixels *out);
    void *ctx;
} fn_embed_source;

/* Embeds n crops, decoding on threads ahead of the network; out [n, dim]. With `flip`, an
 * embedding is the normalised sum of image and mirror image. `tell` (may be NULL) hears of
 * progress. Fails with the first source that fails. */
fn_status fn_embed_many(fn_session *s, fn_embed_source source, int n, bool flip, float *out,
                        void (*tell)(void *ctx, int done, int total), void *ctx) FN_CHECKED;

/* Crops of files by a recipe. */
typedef struct fn_embed_paths {
    const fn_crop *crop;
    const char *folder; /* NULL: the paths stand alone */
    char *const *path;
} fn_embed_paths;

/* A source that lives as long as *p. */
fn_embed_source fn_embed_files(const fn_embed_paths *p);

#endif
