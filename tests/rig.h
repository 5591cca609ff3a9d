/* rig.h -- a small network with images of many sizes, and what a plain plan makes of them, for the
 * tests of infer/. */
#ifndef FN_TESTS_RIG_H
#define FN_TESTS_RIG_H

#include "core/mem.h"
#include "data/view.h"
#include "infer/session.h"
#include "nn/plan.h"
#include "tests/nets.h"
#include "tests/test.h"

#include <time.h>

enum { N = 41, DIM = 8, H = 19, W = 17, VIEW_FLOATS = H * W * 3 };

static const float share = 0.8F;
/* Plans of two batch sizes may add in another order; images differ by much more. */
static const double tolerance = 2e-6, apart = 1e-3;

typedef struct rig {
    fn_net *net;
    fn_graph *graph;
    fn_params *params;
    fn_pixels face[N];
    fn_image image[N];
    float want[N * DIM];
} rig;

/* Every image has its own size and its own gradient of colours. */
static inline void paint(fn_pixels *p, uint32_t index)
{
    fn_rng r = fn_rng_at(3, FN_RNG_TEST, 0, index);
    CHECK_OK(
        fn_pixels_make(p, 18 + (int)fn_rng_below(&r, 30), 18 + (int)fn_rng_below(&r, 30)));
    double base[3], slope[3][2];
    for (int c = 0; c < 3; c++) {
        base[c] = fn_rng_range(&r, 0, 255);
        slope[c][0] = fn_rng_range(&r, -255, 255);
        slope[c][1] = fn_rng_range(&r, -255, 255);
    }
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++)
            for (int c = 0; c < 3; c++) {
                double v = base[c] + slope[c][0] * x / p->width +
                           slope[c][1] * y / p->height + fn_rng_range(&r, -20, 20);
                p->rgb[3 * (y * p->width + x) + c] = (uint8_t)fmin(fmax(v, 0), 255);
            }
}

/* The embeddings of n views by a plan of batch n. */
static inline void run_plan(const fn_net *net, fn_params *params, const float *x, int n,
                            float *out)
{
    fn_graph *g = NULL;
    fn_plan *plan = NULL;
    CHECK_OK(fn_net_build(&g, net, n, false));
    CHECK_OK(fn_plan_open(&plan, g, params, (fn_plan_options){.backend = FN_CPU}));
    CHECK_OK(fn_plan_load(plan));
    CHECK_OK(fn_plan_forward(plan, x));
    memcpy(out, fn_plan_output(plan, 0), (size_t)n * DIM * sizeof *out);
    fn_plan_close(plan);
    fn_graph_close(g);
}

static inline void run_images(const rig *r, const fn_image *image, float *out)
{
    static float x[N * VIEW_FLOATS];
    fn_view_scratch scratch = {NULL, 0};
    for (int i = 0; i < N; i++)
        CHECK_OK(fn_view_render(x + (size_t)i * VIEW_FLOATS, H, W, &image[i],
                                fn_view_centre(share), &scratch));
    fn_free(scratch.data);
    run_plan(r->net, r->params, x, N, out);
}

static inline void rig_open(rig *r)
{
    const char *text = FN_TEST_NET("batch");
    *r = (rig){.net = NULL};
    CHECK_OK(fn_net_parse(&r->net, "test.yaml", text, strlen(text)));
    CHECK_OK(fn_test_net(&r->graph, &r->params, text, 1, false));
    for (uint32_t i = 0; i < N; i++) {
        paint(&r->face[i], i);
        r->image[i] = fn_pixels_view(&r->face[i]);
    }
    run_images(r, r->image, r->want);
}

static inline void rig_close(rig *r)
{
    for (int i = 0; i < N; i++)
        fn_pixels_free(&r->face[i]);
    fn_params_close(r->params);
    fn_graph_close(r->graph);
    fn_net_close(r->net);
}

static inline fn_session *open_session(const rig *r, int threads, int max_batch)
{
    fn_session_options o = {.size = sizeof o, .threads = threads, .max_batch = max_batch};
    fn_session *s = NULL;
    CHECK_OK(fn_session_over(&s, r->net, r->params, share, &o));
    return s;
}

static inline double worst(const float *a, const float *b, int n)
{
    double most = 0;
    for (int i = 0; i < n * DIM; i++) {
        double e = fabs((double)a[i] - (double)b[i]);
        most = e > most || isnan(e) ? e : most;
    }
    return most;
}

static inline fn_status copy_face(void *ctx, int i, fn_pixels *out)
{
    const rig *r = ctx;
    FN_TRY(fn_pixels_make(out, r->face[i].width, r->face[i].height));
    memcpy(out->rgb, r->face[i].rgb, 3 * (size_t)out->width * (size_t)out->height);
    return FN_OK;
}

#endif
