#include "nn/params.h"

#include "core/mem.h"
#include "core/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 16 }; /* floats in 64 bytes */

static void describe(fn_param *p, const fn_node *n, int k)
{
    const fn_weight *w = &n->op->weight[k];
    snprintf(p->name, sizeof p->name, "%s/%s", n->name, w->name);
    p->shape = n->call.w[k].shape;
    p->count = fn_numel(p->shape);
    p->fan_in = p->count / p->shape.dim[0];
    p->init = w->init;
    p->trained = w->trained;
}

static void lay_out(fn_params *p, const fn_graph *g)
{
    for (int i = 0; i < g->n_node; i++)
        for (int k = 0; k < g->node[i].call.n_w; k++)
            describe(&p->param[g->node[i].w[k]], &g->node[i], k);
    for (int i = 0; i < p->n; i++) {
        p->param[i].offset = p->count;
        p->count += (p->param[i].count + LINE - 1) / LINE * LINE;
    }
}

static float *zeros(int64_t count)
{
    size_t bytes = (size_t)count * sizeof(float);
    float *z = fn_alloc_aligned(bytes);
    return z ? memset(z, 0, bytes) : NULL;
}

fn_status fn_params_open(fn_params **out, const fn_graph *g, bool training)
{
    fn_params *p = fn_alloc(1, sizeof *p);
    *out = NULL;
    if (!p)
        return fn_fail(FN_ENOMEM, "%s: no memory for weights", g->name);
    p->n = g->n_param;
    p->param = fn_alloc((size_t)p->n, sizeof *p->param);
    if (p->param) {
        lay_out(p, g);
        p->value = zeros(p->count);
        p->grad = training ? zeros(p->count) : NULL;
    }
    if (!p->param || !p->value || (training && !p->grad)) {
        int64_t count = p->count;
        fn_params_close(p);
        return fn_fail(FN_ENOMEM, "%s: no memory for %lld weights", g->name,
                       (long long)count);
    }
    *out = p;
    return FN_OK;
}

void fn_params_close(fn_params *p)
{
    if (!p)
        return;
    fn_free(p->param);
    fn_free(p->value);
    fn_free(p->grad);
    fn_free(p);
}

void fn_params_init(fn_params *p, uint64_t seed)
{
    for (int i = 0; i < p->n; i++) {
        const fn_param *a = &p->param[i];
        fn_rng r = fn_rng_at(seed, FN_RNG_INIT, 0, (uint32_t)i);
        double deviation = sqrt(2.0 / (double)a->fan_in);
        float same = a->init == FN_INIT_ONE       ? 1.0f
                     : a->init == FN_INIT_QUARTER ? 0.25f
                                                  : 0.0f;
        for (int64_t k = a->offset; k < a->offset + a->count; k++)
            p->value[k] = a->init == FN_INIT_HE ? (float)(deviation * fn_rng_normal(&r))
                                                : same;
    }
}

int64_t fn_params_trained(const fn_params *p)
{
    int64_t count = 0;
    for (int i = 0; i < p->n; i++)
        count += p->param[i].trained ? p->param[i].count : 0;
    return count;
}
