/* test_memory.c -- no two buffers of a plan overlap in both time and bytes. */
#include "core/mem.h"
#include "kernels/conv.h"
#include "kernels/format.h"
#include "kernels/join.h"
#include "nn/lower.h"
#include "nn/memory.h"
#include "tests/nets.h"
#include "tests/test.h"

static void check_disjoint(const fn_memory *m)
{
    for (int i = 0; i < m->n; i++) {
        const fn_buffer *a = &m->buffer[i];
        CHECK_INT(a->offset % 64, 0);
        CHECK(a->offset + a->size <= m->arena);
        for (int k = 0; k < i; k++) {
            const fn_buffer *b = &m->buffer[k];
            bool time = a->first <= b->last && b->first <= a->last;
            bool bytes = a->offset < b->offset + b->size && b->offset < a->offset + a->size;
            if (time && bytes)
                FN_TEST_FAIL("buffers %d and %d overlap", i, k);
        }
    }
}

/* Is the buffer there, large enough, and spoken for at this step? */
static void check_use(const fn_memory *m, int buffer, size_t bytes, int step)
{
    if (buffer == FN_NO_BUFFER)
        return;
    const fn_buffer *b = &m->buffer[buffer];
    CHECK(b->size >= bytes);
    CHECK(b->first <= step && step <= b->last);
}

/* Everything that a node touches, at the steps at which it does. */
static void check_node(const fn_memory *m, const fn_graph *g, int i)
{
    const fn_node *n = &g->node[i];
    int back = 2 * g->n_node - i;
    check_use(m, m->saved[i], n->call.saved_bytes, i);
    if (g->training)
        check_use(m, m->saved[i], n->call.saved_bytes, back);
    for (int side = 0; side < 2; side++) {
        int count = side ? n->call.n_y : n->call.n_x;
        int keep = n->call.keep & (side ? FN_KEEP_Y : FN_KEEP_X);
        for (int k = 0; k < count; k++) {
            int v = side ? n->y[k] : n->x[k];
            const fn_value *value = &g->value[v];
            size_t bytes = 4 * (size_t)fn_format_numel(value->shape, value->format);
            CHECK((m->value[v] == FN_NO_BUFFER) == (v == 0));
            CHECK((m->grad[v] == FN_NO_BUFFER) == (v == 0 || !g->training));
            check_use(m, m->value[v], bytes, i);
            if (g->training && keep)
                check_use(m, m->value[v], bytes, back);
            check_use(m, m->grad[v], bytes, back);
        }
    }
}

/* Two values that are alive together share bytes only where the header says so. */
static void check_sharing(const fn_memory *m, const fn_graph *g)
{
    for (int v = 1; v < g->n_value; v++)
        for (int u = 1; u < v; u++) {
            if (m->value[v] != m->value[u])
                continue;
            const fn_node *n = &g->node[g->value[v].maker];
            bool fork = strcmp(n->op->name, "fork") == 0;
            bool twins = n->op->twins && g->value[u].maker == g->value[v].maker;
            CHECK(fork || twins || (n->op->inplace && m->value[n->x[0]] == m->value[v]));
        }
    for (int k = 0; k < g->n_output; k++) { /* the caller's step */
        check_use(m, m->value[g->output[k]], 0, g->n_node);
        check_use(m, m->grad[g->output[k]], 0, g->n_node);
    }
}

/* Notes as large as their op's output, so that `saved` has something to place. */
static void invent_notes(fn_graph *g)
{
    for (int i = 0; i < g->n_node; i += 3)
        g->node[i].call.saved_bytes = (size_t)fn_numel(g->node[i].call.y[0].shape) + 100;
}

static void check_graph(fn_graph *g, double limit)
{
    fn_memory *m = NULL;
    CHECK_OK(fn_memory_open(&m, g));
    if (!m)
        return;
    check_disjoint(m);
    for (int i = 0; i < g->n_node; i++)
        check_node(m, g, i);
    check_sharing(m, g);
    CHECK(m->arena >= m->lower_bound && m->naive >= m->arena);
    if ((double)m->arena > limit * (double)m->lower_bound)
        FN_TEST_FAIL("%s%s: arena is %.3f times the bound", g->name,
                     g->training ? " training" : "",
                     (double)m->arena / (double)m->lower_bound);
    fn_memory_close(m);
}

static void check_net(const char *name, int batch, bool training, double limit)
{
    fn_net *net;
    fn_graph *g = NULL, *low = NULL, *cpu = NULL, *gpu = NULL;
    CHECK_OK(fn_net_open(&net, name, NULL));
    CHECK_OK(fn_net_build(&g, net, batch, training));
    CHECK_OK(fn_lower(&low, g, FN_CPU));
    CHECK_OK(fn_lower_formats(&cpu, low, FN_CPU, FN_PRECISION_FP32, NULL));
    check_graph(cpu, limit);
    invent_notes(cpu);
    check_graph(cpu, 1.3);
    check_graph(g, 1.3); /* as the file says, node by node */
    CHECK_OK(fn_lower(&gpu, g, FN_CUDA));
    check_graph(gpu, 1.3);
    invent_notes(gpu);
    check_graph(gpu, 1.3);
    fn_graph_close(gpu);
    fn_graph_close(cpu);
    fn_graph_close(low);
    fn_graph_close(g);
    fn_net_close(net);
}

TEST(every_shipped_network_is_placed_without_overlap_and_near_the_bound)
{
    static const char *const names[] = {
        "nn1",    "nn2",    "nn3",    "nn4",     "nns1",    "nns2",      "nn1-bn",
        "nn2-bn", "nn3-bn", "nn4-bn", "nns1-bn", "nns2-bn", "plain64-bn"};
    static const int batches[] = {1, 7, 64};
    for (int i = 0; i < 13; i++)
        for (int b = 0; b < 3; b++) {
            bool tiny = strncmp(names[i], "nns", 3) == 0;
            check_net(names[i], batches[b], false, tiny ? 1.25 : 1.01);
            check_net(names[i], batches[b], true, 1.06);
        }
}

/* One arena for all costs a fraction of a buffer for each. */
TEST(sharing_is_worth_it)
{
    fn_net *net;
    fn_graph *g = NULL, *low = NULL;
    fn_memory *m = NULL;
    CHECK_OK(fn_net_open(&net, "nn2", NULL));
    CHECK_OK(fn_net_build(&g, net, 8, false));
    CHECK_OK(fn_lower(&low, g, FN_CPU));
    CHECK_OK(fn_memory_open(&m, low));
    CHECK(m->arena * 4 < m->naive);
    fn_memory_close(m);
    fn_graph_close(low);
    fn_graph_close(g);
    fn_net_close(net);
}

TEST(the_input_is_the_callers_and_a_fork_of_it_is_a_copy)
{
    static const char text[] = "name: t\ninput: 6x6x3\nlayers:\n"
                               "  - inception: {name: a, 1x1: 8, pool: max}\n"
                               "heads: {e: [fc: {name: f, out: 4}]}\n";
    fn_graph *g;
    fn_params *p;
    fn_memory *m;
    CHECK_OK(fn_test_net(&g, &p, text, 2, true));
    CHECK_OK(fn_memory_open(&m, g));
    CHECK_INT(m->value[0], FN_NO_BUFFER);
    CHECK_INT(m->grad[0], FN_NO_BUFFER);
    CHECK_TEXT(g->node[0].op->name, "fork");
    CHECK(m->value[g->node[0].y[0]] != FN_NO_BUFFER);
    CHECK(m->value[g->node[0].y[0]] != m->value[g->node[0].y[1]]);
    check_disjoint(m);
    fn_memory_close(m);
    fn_memory_close(NULL);
    fn_params_close(p);
    fn_graph_close(g);
}

/* ReLU overwrites a convolution's output, but not one that is needed again. */
TEST(in_place_only_where_nobody_reads_again)
{
    static const char text[] = "name: t\ninput: 6x6x3\nlayers:\n"
                               "  - conv: {name: a, out: 8, kernel: 3}\n"
                               "  - relu\n"
                               "  - l2pool: {kernel: 3}\n"
                               "  - relu\n"
                               "heads: {e: [fc: {name: f, out: 4}]}\n";
    for (int training = 0; training < 2; training++) {
        fn_graph *g;
        fn_params *p;
        fn_memory *m;
        CHECK_OK(fn_test_net(&g, &p, text, 2, training));
        CHECK_OK(fn_memory_open(&m, g));
        CHECK(m->value[g->node[1].y[0]] == m->value[g->node[1].x[0]]);
        CHECK((m->value[g->node[3].y[0]] == m->value[g->node[3].x[0]]) == !training);
        fn_memory_close(m);
        fn_params_close(p);
        fn_graph_close(g);
    }
}

/* A fork's outputs are one buffer: a reader must not write to it. */
TEST(in_place_never_behind_a_fork)
{
    static const char text[] = "name: t\ninput: 6x6x3\nlayers:\n"
                               "  - conv: {name: a, out: 8, kernel: 3}\n"
                               "heads:\n"
                               "  a: [relu, fc: {name: b, out: 4}]\n"
                               "  b: [fc: {name: c, out: 4}]\n";
    fn_graph *g;
    fn_params *p;
    fn_memory *m;
    CHECK_OK(fn_test_net(&g, &p, text, 2, false));
    CHECK_OK(fn_memory_open(&m, g));
    CHECK_TEXT(g->node[1].op->name, "fork");
    CHECK_TEXT(g->node[2].op->name, "relu");
    CHECK_INT(m->value[g->node[1].y[0]], m->value[g->node[1].y[1]]);
    CHECK(m->value[g->node[2].y[0]] != m->value[g->node[2].x[0]]);
    fn_memory_close(m);
    fn_params_close(p);
    fn_graph_close(g);
}

/* A join's outputs are one buffer as well. */
TEST(in_place_never_behind_a_join)
{
    static const fn_conv conv = {.out = 8, .kernel = 3, .stride = 1, .bias = 1};
    static const fn_join join = {.ways = 2};
    fn_graph *g;
    fn_memory *m;
    int x = 0, part[2], twin[FN_MAX_OUT], y[2];
    CHECK_OK(fn_graph_open(&g, "g", (fn_shape)FN_NCHW(1, 3, 5, 5), false));
    for (int i = 0; i < 2; i++)
        CHECK_OK(fn_graph_add(g, fn_op_find("conv"), "c", &conv, &x, 1, &part[i]));
    CHECK_OK(fn_graph_add(g, fn_op_find("join"), "j", &join, part, 2, twin));
    for (int i = 0; i < 2; i++)
        CHECK_OK(fn_graph_add(g, fn_op_find("relu"), "r", NULL, &twin[i], 1, &y[i]));
    g->n_output = 2;
    g->output[0] = y[0];
    g->output[1] = y[1];
    CHECK_OK(fn_memory_open(&m, g));
    CHECK_INT(m->value[twin[0]], m->value[twin[1]]);
    CHECK(m->value[y[0]] != m->value[twin[0]] && m->value[y[1]] != m->value[twin[0]]);
    fn_memory_close(m);
    fn_graph_close(g);
}

/* Nor where forks are gone and the value itself has two readers. */
TEST(in_place_never_under_another_reader)
{
    static const fn_conv conv = {.out = 8, .kernel = 3, .stride = 1, .bias = 1};
    fn_graph *g;
    fn_memory *m;
    int x = 0, mid[FN_MAX_OUT], y[FN_MAX_OUT], both[2];
    CHECK_OK(fn_graph_open(&g, "g", (fn_shape)FN_NCHW(1, 3, 5, 5), false));
    CHECK_OK(fn_graph_add(g, fn_op_find("conv"), "c", &conv, &x, 1, mid));
    CHECK_OK(fn_graph_add(g, fn_op_find("relu"), "r", NULL, mid, 1, y));
    both[0] = mid[0];
    both[1] = y[0];
    CHECK_OK(fn_graph_add(g, fn_op_find("concat"), "b", NULL, both, 2, y));
    g->n_output = 1;
    g->output[0] = y[0];
    CHECK_OK(fn_memory_open(&m, g));
    CHECK(m->value[both[0]] != m->value[both[1]]);
    fn_memory_close(m);
    fn_graph_close(g);
}

TEST(every_failed_allocation_is_reported)
{
    fn_graph *g;
    fn_params *p;
    fn_memory *m = NULL;
    CHECK_OK(fn_test_net(&g, &p, FN_TEST_NET("none"), 2, true));
    fn_status rc = FN_ENOMEM;
    int n = 0;
    while (rc != FN_OK && n < 100) {
        fn_fail_alloc(++n);
        rc = fn_memory_open(&m, g);
        CHECK(rc == FN_OK || (rc == FN_ENOMEM && m == NULL));
    }
    fn_fail_alloc(0);
    CHECK_INT(n, 7);
    fn_memory_close(m);
    fn_params_close(p);
    fn_graph_close(g);
}
