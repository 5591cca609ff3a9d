/* test_fuse.c -- every shipped network, fused and node by node: the same embeddings and the same
 * gradients. Statistics, gains and biases are random, so that a fold that forgets one shows. */
#include "core/file.h"
#include "core/mem.h"
#include "nn/net.h"
#include "nn/plan.h"
#include "tests/nets.h"
#include "tests/test.h"

enum { BATCH = 2 };

typedef struct subject {
    const fn_graph *graph;
    fn_params *params;
    int64_t dim;
    float *x, *d;
} subject;

static void stir(fn_params *p)
{
    fn_rng r = fn_rng_at(5, FN_RNG_TEST, 4, 0);
    fn_params_init(p, 11);
    for (int i = 0; i < p->n; i++) {
        const fn_param *q = &p->param[i];
        double low = q->init == FN_INIT_ONE ? 0.5 : -0.2;
        for (int64_t k = 0; q->shape.rank == 1 && k < q->count; k++)
            p->value[q->offset + k] = (float)(low + fn_rng_range(&r, 0, 0.8));
    }
}

/* Leaves the gradients in params->grad; returns how many nodes ran. */
static int run(float *out, const subject *s, bool no_fuse)
{
    fn_plan *plan = NULL;
    fn_plan_options o = {.backend = FN_CPU, .no_fuse = no_fuse};
    CHECK_OK(fn_plan_open(&plan, s->graph, s->params, o));
    CHECK_OK(fn_plan_load(plan));
    CHECK_OK(fn_plan_forward(plan, s->x));
    memcpy(out, fn_plan_output(plan, 0), (size_t)s->dim * sizeof *out);
    if (s->graph->training)
        CHECK_OK(fn_plan_backward(plan, s->d));
    int nodes = fn_plan_lines(plan);
    fn_plan_close(plan);
    return nodes;
}

static double greatest(const float *a, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)a[i]));
    return most;
}

static double farthest(const float *a, const float *b, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        double e = fabs((double)a[i] - (double)b[i]);
        most = e > most || isnan(e) ? e : most;
    }
    return most;
}

/* Each parameter is measured by its own greatest gradient: that of the first convolution may be
 * hundreds of times smaller than that of the last layer. */
static void compare_gradients(const subject *s, const float *fused, const char *name)
{
    const fn_params *p = s->params;
    double floor = 1e-4 * greatest(fused, p->count);
    for (int i = 0; i < p->n; i++) {
        const fn_param *q = &p->param[i];
        double scale = fmax(floor, greatest(p->grad + q->offset, q->count));
        double e = farthest(fused + q->offset, p->grad + q->offset, q->count) / scale;
        if (!(e < 3e-4))
            FN_TEST_FAIL("%s: the gradients of %s differ by %.2g", name, q->name, e);
    }
}

static void compare(const subject *s)
{
    bool training = s->graph->training;
    const char *name = s->graph->name;
    size_t count = training ? (size_t)s->params->count : 0;
    float *fused = fn_alloc((size_t)s->dim, sizeof *fused);
    float *plain = fn_alloc((size_t)s->dim, sizeof *plain);
    float *grad = fn_alloc(count, sizeof *grad);
    int few = run(fused, s, false);
    if (training) {
        memcpy(grad, s->params->grad, count * sizeof *grad);
        memset(s->params->grad, 0xff, count * sizeof *grad);
    }
    CHECK(few < run(plain, s, true));
    double e = farthest(fused, plain, s->dim) / greatest(plain, s->dim);
    if (!(e < 3e-5))
        FN_TEST_FAIL("%s: the embeddings differ by %.2g", name, e);
    CHECK(farthest(plain, plain + s->dim / BATCH, s->dim / BATCH) > 1e-3); /* two images */
    if (training)
        compare_gradients(s, grad, name);
    fn_free(fused);
    fn_free(plain);
    fn_free(grad);
}

static void compare_in(bool training, const fn_net *net, fn_params *p)
{
    fn_graph *g = NULL;
    CHECK_OK(fn_net_build(&g, net, BATCH, training));
    subject s = {.graph = g, .params = p};
    int64_t pixels = fn_numel(g->value[0].shape);
    s.dim = fn_numel(g->value[g->output[0]].shape);
    s.x = fn_alloc((size_t)pixels, sizeof(float));
    s.d = fn_alloc((size_t)s.dim, sizeof(float));
    fn_test_fill(s.x, pixels, 3);
    fn_test_fill(s.d, s.dim, 4);
    compare(&s);
    fn_free(s.x);
    fn_free(s.d);
    fn_graph_close(g);
}

/* One set of weights for both: to draw those of NN1 takes seconds. */
static void check_net(const char *name)
{
    fn_net *net = NULL;
    fn_graph *g = NULL;
    fn_params *p = NULL;
    CHECK_OK(fn_net_open(&net, name, NULL));
    CHECK_OK(fn_net_build(&g, net, BATCH, true));
    CHECK_OK(fn_params_open(&p, g, true));
    stir(p);
    compare_in(false, net, p);
    compare_in(true, net, p);
    fn_params_close(p);
    fn_graph_close(g);
    fn_net_close(net);
}

TEST(fused_equals_unfused_in_every_shipped_network)
{
    char **name = NULL;
    int n = 0, nets = 0;
    CHECK_OK(fn_file_names(&name, &n, "configs/nets"));
    for (int i = 0; i < n; i++) {
        char *end = strstr(name[i], ".yaml");
        if (!end)
            continue;
        *end = '\0';
        check_net(name[i]);
        nets++;
    }
    CHECK(nets >= 12);
    fn_file_names_free(name, n);
}
