/* calibrate.c -- a session in u8 learns which numbers its network makes: the faces pass one by one
 * through it in float, and the largest number of each value is 255. */
#include "core/mem.h"
#include "data/pack.h"
#include "infer/pass.h"
#include "kernels/threads.h"
#include "nn/gauge.h"

#include <string.h>

enum { ENOUGH = 256 }; /* faces of a pack */

typedef struct calibration {
    fn_session *session;
    fn_gauge *gauge; /* of a plan of one image */
    fn_team before;
    bool entered;
} calibration;

static fn_status begin(calibration *c, fn_session *s)
{
    fn_graph *g = NULL;
    fn_status rc;
    *c = (calibration){.session = s};
    FN_TRY(fn_pass_enter(&c->before, s));
    c->entered = true;
    FN_GO(fn_net_build(&g, s->net, 1, false));
    rc = fn_gauge_open(&c->gauge, g, s->params, (fn_plan_options){.backend = FN_CPU});
out:
    fn_graph_close(g);
    return rc;
}

static fn_status pass_one(calibration *c, const fn_image *face)
{
    fn_session *s = c->session;
    FN_TRY(fn_image_accept(face));
    FN_TRY(fn_view_render(s->x, s->height, s->width, face, fn_view_centre(s->view),
                          &s->scratch));
    fn_plan *plan = fn_gauge_plan(c->gauge);
    FN_TRY(fn_plan_forward(plan, s->x));
    /* rounding would hide what is not finite */
    return fn_pass_check(s, fn_plan_output(plan, 0), (size_t)s->dim);
}

/* Plans of the new ranges in the place of the old ones, unless something has failed. */
static fn_status end(calibration *c, fn_status rc)
{
    fn_session *s = c->session;
    int n;
    if (rc == FN_OK) {
        const fn_range *range = fn_gauge_ranges(c->gauge, &n);
        fn_range *kept = fn_alloc((size_t)n, sizeof *kept);
        if (kept)
            memcpy(kept, range, (size_t)n * sizeof *kept);
        fn_pass_close(s);
        fn_free(s->range);
        s->range = kept;
        rc = kept ? fn_pass_open(s) : fn_fail(FN_ENOMEM, "no memory to calibrate");
    }
    if (rc != FN_OK) {
        fn_free(s->range);
        s->range = NULL;
    }
    fn_gauge_close(c->gauge);
    if (c->entered)
        fn_threads_leave(c->before);
    return rc;
}

static fn_status refuse(const fn_session *s, int n)
{
    if (s->precision != FN_PRECISION_U8)
        return fn_fail(FN_EINVAL, "only a session in u8 is calibrated");
    if (n < 1)
        return fn_fail(FN_EINVAL,
                       "%d faces to calibrate on: some hundred are a good number", n);
    return FN_OK;
}

fn_status fn_session_calibrate(fn_session *s, const fn_image *face, int n)
{
    calibration c;
    FN_TRY(refuse(s, n));
    fn_status rc = begin(&c, s);
    for (int i = 0; i < n && rc == FN_OK; i++)
        rc = pass_one(&c, &face[i]);
    return end(&c, rc);
}

static fn_status pass_packed(calibration *c, const fn_pack *p, int i)
{
    fn_pixels pixels;
    FN_TRY(fn_pack_image(p, i, &pixels));
    fn_image face = fn_pixels_view(&pixels);
    fn_status rc = pass_one(c, &face);
    fn_pixels_free(&pixels);
    return rc;
}

fn_status fn_session_calibrate_pack(fn_session *s, const char *path)
{
    calibration c;
    fn_pack *p;
    FN_TRY(fn_pack_open(&p, path));
    int64_t all = fn_pack_images(p), n = all < ENOUGH ? all : ENOUGH;
    fn_status rc = refuse(s, (int)n);
    if (rc == FN_OK) {
        rc = begin(&c, s);
        for (int64_t i = 0; i < n && rc == FN_OK; i++)
            rc = pass_packed(&c, p, (int)(i * all / n));
        rc = end(&c, rc);
    }
    fn_pack_close(p);
    return rc;
}
