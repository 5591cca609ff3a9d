/* test_plan.c -- a whole network, three ways: node by node in double (the oracle), fused on
 * the CPU, unfused on the CPU; and the oracle's gradient against central differences. */
#include "core/mem.h"
#include "kernels/op.h"
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

static void check_agreement(const char *text, bool training)
{
    run ref, fused, plain;
    run_net(&ref, text, training, (fn_plan_options){.backend = FN_REF});
    run_net(&fused, text, training, (fn_plan_options){.backend = FN_CPU});
    run_net(&plain, text, training, (fn_plan_options){.backend = FN_CPU, .no_fuse = true});
    CHECK(worst(fused.out, ref.out, BATCH * DIM) < 2e-5);
    CHECK(worst(plain.out, ref.out, BATCH * DIM) < 2e-5);
    if (training) {
        CHECK(worst(fused.grad, ref.grad, ref.count) < 2e-4);
        CHECK(worst(plain.grad, ref.grad, ref.count) < 2e-4);
    }
    fn_free(ref.grad);
    fn_free(fused.grad);
    fn_free(plain.grad);
}

TEST(inference_agrees_with_the_oracle)
{
    check_agreement(FN_TEST_NET("none"), false);
    check_agreement(FN_TEST_NET("batch"), false);
}

TEST(training_agrees_with_the_oracle)
{
    check_agreement(FN_TEST_NET("none"), true);
    check_agreement(FN_TEST_NET("batch"), true);
}

/* <out, d> at the present weights, by the oracle. */
static double loss(fn_plan *plan, const float *x, const float *d)
{
    double sum = 0;
    CHECK_OK(fn_plan_load(plan));
    CHECK_OK(fn_plan_forward(plan, x));
    for (int i = 0; i < BATCH * DIM; i++)
        sum += (double)fn_plan_output(plan, 0)[i] * (double)d[i];
    return sum;
}

static void check_gradient(const char *text)
{
    const float h = 1.0f / 1024;
    fn_graph *g;
    fn_params *p;
    fn_plan *plan;
    float x[BATCH * IMAGE], d[BATCH * DIM];
    double scale = 0, most = 0;
    fn_test_fill(x, BATCH * IMAGE, 1);
    fn_test_fill(d, BATCH * DIM, 2);
    CHECK_OK(fn_test_net(&g, &p, text, BATCH, true));
    CHECK_OK(fn_plan_open(&plan, g, p, (fn_plan_options){.backend = FN_REF}));
    loss(plan, x, d);
    CHECK_OK(fn_plan_backward(plan, d));
    for (int64_t i = 0; i < p->count; i++)
        scale = fmax(scale, fabs((double)p->grad[i]));
    for (int i = 0; i < p->n; i++) { /* one weight of each parameter */
        int64_t at = p->param[i].offset + p->param[i].count / 2;
        float keep = p->value[at];
        if (!p->param[i].trained)
            continue;
        p->value[at] = keep + h;
        double up = loss(plan, x, d);
        p->value[at] = keep - h;
        double down = loss(plan, x, d);
        p->value[at] = keep;
        most = fmax(most, fabs((up - down) / (2 * (double)h) - (double)p->grad[at]));
    }
    CHECK(scale > 1e-3);
    CHECK(most < 2e-2 * scale);
    fn_plan_close(plan);
    fn_params_close(p);
    fn_graph_close(g);
}

TEST(the_oracle_wires_its_gradients_correctly)
{
    check_gradient(FN_TEST_NET("none"));
    check_gradient(FN_TEST_NET("batch"));
}

TEST(forward_before_load_is_refused)
{
    fn_graph *g;
    fn_params *p;
    fn_plan *plan;
    float x[BATCH * IMAGE] = {0};
    CHECK_OK(fn_test_net(&g, &p, FN_TEST_NET("none"), BATCH, false));
    CHECK_OK(fn_plan_open(&plan, g, p, (fn_plan_options){.backend = FN_CPU}));
    CHECK_FAILS(fn_plan_forward(plan, x), FN_EINTERNAL, "before fn_plan_load");
    CHECK_FAILS(fn_plan_backward(plan, x), FN_EINTERNAL, "for training");
    fn_plan_close(plan);
    fn_params_close(p);
    fn_graph_close(g);
}

/* oneDNN falls back to implementations a hundred times slower without a word. */
static void check_no_slow_kernel(const char *name, int batch, bool training)
{
    fn_net *net;
    fn_graph *g = NULL;
    fn_params *p = NULL;
    fn_plan *plan = NULL;
    CHECK_OK(fn_net_open(&net, name, NULL));
    CHECK_OK(fn_net_build(&g, net, batch, training));
    CHECK_OK(fn_params_open(&p, g, training));
    CHECK_OK(fn_plan_open(&plan, g, p, (fn_plan_options){.backend = FN_CPU}));
    for (int i = 0; plan && i < fn_plan_lines(plan); i++) {
        fn_plan_line line;
        fn_plan_line_at(plan, i, &line);
        if (strstr(line.kernel, "ref"))
            FN_TEST_FAIL("%s, batch %d: %s (%s) runs on %s", name, batch, line.name,
                         line.op, line.kernel);
    }
    fn_plan_close(plan);
    fn_params_close(p);
    fn_graph_close(g);
    fn_net_close(net);
}

TEST(no_shipped_network_runs_on_a_reference_implementation)
{
    static const char *const names[] = {"nn2",    "nn3",    "nn4",     "nns1",    "nns2",
                                        "nn2-bn", "nn4-bn", "nns1-bn", "nns2-bn", NULL};
    static const int batches[] = {1, 32};
    for (int i = 0; names[i]; i++)
        for (int b = 0; b < 2; b++) {
            check_no_slow_kernel(names[i], batches[b], false);
            check_no_slow_kernel(names[i], batches[b], true);
        }
    check_no_slow_kernel("nn1", 1, false);
    check_no_slow_kernel("nn1", 32, true);
}
