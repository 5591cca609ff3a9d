/* test_memory.c -- no two buffers of a plan overlap in both time and bytes. */
#include "kernels/op.h"
#include "nn/lower.h"
#include "nn/memory.h"
#include "tests/nets.h"
#include "tests/test.h"

static void check_disjoint(const fn_memory *m)
{
    for (int i = 0; i < m->n; i++)
        for (int k = 0; k < i; k++) {
            const fn_buffer *a = &m->buffer[i], *b = &m->buffer[k];
            bool time = a->first <= b->last && b->first <= a->last;
            bool bytes = a->offset < b->offset + b->size && b->offset < a->offset + a->size;
            if (time && bytes)
                FN_TEST_FAIL("buffers %d and %d overlap", i, k);
        }
}

static void check_plan(const char *name, bool training, double limit)
{
    fn_net *net;
    fn_graph *g = NULL, *low = NULL;
    fn_memory *m = NULL;
    CHECK_OK(fn_net_open(&net, name, NULL));
    CHECK_OK(fn_net_build(&g, net, 2, training));
    CHECK_OK(fn_lower(&low, g));
    CHECK_OK(fn_memory_open(&m, low, sizeof(float)));
    if (m) {
        check_disjoint(m);
        CHECK(m->arena >= m->lower_bound);
        CHECK((double)m->arena <= limit * (double)m->lower_bound);
        CHECK(m->naive >= m->arena);
    }
    fn_memory_close(m);
    fn_graph_close(low);
    fn_graph_close(g);
    fn_net_close(net);
}

TEST(every_shipped_network_is_placed_without_overlap_and_near_the_bound)
{
    static const char *const names[] = {"nn1",  "nn2",    "nn3",    "nn4",     "nns1",
                                        "nns2", "nn2-bn", "nn4-bn", "nns2-bn", NULL};
    for (int i = 0; names[i]; i++) {
        check_plan(names[i], false, 1.01);
        check_plan(names[i], true, 1.10);
    }
}

TEST(a_value_lives_until_its_backward_has_read_it)
{
    fn_graph *g;
    fn_params *p;
    fn_memory *m;
    CHECK_OK(fn_test_net(&g, &p, FN_TEST_NET("none"), 2, true));
    CHECK_OK(fn_memory_open(&m, g, sizeof(float)));
    for (int i = 0; i < g->n_node; i++) {
        const fn_node *n = &g->node[i];
        for (int k = 0; k < n->call.n_x; k++) {
            int b = m->value[n->x[k]];
            if (b == FN_NO_BUFFER)
                continue;
            CHECK(m->buffer[b].first < i && m->buffer[b].last >= i);
            if (n->call.keep & FN_KEEP_X)
                CHECK(m->buffer[b].last >= 2 * g->n_node - i);
        }
    }
    CHECK_INT(m->value[0], FN_NO_BUFFER);
    fn_memory_close(m);
    fn_params_close(p);
    fn_graph_close(g);
}
