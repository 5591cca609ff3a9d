/* lower.c -- the fusion patterns of every backend, and formats. lower_gpu.c has those of a GPU. */
#include "nn/lower.h"

#include "core/mem.h"
#include "kernels/batchnorm.h"
#include "kernels/bytes.h"
#include "kernels/conv.h"
#include "kernels/format.h"
#include "nn/rewrite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static fn_status lower_conv(fn_rewrite *r, const fn_node *n)
{
    fn_conv attr;
    fn_node *added;
    int norm = -1, last = n->y[0];
    memcpy(&attr, n->attr, sizeof attr);
    if (!r->from->training && !attr.bias)
        norm = fn_only_reader(r->from, last, "batchnorm");
    if (norm >= 0) {
        attr.bias = 1;
        last = r->from->node[norm].y[0];
    }
    int relu = fn_only_reader(r->from, last, "relu");
    attr.relu = relu >= 0;
    FN_TRY(fn_rewrite_copy(r, n, &attr, &added));
    if (norm >= 0) {
        const fn_node *bn = &r->from->node[norm];
        memcpy(added->fold, bn->w, sizeof added->fold);
        memcpy(&added->fold_eps, bn->attr + offsetof(fn_batchnorm, eps), sizeof(float));
        added->w[1] = -1;
        fn_rewrite_take_in(r, added, norm);
    }
    if (relu >= 0)
        fn_rewrite_take_in(r, added, relu);
    return FN_OK;
}

static fn_status lower_batchnorm(fn_rewrite *r, const fn_node *n)
{
    fn_batchnorm attr;
    fn_node *added;
    int relu = fn_only_reader(r->from, n->y[0], "relu");
    memcpy(&attr, n->attr, sizeof attr);
    attr.relu = relu >= 0;
    FN_TRY(fn_rewrite_copy(r, n, &attr, &added));
    if (relu >= 0)
        fn_rewrite_take_in(r, added, relu);
    return FN_OK;
}

static fn_status lower_node(fn_rewrite *r, const fn_node *n)
{
    fn_node *added;
    if (fn_is(n, "conv"))
        return lower_conv(r, n);
    if (fn_is(n, "batchnorm"))
        return lower_batchnorm(r, n);
    if (fn_is(n, "fork") && !r->from->training) {
        for (int k = 0; k < n->call.n_y; k++)
            r->map[n->y[k]] = r->map[n->x[0]];
        return FN_OK;
    }
    return fn_rewrite_copy(r, n, n->op->attr_size ? n->attr : NULL, &added);
}

fn_status fn_lower(fn_graph **out, const fn_graph *g, fn_backend backend)
{
    fn_graph *fused = NULL;
    if (backend != FN_CUDA)
        return fn_rewrite_each(out, g, lower_node);
    FN_TRY(fn_rewrite_each(&fused, g, lower_node));
    fn_status rc = fn_lower_gpu(out, fused);
    fn_graph_close(fused);
    return rc;
}

/* --- formats and types --- */

typedef struct target {
    fn_backend backend;
    fn_precision precision;
    const fn_range *range;       /* of each value of the graph; NULL but in u8 */
    const fn_range *bytes_range; /* the same, of values that may be bytes */
} target;

/* Of a value of this shape, if its kernel says nothing else. */
static fn_type type_on(target t, fn_shape s)
{
    return t.backend == FN_REF    ? FN_F64
           : t.backend == FN_CUDA ? fn_stored_as(t.precision, s)
                                  : FN_F32;
}

static bool lies_so(const fn_value *v, fn_reorder as)
{
    return v->format == as.to && v->type == as.type && v->step == as.step;
}

/* How a kernel has chosen that t shall lie. */
static fn_reorder as_chosen(const fn_tensor *t)
{
    return (fn_reorder){t->format, t->type, fn_bytes_are(t->type) ? t->step : 0};
}

static void put_value(fn_value *v, fn_reorder as)
{
    v->format = as.to;
    v->type = as.type;
    v->step = as.step;
}

static void put_tensor(fn_tensor *t, const fn_value *v)
{
    t->format = v->format;
    t->type = v->type;
    t->step = v->step;
}

/* Value v of the new graph, lying so: itself, or through a reorder. */
static fn_status bring_to(fn_graph *g, int *v, fn_reorder as)
{
    char name[FN_NAME_BYTES];
    int y[FN_MAX_OUT];
    if (lies_so(&g->value[*v], as))
        return FN_OK;
    for (int i = 0; i < g->n_node && !g->training;
         i++) /* one that another reader has made */
        if (fn_is(&g->node[i], "reorder") && g->node[i].x[0] == *v &&
            lies_so(&g->value[g->node[i].y[0]], as)) {
            *v = g->node[i].y[0];
            return FN_OK;
        }
    snprintf(name, sizeof name, "reorder%d", g->n_node);
    FN_TRY(fn_graph_add(g, fn_op_find("reorder"), name, &as, v, 1, y));
    fn_call *c = &g->node[g->n_node - 1].call;
    put_value(&g->value[y[0]], as);
    put_tensor(&c->x[0], &g->value[*v]);
    put_tensor(&c->y[0], &g->value[y[0]]);
    *v = y[0];
    return FN_OK;
}

/* What the kernel is offered, and what holds if it does not choose. */
static void offer(fn_call *c, const fn_rewrite *r, const fn_node *n, target t)
{
    const fn_kernel *kernel = n->op->kernel[t.backend];
    c->attr = n->attr;
    c->precision = t.precision;
    for (int k = 0; k < c->n_x; k++) {
        const fn_value *x = &r->to->value[r->map[n->x[k]]];
        if (kernel->choose)
            put_tensor(&c->x[k], x);
        if (!kernel->choose || (fn_bytes_are(x->type) && !kernel->bytes))
            c->x[k].type = type_on(t, x->shape);
    }
    c->x_range = t.range ? t.range[n->x[0]] : (fn_range){0, 0};
    c->y_range = t.range ? t.bytes_range[n->y[0]] : (fn_range){0, 0};
    for (int k = 0; k < c->n_y; k++) {
        c->y[k].format = FN_PLAIN;
        c->y[k].type = type_on(t, c->y[k].shape);
    }
}

static fn_status choose(fn_rewrite *r, const fn_node *n, target t)
{
    const fn_kernel *kernel = n->op->kernel[t.backend];
    fn_call c = n->call;
    fn_node *added;
    if (!kernel)
        return fn_fail(FN_EUNSUPPORTED, "%s: op %s has no kernel on this backend", n->name,
                       n->op->name);
    offer(&c, r, n, t);
    if (kernel->choose)
        kernel->choose(&c);
    for (int k = 0; k < c.n_x; k++)
        FN_TRY(bring_to(r->to, &r->map[n->x[k]], as_chosen(&c.x[k])));
    FN_TRY(fn_rewrite_copy(r, n, n->op->attr_size ? n->attr : NULL, &added));
    for (int k = 0; k < c.n_x; k++)
        put_tensor(&added->call.x[k], &r->to->value[added->x[k]]);
    for (int k = 0; k < c.n_y; k++) {
        put_value(&r->to->value[added->y[k]], as_chosen(&c.y[k]));
        put_tensor(&added->call.y[k], &r->to->value[added->y[k]]);
    }
    return FN_OK;
}

/* What leaves the graph is plain, and not in bf16 but where all is. */
static fn_status finish_outputs(fn_rewrite *r, target t)
{
    r->to->n_output = r->from->n_output;
    for (int k = 0; k < r->from->n_output; k++) {
        int *v = &r->map[r->from->output[k]];
        fn_reorder as = {FN_PLAIN, type_on(t, r->to->value[*v].shape), 0};
        FN_TRY(bring_to(r->to, v, as));
        r->to->output[k] = *v;
    }
    return FN_OK;
}

fn_status fn_lower_formats(fn_graph **out, const fn_graph *g, fn_backend backend,
                           fn_precision precision, const fn_range *range)
{
    fn_range *bytes_range = NULL;
    fn_rewrite r;
    fn_status rc;
    *out = NULL;
    FN_TRY(fn_rewrite_open(&r, g));
    if (range)
        FN_GO(fn_lower_ranges(&bytes_range, g, backend, range));
    const target t = {backend, precision, range, bytes_range};
    r.to->value[0].type = type_on(t, r.to->value[0].shape);
    for (int i = 0; i < g->n_node; i++)
        FN_GO(choose(&r, &g->node[i], t));
    FN_GO(finish_outputs(&r, t));
    fn_rewrite_finish(&r, out);
out:
    fn_free(bytes_range);
    fn_rewrite_close(&r);
    return rc;
}

void fn_lower_fold(float *kernel, float *bias, const fn_node *n, const fn_params *p)
{
    const fn_param *w = &p->param[n->w[0]];
    const float *bn[4];
    int64_t out = w->shape.dim[0], each = w->count / out;
    for (int k = 0; k < 4; k++)
        bn[k] = p->value + p->param[n->fold[k]].offset;
    for (int64_t o = 0; o < out; o++) {
        float scale = bn[FN_BN_GAIN][o] / sqrtf(bn[FN_BN_VAR][o] + n->fold_eps);
        for (int64_t i = o * each; i < (o + 1) * each; i++)
            kernel[i] = p->value[w->offset + i] * scale;
        bias[o] = bn[FN_BN_SHIFT][o] - bn[FN_BN_MEAN][o] * scale;
    }
}
