/* pass.c -- plans of two batch sizes. A full batch runs as one; what is left over runs image
 * by image when it is little, else as a full batch whose last rows are not looked at. A plan
 * for every size would pack the weights as often. An exact session runs image by image: a sum's
 * order depends on the batch, even in oneDNN's direct convolutions, but not on the threads.
 *
 * A plan's scratch is cut for the number of threads that it was prepared with, and that number
 * belongs to the calling thread: it is set around everything that touches a plan, and put back. */
#include "infer/pass.h"

#include "kernels/threads.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* From max_batch / FEW images on, the padded batch is the cheaper one; on a GPU, where a pass costs
 * as many launches whatever its size, from two on. */
enum { FEW = 4 };

static fn_status open_plan(fn_session *s, fn_pass *pass, int batch)
{
    fn_graph *g;
    FN_TRY(fn_net_build(&g, s->net, batch, false));
    fn_shape in = g->value[0].shape, out = g->value[g->output[0]].shape;
    fn_status rc = FN_OK;
    s->height = (int)in.dim[2];
    s->width = (int)in.dim[3];
    s->dim = (int)out.dim[1];
    if (in.dim[1] != 3 || out.rank != 2)
        rc = fn_fail(
            FN_ESHAPE,
            "%s: a network that embeds images takes [N, 3, H, W] and gives [N, D]; "
            "this one takes %d channels and gives rank %d",
            g->name, (int)in.dim[1], out.rank);
    bool lacks = s->precision == FN_PRECISION_U8 &&
                 !s->range; /* nothing runs until it is calibrated */
    if (rc == FN_OK)
        rc = fn_plan_open(
            &pass->plan, g, s->params,
            (fn_plan_options){.backend = s->gpu ? FN_CUDA : FN_CPU,
                              .exact = s->exact,
                              .precision = lacks ? FN_PRECISION_FP32 : s->precision,
                              .range = s->range,
                              .gpu = s->gpu});
    fn_graph_close(g);
    return rc;
}

/* What fits is known once it is there. */
static fn_status suggest_batch(fn_session *s)
{
    char why[512];
    int batch = s->max_batch / 2;
    snprintf(why, sizeof why, "%s", fn_last_error());
    while (batch > 0 && open_plan(s, &s->whole, batch) != FN_OK)
        batch /= 2;
    fn_plan_close(s->whole.plan);
    s->whole.plan = NULL;
    if (batch == 0)
        return fn_fail(FN_ENOMEM, "not even one image at a time has room: %s", why);
    return fn_fail(FN_ENOMEM, "batches of %d would fit: %s", batch, why);
}

fn_status fn_pass_open(fn_session *s)
{
    fn_team before = fn_threads_enter(s->threads);
    s->threads = fn_threads();
    fn_status rc = s->exact ? open_plan(s, &s->single, 1)
                            : open_plan(s, &s->whole, s->max_batch);
    if (rc == FN_ENOMEM && s->gpu)
        rc = suggest_batch(s);
    fn_threads_leave(before);
    return rc;
}

void fn_pass_close(fn_session *s)
{
    fn_plan_close(s->whole.plan);
    fn_plan_close(s->single.plan);
    s->whole = s->single = (fn_pass){NULL, false};
}

fn_status fn_pass_enter(fn_team *before, const fn_session *s)
{
    int given = fn_threads_given(s->threads);
    if (given < s->threads)
        return fn_fail(
            FN_EINVAL,
            "the session was opened for %d threads, and OpenMP gives it %d here: "
            "open it with threads = 1, or inside the parallel region",
            s->threads, given);
    *before = fn_threads_enter(s->threads);
    return FN_OK;
}

static fn_status reload(fn_pass *pass)
{
    return pass->loaded ? fn_plan_load(pass->plan) : FN_OK;
}

fn_status fn_pass_reload(fn_session *s)
{
    fn_team before;
    FN_TRY(fn_pass_enter(&before, s));
    fn_status rc = reload(&s->whole);
    if (rc == FN_OK)
        rc = reload(&s->single);
    fn_threads_leave(before);
    return rc;
}

fn_status fn_pass_check(const fn_session *s, const float *e, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(e[i]))
            return fn_fail(FN_ENUMERIC,
                           "%s gives an embedding that is not finite: its weights are "
                           "damaged, or its training diverged",
                           fn_net_name(s->net));
    return FN_OK;
}

static fn_status run_plan(fn_session *s, fn_pass *pass, const float *x, int n, float *out)
{
    size_t count = (size_t)n * (size_t)s->dim;
    if (!pass->loaded)
        FN_TRY(fn_plan_load(pass->plan));
    pass->loaded = true;
    FN_TRY(fn_plan_forward(pass->plan, x));
    memcpy(out, fn_plan_output(pass->plan, 0), count * sizeof *out);
    return fn_pass_check(s, out, count);
}

static fn_status run_singly(fn_session *s, const float *x, int n, float *out)
{
    if (!s->single.plan)
        FN_TRY(open_plan(s, &s->single, 1));
    for (int i = 0; i < n; i++)
        FN_TRY(run_plan(s, &s->single, x + (size_t)i * fn_pass_floats(s), 1,
                        out + (size_t)i * (size_t)s->dim));
    return FN_OK;
}

fn_status fn_pass_run(fn_session *s, const float *x, int n, float *out)
{
    int most = s->gpu ? 1 : s->max_batch / FEW;
    bool few = n < s->max_batch && (n == 1 || n <= most);
    bool singly = few || s->exact;
    fn_team before;
    if (s->precision == FN_PRECISION_U8 && !s->range)
        return fn_fail(FN_EINVAL, "a session in u8 embeds nothing before it is calibrated: "
                                  "fn_session_calibrate, or --calibrate PACK");
    FN_TRY(fn_pass_enter(&before, s));
    fn_status rc = singly ? run_singly(s, x, n, out) : run_plan(s, &s->whole, x, n, out);
    fn_threads_leave(before);
    return rc;
}
