/* test_params.c -- one flat buffer: its layout, its names and its first weights. */
#include "core/mem.h"
#include "kernels/op.h"
#include "nn/params.h"
#include "tests/nets.h"
#include "tests/test.h"

static fn_graph *graph_of(const char *text, int batch, bool training)
{
    fn_net *net = NULL;
    fn_graph *g = NULL;
    CHECK_OK(fn_net_parse(&net, "test.yaml", text, strlen(text)));
    CHECK_OK(fn_net_build(&g, net, batch, training));
    fn_net_close(net);
    return g;
}

static const fn_param *find(const fn_params *p, const char *name)
{
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->param[i].name, name) == 0)
            return &p->param[i];
    FN_TEST_FAIL("there is no parameter %s", name);
    return &p->param[0];
}

TEST(parameters_lie_one_behind_the_other_on_lines_of_64_bytes)
{
    fn_graph *g = graph_of(FN_TEST_NET("batch"), 2, true);
    fn_params *p;
    int64_t end = 0, trained = 0;
    CHECK_OK(fn_params_open(&p, g, true));
    CHECK_INT(p->n, g->n_param);
    for (int i = 0; i < p->n; i++) {
        const fn_param *a = &p->param[i];
        CHECK_INT(a->offset % 16, 0);
        CHECK(a->offset >= end && a->offset < end + 16);
        CHECK_INT(a->count, fn_numel(a->shape));
        end = a->offset + a->count;
        trained += a->trained ? a->count : 0;
    }
    CHECK(p->count >= end && p->count < end + 16 && p->count % 16 == 0);
    CHECK_INT(fn_params_trained(p), trained);
    CHECK_INT((uintptr_t)p->value % 64, 0);
    CHECK_INT((uintptr_t)p->grad % 64, 0);
    fn_params_close(p);
    fn_params_close(NULL);
    fn_graph_close(g);
}

TEST(parameters_are_named_after_their_rows)
{
    fn_graph *g = graph_of(FN_TEST_NET("none"), 1, false);
    fn_params *p;
    CHECK_OK(fn_params_open(&p, g, false));
    CHECK(p->grad == NULL);
    CHECK_TEXT(p->param[0].name, "one/conv/kernel");
    CHECK_TEXT(p->param[1].name, "one/conv/bias");
    const fn_param *k = find(p, "a/3x3/conv/kernel");
    CHECK_INT(k->shape.rank, 4);
    CHECK_INT(k->shape.dim[0], 24);
    CHECK_INT(k->shape.dim[1], 8);
    CHECK_INT(k->shape.dim[2], 3);
    CHECK_INT(k->fan_in, 8 * 9);
    const fn_param *f = find(p, "f/linear/kernel");
    CHECK_INT(f->shape.dim[0], 24); /* two pieces for each of 12 */
    CHECK_INT(find(p, "e/linear/bias")->count, 8);
    fn_params_close(p);
    fn_graph_close(g);
}

TEST(the_layout_does_not_depend_on_batch_or_training)
{
    fn_graph *a = graph_of(FN_TEST_NET("batch"), 1, false);
    fn_graph *b = graph_of(FN_TEST_NET("batch"), 5, true);
    fn_params *p, *q;
    CHECK_OK(fn_params_open(&p, a, false));
    CHECK_OK(fn_params_open(&q, b, true));
    CHECK_INT(p->n, q->n);
    CHECK_INT(p->count, q->count);
    for (int i = 0; i < p->n; i++) {
        CHECK_TEXT(p->param[i].name, q->param[i].name);
        CHECK_INT(p->param[i].offset, q->param[i].offset);
    }
    fn_params_close(p);
    fn_params_close(q);
    fn_graph_close(a);
    fn_graph_close(b);
}

/* mean, deviation and fourth moment over deviation^4 of a parameter's numbers */
typedef struct moments {
    double mean, deviation, tails;
} moments;

static moments measure(const fn_params *p, const fn_param *a)
{
    moments m = {0};
    double fourth = 0, n = (double)a->count;
    for (int64_t i = 0; i < a->count; i++)
        m.mean += (double)p->value[a->offset + i] / n;
    for (int64_t i = 0; i < a->count; i++) {
        double d = (double)p->value[a->offset + i] - m.mean;
        m.deviation += d * d / n;
        fourth += d * d * d * d / n;
    }
    m.tails = fourth / (m.deviation * m.deviation);
    m.deviation = sqrt(m.deviation);
    return m;
}

static const char big[] = "name: big\n"
                          "input: 8x8x3\n"
                          "each: {norm: batch, act: relu}\n"
                          "layers:\n"
                          "  - conv: {name: c, out: 64, kernel: 5}\n"
                          "  - conv: {name: d, out: 128, kernel: 3}\n"
                          "heads:\n"
                          "  e: [fc: {name: e, out: 256, act: none}]\n";

TEST(kernels_are_normal_with_the_deviation_of_he)
{
    fn_graph *g = graph_of(big, 1, false);
    fn_params *p;
    CHECK_OK(fn_params_open(&p, g, false));
    fn_params_init(p, 1);
    for (int i = 0; i < p->n; i++) {
        const fn_param *a = &p->param[i];
        if (a->init != FN_INIT_HE)
            continue;
        moments m = measure(p, a);
        double want = sqrt(2.0 / (double)a->fan_in), root = sqrt((double)a->count);
        CHECK_NEAR(m.mean, 0, 5 * want / root);
        CHECK_NEAR(m.deviation / want, 1, 5 / root);
        CHECK_NEAR(m.tails, 3, 30 / root); /* normal, not uniform (1.8) */
    }
    CHECK_INT(find(p, "c/conv/kernel")->fan_in, 75);
    CHECK_INT(find(p, "d/conv/kernel")->fan_in, 576);
    CHECK_INT(find(p, "e/linear/kernel")->fan_in, 8192);
    fn_params_close(p);
    fn_graph_close(g);
}

static void check_constant(const fn_params *p, const char *name, float want)
{
    const fn_param *a = find(p, name);
    for (int64_t i = 0; i < a->count; i++)
        CHECK(p->value[a->offset + i] == want);
}

TEST(gains_and_variances_are_one_and_the_rest_is_zero)
{
    fn_graph *g = graph_of(big, 1, true);
    fn_params *p;
    CHECK_OK(fn_params_open(&p, g, true));
    for (int64_t i = 0; i < p->count; i++)
        CHECK(p->value[i] == 0 && p->grad[i] == 0);
    fn_params_init(p, 1);
    check_constant(p, "c/batchnorm/gain", 1);
    check_constant(p, "c/batchnorm/shift", 0);
    check_constant(p, "c/batchnorm/mean", 0);
    check_constant(p, "c/batchnorm/var", 1);
    check_constant(p, "e/linear/bias", 0);
    CHECK(find(p, "c/batchnorm/gain")->trained);
    CHECK(!find(p, "c/batchnorm/mean")->trained);
    CHECK(!find(p, "c/batchnorm/var")->trained);
    CHECK_INT(fn_params_trained(p), 64 * 75 + 128 + 128 * 576 + 256 + 256 * 8192 + 256);
    fn_params_close(p);
    fn_graph_close(g);
}

TEST(gaps_stay_zero)
{
    fn_graph *g = graph_of(FN_TEST_NET("batch"), 1, false);
    fn_params *p;
    CHECK_OK(fn_params_open(&p, g, false));
    fn_params_init(p, 3);
    for (int i = 0; i < p->n; i++) {
        int64_t next = i + 1 < p->n ? p->param[i + 1].offset : p->count;
        for (int64_t k = p->param[i].offset + p->param[i].count; k < next; k++)
            CHECK(p->value[k] == 0);
    }
    fn_params_close(p);
    fn_graph_close(g);
}

/* A parameter's first weights depend on the seed and its number, not on its neighbours. */
TEST(the_seed_decides)
{
    fn_graph *g = graph_of(big, 1, false), *other = graph_of(big, 3, true);
    fn_params *p, *q;
    CHECK_OK(fn_params_open(&p, g, false));
    CHECK_OK(fn_params_open(&q, other, true));
    fn_params_init(p, 5);
    fn_params_init(q, 5);
    size_t bytes = (size_t)p->count * sizeof(float);
    CHECK(memcmp(p->value, q->value, bytes) == 0);
    fn_params_init(p, 5);
    CHECK(memcmp(p->value, q->value, bytes) == 0);
    fn_params_init(q, 6);
    int64_t same = 0, all = 0;
    for (int i = 0; i < p->n; i++)
        for (int64_t k = 0; p->param[i].init == FN_INIT_HE && k < p->param[i].count; k++) {
            int64_t at = p->param[i].offset + k;
            same += p->value[at] == q->value[at];
            all++;
        }
    CHECK(same * 1000 < all);
    const fn_param *c = find(p, "c/conv/kernel"), *d = find(p, "d/conv/kernel");
    double ratio = (double)p->value[c->offset] / (double)p->value[d->offset];
    CHECK(fabs(ratio - sqrt(576.0 / 75)) > 1e-3); /* not the same draws, scaled */
    fn_params_close(p);
    fn_params_close(q);
    fn_graph_close(g);
    fn_graph_close(other);
}

TEST(every_failed_allocation_is_reported)
{
    fn_graph *g = graph_of(FN_TEST_NET("none"), 1, true);
    for (long n = 1; n <= 4; n++) {
        fn_params *p = NULL;
        fn_fail_alloc(n);
        CHECK_FAILS(fn_params_open(&p, g, true), FN_ENOMEM, "no memory");
        CHECK(p == NULL);
    }
    fn_fail_alloc(0);
    fn_graph_close(g);
}
