/* memory.c -- greedy by size (Pisarchyk & Lee 2020, section 4): the largest buffer is placed
 * first, each at the lowest offset that is free of everything alive at the same time. */
#include "nn/memory.h"

#include "core/mem.h"
#include "kernels/format.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGN = 256 };

static size_t padded(size_t raw)
{
    return (raw + ALIGN - 1) / ALIGN * ALIGN;
}

static void use(fn_memory *m, int buffer, int step)
{
    if (buffer == FN_NO_BUFFER)
        return;
    fn_buffer *b = &m->buffer[buffer];
    b->first = step < b->first ? step : b->first;
    b->last = step > b->last ? step : b->last;
}

static int new_buffer(fn_memory *m, size_t size, int never)
{
    m->buffer[m->n] = (fn_buffer){.size = padded(size), .first = never, .last = -1};
    m->naive += padded(size);
    return m->n++;
}

static int readers(const fn_graph *g, int v)
{
    int count = 0;
    for (int i = 0; i < g->n_node; i++)
        for (int k = 0; k < g->node[i].call.n_x; k++)
            count += g->node[i].x[k] == v;
    for (int k = 0; k < g->n_output; k++)
        count += g->output[k] == v;
    return count;
}

static bool is_fork(const fn_node *n)
{
    return strcmp(n->op->name, "fork") == 0;
}

/* May the output of `n` overwrite its input? Only if nobody reads the input again. */
static bool takes_over(const fn_graph *g, const fn_node *n)
{
    int maker = g->value[n->x[0]].maker;
    if (!n->op->inplace || maker < 0 || readers(g, n->x[0]) != 1 ||
        g->value[n->x[0]].format != g->value[n->y[0]].format ||
        g->value[n->x[0]].type != g->value[n->y[0]].type)
        return false;
    const fn_node *before = &g->node[maker];
    return !is_fork(before) && !before->op->twins &&
           !(g->training && (before->call.keep & FN_KEEP_Y));
}

static void assign(fn_memory *m, const fn_graph *g)
{
    int never = 2 * g->n_node + 1;
    m->value[0] = m->grad[0] = FN_NO_BUFFER;
    for (int i = 0; i < g->n_node; i++) {
        const fn_node *n = &g->node[i];
        bool shares = m->value[n->x[0]] != FN_NO_BUFFER && (is_fork(n) || takes_over(g, n));
        for (int k = 0; k < n->call.n_y; k++) {
            int v = n->y[k];
            size_t size = (size_t)fn_format_numel(g->value[v].shape, g->value[v].format) *
                          fn_type_bytes(g->value[v].type);
            m->value[v] = shares                  ? m->value[n->x[0]]
                          : k > 0 && n->op->twins ? m->value[n->y[0]]
                                                  : new_buffer(m, size, never);
            m->grad[v] = g->training ? new_buffer(m, size, never) : FN_NO_BUFFER;
        }
        m->saved[i] = n->call.saved_bytes ? new_buffer(m, n->call.saved_bytes, never)
                                          : FN_NO_BUFFER;
    }
}

static void find_lives(fn_memory *m, const fn_graph *g)
{
    int steps = 2 * g->n_node;
    for (int i = 0; i < g->n_node; i++) {
        const fn_node *n = &g->node[i];
        int back = steps - i;
        use(m, m->saved[i], i);
        if (g->training)
            use(m, m->saved[i], back);
        for (int k = 0; k < n->call.n_x; k++) {
            use(m, m->value[n->x[k]], i);
            if (g->training && (n->call.keep & FN_KEEP_X))
                use(m, m->value[n->x[k]], back);
            use(m, m->grad[n->x[k]], back);
        }
        for (int k = 0; k < n->call.n_y; k++) {
            use(m, m->value[n->y[k]], i);
            if (g->training && (n->call.keep & FN_KEEP_Y))
                use(m, m->value[n->y[k]], back);
            use(m, m->grad[n->y[k]], back);
        }
    }
    for (int k = 0; k < g->n_output; k++) {
        use(m, m->value[g->output[k]], g->n_node);
        use(m, m->grad[g->output[k]], g->n_node);
    }
}

static int by_size(const void *p, const void *q)
{
    const fn_buffer *a = *(fn_buffer *const *)p, *b = *(fn_buffer *const *)q;
    if (a->size != b->size)
        return a->size < b->size ? 1 : -1;
    return (a > b) - (a < b);
}

static int by_offset(const void *p, const void *q)
{
    const fn_buffer *a = *(fn_buffer *const *)p, *b = *(fn_buffer *const *)q;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static bool meet(const fn_buffer *a, const fn_buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* `order` holds the buffers, largest first; `busy` is scratch of the same length. */
static size_t place(fn_buffer **order, fn_buffer **busy, int n)
{
    size_t arena = 0;
    for (int i = 0; i < n; i++) {
        fn_buffer *b = order[i];
        size_t at = 0;
        int many = 0;
        for (int k = 0; k < i; k++)
            if (meet(order[k], b))
                busy[many++] = order[k];
        qsort(busy, (size_t)many, sizeof(*busy), by_offset);
        for (int k = 0; k < many && busy[k]->offset < at + b->size; k++)
            if (busy[k]->offset + busy[k]->size > at)
                at = busy[k]->offset + busy[k]->size;
        b->offset = at;
        arena = at + b->size > arena ? at + b->size : arena;
    }
    return arena;
}

static size_t most_alive(const fn_memory *m, int steps)
{
    size_t most = 0;
    for (int t = 0; t <= steps; t++) {
        size_t now = 0;
        for (int i = 0; i < m->n; i++)
            if (m->buffer[i].first <= t && t <= m->buffer[i].last)
                now += m->buffer[i].size;
        most = now > most ? now : most;
    }
    return most;
}

static fn_status place_all(fn_memory *m)
{
    fn_buffer **order = fn_alloc(2 * (size_t)m->n, sizeof(*order));
    if (!order)
        return fn_fail(FN_ENOMEM, "memory plan: no memory for %d buffers", m->n);
    for (int i = 0; i < m->n; i++)
        order[i] = &m->buffer[i];
    qsort(order, (size_t)m->n, sizeof(*order), by_size);
    m->arena = place(order, order + m->n, m->n);
    fn_free(order);
    return FN_OK;
}

fn_status fn_memory_open(fn_memory **out, const fn_graph *g)
{
    fn_memory *m = fn_alloc(1, sizeof *m);
    fn_status rc = FN_OK;
    *out = NULL;
    if (!m)
        return fn_fail(FN_ENOMEM, "memory plan: no memory");
    m->buffer = fn_alloc(2 * (size_t)g->n_value + (size_t)g->n_node, sizeof *m->buffer);
    m->value = fn_alloc((size_t)g->n_value, sizeof *m->value);
    m->grad = fn_alloc((size_t)g->n_value, sizeof *m->grad);
    m->saved = fn_alloc((size_t)g->n_node, sizeof *m->saved);
    if (!m->buffer || !m->value || !m->grad || !m->saved)
        rc = fn_fail(FN_ENOMEM, "memory plan: no memory for %d values", g->n_value);
    else {
        assign(m, g);
        find_lives(m, g);
        m->lower_bound = most_alive(m, 2 * g->n_node);
        rc = place_all(m);
    }
    if (rc == FN_OK)
        *out = m;
    else
        fn_memory_close(m);
    return rc;
}

void fn_memory_close(fn_memory *m)
{
    if (!m)
        return;
    fn_free(m->buffer);
    fn_free(m->value);
    fn_free(m->grad);
    fn_free(m->saved);
    fn_free(m);
}
