/* test_plan_cuda.c -- a whole network on the device, fused and node by node, against the oracle
 * in double on the CPU. Linked to tests/emu/, or to fn_gpu on a GPU. */
#include "core/mem.h"
#include "kernels/gpu.h"
#include "nn/plan.h"
#include "tests/emu/emu.h"
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

/* The same network on the device, and how far it may be from the oracle. */
static void check_run(const run *ref, const char *text, bool training, fn_plan_options o,
                      double out_limit, double grad_limit)
{
    run r;
    fn_gpu *gpu = NULL;
    fn_emu_plug_in(true);
    CHECK_OK(fn_gpu_open(&gpu, 0));
    o.backend = FN_CUDA;
    o.gpu = gpu;
    run_net(&r, text, training, o);
    double out = worst(r.out, ref->out, BATCH * DIM);
    double grad = training ? worst(r.grad, ref->grad, ref->count) : 0;
    if (!(out < out_limit && grad < grad_limit))
        FN_TEST_FAIL("%s, precision %d, %s: embeddings off by %.3g, gradients by %.3g",
                     training ? "training" : "inference", (int)o.precision,
                     o.no_fuse ? "not fused" : "fused", out, grad);
    fn_free(r.grad);
    fn_gpu_close(gpu);
}

static void check_net(const char *text, bool training)
{
    run ref;
    run_net(&ref, text, training, (fn_plan_options){.backend = FN_REF});
    for (int no_fuse = 0; no_fuse < 2; no_fuse++) {
        check_run(&ref, text, training, (fn_plan_options){.no_fuse = no_fuse}, 2e-5, 2e-4);
        check_run(&ref, text, training,
                  (fn_plan_options){.no_fuse = no_fuse, .precision = FN_PRECISION_BF16},
                  0.03, 0.1);
    }
    fn_free(ref.grad);
}

TEST(inference_agrees_with_the_oracle)
{
    check_net(FN_TEST_NET("none"), false);
    check_net(FN_TEST_NET("batch"), false);
}

TEST(training_agrees_with_the_oracle)
{
    check_net(FN_TEST_NET("none"), true);
    check_net(FN_TEST_NET("batch"), true);
}
