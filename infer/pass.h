/* pass.h -- the inside of a session, for infer/ alone: one pass of the network over a batch
 * of views, by plans of two batch sizes. */
#ifndef FN_INFER_PASS_H
#define FN_INFER_PASS_H

#include "data/view.h"
#include "infer/session.h"
#include "kernels/threads.h"
#include "nn/plan.h"

/* A plan and whether it has packed its weights yet. */
typedef struct fn_pass {
    fn_plan *plan;
    bool loaded;
} fn_pass;

struct fn_session {
    fn_gpu *gpu; /* NULL: the CPU */
    bool lent;   /* the GPU is somebody else's */
    const fn_net *net;
    fn_params *params;
    float view;
    int threads, max_batch; /* fn_pass_open turns "every core" into a number */
    bool exact;
    fn_precision precision;
    /* In FN_PRECISION_U8, as fn_plan_options; NULL until it is calibrated. */
    fn_range *range;
    int height, width, dim;
    fn_pass whole, single; /* max_batch images, not when exact; one image, when wanted */
    float *x;              /* [max_batch, height, width, 3] */
    fn_view_scratch scratch;
};

static inline size_t fn_pass_floats(const fn_session *s) /* of one view */
{
    return (size_t)s->height * (size_t)s->width * 3;
}

/* Learns height, width and dim from the net and opens the plan of whole batches. */
fn_status fn_pass_open(fn_session *s) FN_CHECKED;
void fn_pass_close(fn_session *s);
/* Sets the session's threads until fn_threads_leave. Errors: FN_EINVAL when there are fewer. */
fn_status fn_pass_enter(fn_team *before, const fn_session *s) FN_CHECKED;
/* Packs the weights again wherever they have been packed. */
fn_status fn_pass_reload(fn_session *s) FN_CHECKED;

/* x has room for [max_batch, height, width, 3], of which n views are filled, n <= max_batch;
 * out [n, dim]. Errors: FN_ENUMERIC when an embedding is not finite. */
fn_status fn_pass_run(fn_session *s, const float *x, int n, float *out) FN_CHECKED;

/* FN_ENUMERIC when one of n numbers that the network gave is not finite. */
fn_status fn_pass_check(const fn_session *s, const float *e, size_t n) FN_CHECKED;

#endif
