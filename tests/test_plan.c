/* test_plan.c -- a whole network, three ways: node by node in double (the oracle), fused on
 * the CPU, unfused on the CPU; and the oracle's gradient against central differences. */
#include "core/mem.h"
#include "kernels/op.h"
#include "nn/plan.h"
#include "tests/net_run.h"
#include "tests/test.h"

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

/* A module that reads the images themselves: the fork of the input is a copy. */
TEST(a_network_may_begin_with_a_module)
{
    static const char text[] =
        "name: t\ninput: 19x17x3\neach: {norm: batch, act: relu}\nlayers:\n"
        "  - inception: {name: a, 1x1: 8, 3x3r: 8, 3x3: 16, pool: l2}\n"
        "  - avgpool: {kernel: 0}\n"
        "heads: {e: [fc: {name: f, out: 8, act: none}, l2norm]}\n";
    check_agreement(text, false);
    check_agreement(text, true);
}

TEST(every_head_has_its_output)
{
    static const char text[] = "name: t\ninput: 19x17x3\nlayers:\n"
                               "  - conv: {name: c, out: 16, kernel: 5, stride: 4}\n"
                               "heads:\n"
                               "  a: [fc: {name: a, out: 8}]\n"
                               "  b: [fc: {name: b, out: 3}, l2norm]\n";
    static const fn_backend backend[] = {FN_REF, FN_CPU};
    float x[BATCH * IMAGE], out[2][BATCH * 11];
    fn_test_fill(x, BATCH * IMAGE, 1);
    for (int k = 0; k < 2; k++) {
        fn_graph *g;
        fn_params *p;
        fn_plan *plan;
        CHECK_OK(fn_test_net(&g, &p, text, BATCH, false));
        CHECK_OK(fn_plan_open(&plan, g, p, (fn_plan_options){.backend = backend[k]}));
        CHECK_OK(fn_plan_load(plan));
        CHECK_OK(fn_plan_forward(plan, x));
        memcpy(out[k], fn_plan_output(plan, 0), BATCH * 8 * sizeof(float));
        memcpy(out[k] + BATCH * 8, fn_plan_output(plan, 1), BATCH * 3 * sizeof(float));
        fn_plan_close(plan);
        fn_params_close(p);
        fn_graph_close(g);
    }
    CHECK(worst(out[1], out[0], BATCH * 11) < 2e-5);
    CHECK(worst(out[1] + BATCH * 8, out[0] + BATCH * 8, BATCH * 3) < 2e-5);
    fn_graph *g;
    fn_params *p;
    fn_plan *plan;
    CHECK_OK(fn_test_net(&g, &p, text, BATCH, true));
    CHECK_OK(fn_plan_open(&plan, g, p, (fn_plan_options){.backend = FN_CPU}));
    CHECK_FAILS(fn_plan_backward(plan, x), FN_EINTERNAL, "of one output");
    fn_plan_close(plan);
    fn_params_close(p);
    fn_graph_close(g);
}

/* Weights changed behind the plan's back count from the next load on, not before. */
TEST(load_takes_the_weights_as_they_are)
{
    fn_graph *g;
    fn_params *p;
    fn_plan *plan;
    float x[BATCH * IMAGE], before[BATCH * DIM];
    fn_test_fill(x, BATCH * IMAGE, 1);
    CHECK_OK(fn_test_net(&g, &p, FN_TEST_NET("batch"), BATCH, false));
    CHECK_OK(fn_plan_open(&plan, g, p, (fn_plan_options){.backend = FN_CPU}));
    CHECK_OK(fn_plan_load(plan));
    CHECK_OK(fn_plan_forward(plan, x));
    memcpy(before, fn_plan_output(plan, 0), sizeof before);
    for (int i = 0; i < p->n; i++)
        if (strstr(p->param[i].name, "batchnorm/mean"))
            for (int64_t k = 0; k < p->param[i].count; k++)
                p->value[p->param[i].offset + k] += (k % 2) ? 0.5f : -0.5f;
    CHECK_OK(fn_plan_load(plan));
    CHECK_OK(fn_plan_forward(plan, x));
    CHECK(worst(fn_plan_output(plan, 0), before, BATCH * DIM) > 1e-2);
    fn_plan_close(plan);
    fn_params_close(p);
    fn_graph_close(g);
}

TEST(lines_and_sizes_describe_the_plan)
{
    fn_graph *g;
    fn_params *p;
    fn_plan *plan;
    bool pool = false, conv = false;
    size_t saved = 0;
    CHECK_OK(fn_test_net(&g, &p, FN_TEST_NET("batch"), BATCH, true));
    CHECK_OK(fn_plan_open(&plan, g, p, (fn_plan_options){.backend = FN_CPU}));
    for (int i = 0; i < fn_plan_lines(plan); i++) {
        fn_plan_line line;
        fn_plan_line_at(plan, i, &line);
        CHECK(*line.name && *line.op && *line.format && *line.kernel && !line.slow);
        CHECK((line.bytes > 0) == (strcmp(line.op, "fork") != 0));
        CHECK(line.shape.dim[0] == BATCH &&
              line.workspace <= fn_plan_size_of(plan).workspace);
        saved += line.saved;
        pool |= strcmp(line.name, "a/pool") == 0 && strcmp(line.kernel, "own") == 0;
        conv |= strcmp(line.name, "one/conv") == 0 &&
                (strstr(line.kernel, "bwd_w ") || strstr(line.kernel, "own implicit"));
    }
    CHECK(pool && conv);
    fn_plan_size size = fn_plan_size_of(plan);
    CHECK(size.arena >= size.lower_bound && size.naive > size.arena);
    CHECK(size.saved > 0 && size.saved == saved && size.workspace > 0);
    CHECK_INT(size.weights, 2 * p->count * 4);
    fn_plan_close(plan);
    CHECK_OK(fn_plan_open(&plan, g, p, (fn_plan_options){.backend = FN_REF}));
    fn_plan_line line;
    fn_plan_line_at(plan, 0, &line);
    CHECK(line.slow && strcmp(line.kernel, "ref") == 0);
    fn_plan_close(plan);
    fn_plan_close(NULL);
    fn_params_close(p);
    fn_graph_close(g);
}

static fn_status open_and_load(const fn_graph *g, fn_params *p, fn_backend backend)
{
    fn_plan *plan = NULL;
    FN_TRY(fn_plan_open(&plan, g, p, (fn_plan_options){.backend = backend}));
    fn_status rc = fn_plan_load(plan);
    fn_plan_close(plan);
    return rc;
}

static void check_failed_allocations(bool training, fn_backend backend)
{
    fn_graph *g;
    fn_params *p;
    fn_status rc = FN_ENOMEM;
    int n = 0;
    CHECK_OK(fn_test_net(&g, &p, FN_TEST_NET("batch"), BATCH, training));
    while (rc != FN_OK && n < 2000) {
        fn_fail_alloc(++n);
        rc = open_and_load(g, p, backend);
        fn_fail_alloc(0);
        if (rc != FN_OK && rc != FN_ENOMEM)
            FN_TEST_FAIL("allocation %d: %s", n, fn_last_error());
    }
    CHECK_INT(rc, FN_OK);
    CHECK(n > 50);
    fn_params_close(p);
    fn_graph_close(g);
}

TEST(every_failed_allocation_is_reported)
{
    check_failed_allocations(false, FN_CPU);
    check_failed_allocations(true, FN_CPU);
    check_failed_allocations(true, FN_REF);
}
