/* net_run.h -- one run of the small network of tests/nets.h by a plan, and how far two are
 * apart. */
#ifndef FN_TESTS_NET_RUN_H
#define FN_TESTS_NET_RUN_H

#include "core/mem.h"
#include "nn/plan.h"
#include "tests/nets.h"
#include "tests/test.h"

enum { BATCH = 3, DIM = 8, IMAGE = 19 * 17 * 3 };

typedef struct run {
    float out[BATCH * DIM];
    float *grad;
    int64_t count;
} run;

static void run_net(run *r, const char *text, bool training, fn_plan_options o)
{
    fn_graph *g = NULL;
    fn_params *p = NULL;
    fn_plan *plan = NULL;
    float x[BATCH * IMAGE], d[BATCH * DIM];
    *r = (run){.grad = NULL};
    fn_test_fill(x, BATCH * IMAGE, 1);
    fn_test_fill(d, BATCH * DIM, 2);
    CHECK_OK(fn_test_net(&g, &p, text, BATCH, training));
    CHECK_OK(fn_plan_open(&plan, g, p, o));
    CHECK_OK(fn_plan_load(plan));
    for (int twice = 0; twice < 2; twice++) { /* nothing may survive from the first run */
        CHECK_OK(fn_plan_forward(plan, x));
        memcpy(r->out, fn_plan_output(plan, 0), sizeof r->out);
        if (training)
            CHECK_OK(fn_plan_backward(plan, d));
    }
    if (training) {
        r->count = p->count;
        r->grad = fn_alloc((size_t)p->count, sizeof(float));
        memcpy(r->grad, p->grad, (size_t)p->count * sizeof(float));
    }
    fn_plan_close(plan);
    fn_params_close(p);
    fn_graph_close(g);
}

static double worst(const float *a, const float *b, int64_t n)
{
    double scale = 1e-3, most = 0;
    for (int64_t i = 0; i < n; i++)
        scale = fmax(scale, fabs((double)b[i]));
    for (int64_t i = 0; i < n; i++) {
        double e = fabs((double)a[i] - (double)b[i]);
        most = e > most || isnan(e) ? e : most;
    }
    return most / scale;
}

#endif
