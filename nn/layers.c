/* layers.c -- conv is a convolution, its norm and its activation; fc likewise; inception is
 * GoogLeNet's module with the columns of FaceNet's Table 2:
 *
 *            +- 1x1 -----------------+
 *   x - fork +- 3x3r (1x1) - 3x3 ----+- concat - y
 *            +- 5x5r (1x1) - 5x5 ----+
 *            +- pool 3x3 - proj (1x1)+
 */
#include "nn/layers.h"

#include "kernels/conv.h"
#include "kernels/fork.h"
#include "kernels/linear.h"
#include "kernels/maxout.h"
#include "kernels/pool.h"

#include <math.h>
#include <stdio.h>

enum { NORM_NONE, NORM_BATCH };
enum { ACT_NONE, ACT_RELU, ACT_PRELU };
enum { POOL_NONE, POOL_MAX, POOL_L2 };

typedef struct conv_layer {
    fn_style style;
    fn_conv conv;
} conv_layer;

typedef struct fc_layer {
    fn_style style; /* no norm */
    int out, maxout;
} fc_layer;

typedef struct inception_layer {
    fn_style style;
    int n1, r3, n3, r5, n5, pool, proj, stride;
} inception_layer;

_Static_assert(sizeof(inception_layer) <= FN_ATTR_BYTES, "attributes fit");

static fn_status append(fn_graph *g, const char *op, const char *base, const void *attr,
                        int x, int *y)
{
    char name[FN_NAME_BYTES];
    int given[FN_MAX_OUT];
    snprintf(name, sizeof name, "%.48s/%.14s", base, op);
    FN_TRY(fn_graph_add(g, fn_op_find(op), name, attr, &x, 1, given));
    *y = given[0];
    return FN_OK;
}

/* Norm and activation behind value x. */
static fn_status finish(fn_graph *g, const char *name, fn_style style, int x, int *y)
{
    _Alignas(16) char usual[FN_ATTR_BYTES] = {0};
    *y = x;
    if (style.norm == NORM_BATCH) {
        fn_field_defaults(fn_op_find("batchnorm")->field, usual);
        FN_TRY(append(g, "batchnorm", name, usual, *y, y));
    }
    if (style.act == ACT_NONE)
        return FN_OK;
    return append(g, style.act == ACT_RELU ? "relu" : "prelu", name, NULL, *y, y);
}

static fn_status build_conv(fn_graph *g, const char *name, const void *attr, int x, int *y)
{
    const conv_layer *a = attr;
    fn_conv conv = a->conv;
    conv.bias = a->style.norm == NORM_NONE; /* batch norm would take it out again */
    FN_TRY(append(g, "conv", name, &conv, x, y));
    return finish(g, name, a->style, *y, y);
}

static fn_status build_fc(fn_graph *g, const char *name, const void *attr, int x, int *y)
{
    const fc_layer *a = attr;
    fn_linear linear = {.out = a->out * a->maxout, .bias = 1};
    fn_maxout maxout = {.pieces = a->maxout};
    FN_TRY(append(g, "linear", name, &linear, x, y));
    if (a->maxout > 1)
        FN_TRY(append(g, "maxout", name, &maxout, *y, y));
    return finish(g, name, (fn_style){NORM_NONE, a->style.act}, *y, y);
}

/* --- inception --- */

typedef struct module {
    fn_graph *g;
    const char *name;
    const inception_layer *a;
    int x[FN_MAX_OUT]; /* the input, once for each branch */
    int y[4], n;       /* what the branches give */
} module;

/* A convolution named after its column, reading and replacing value *v. */
static fn_status column(module *m, const char *name, int out, int kernel, int *v)
{
    char full[FN_NAME_BYTES];
    conv_layer c = {m->a->style, {.out = out, .kernel = kernel, .stride = 1}};
    if (kernel > 1)
        c.conv.stride = m->a->stride; /* the reductions stay at full resolution */
    snprintf(full, sizeof full, "%s/%s", m->name, name);
    return build_conv(m->g, full, &c, *v, v);
}

static fn_status add_pool(module *m, int *v)
{
    char name[FN_NAME_BYTES];
    fn_pool pool = {.kernel = 3, .stride = m->a->stride, .norm = FN_POOL_MEAN};
    const fn_op *op = fn_op_find(m->a->pool == POOL_L2 ? "l2pool" : "maxpool");
    snprintf(name, sizeof name, "%s/pool", m->name);
    return fn_graph_add(m->g, op, name, &pool, v, 1, v);
}

static fn_status add_branches(module *m)
{
    const inception_layer *a = m->a;
    if (a->n1) {
        m->y[m->n] = m->x[m->n];
        FN_TRY(column(m, "1x1", a->n1, 1, &m->y[m->n++]));
    }
    if (a->n3) {
        m->y[m->n] = m->x[m->n];
        FN_TRY(column(m, "3x3r", a->r3, 1, &m->y[m->n]));
        FN_TRY(column(m, "3x3", a->n3, 3, &m->y[m->n++]));
    }
    if (a->n5) {
        m->y[m->n] = m->x[m->n];
        FN_TRY(column(m, "5x5r", a->r5, 1, &m->y[m->n]));
        FN_TRY(column(m, "5x5", a->n5, 5, &m->y[m->n++]));
    }
    if (a->pool) {
        m->y[m->n] = m->x[m->n];
        FN_TRY(add_pool(m, &m->y[m->n]));
        if (a->proj)
            FN_TRY(column(m, "proj", a->proj, 1, &m->y[m->n]));
        m->n++;
    }
    return FN_OK;
}

static fn_status check_columns(const inception_layer *a)
{
    if (!a->n1 && !a->n3 && !a->n5 && !a->pool)
        return fn_fail(FN_ECONFIG, "no branch: give one of 1x1, 3x3, 5x5 and pool");
    if (!a->n3 != !a->r3)
        return fn_fail(FN_ECONFIG, "3x3 and 3x3r go together: give both or neither");
    if (!a->n5 != !a->r5)
        return fn_fail(FN_ECONFIG, "5x5 and 5x5r go together: give both or neither");
    if (a->proj && !a->pool)
        return fn_fail(FN_ECONFIG, "proj without pool: give pool: max or pool: l2");
    if (a->n1 && a->stride > 1)
        return fn_fail(FN_ECONFIG, "1x1 has no stride: leave it out where stride is %d",
                       a->stride);
    return FN_OK;
}

static fn_status build_inception(fn_graph *g, const char *name, const void *attr, int x,
                                 int *y)
{
    module m = {.g = g, .name = name, .a = attr, .x = {x}};
    char part[FN_NAME_BYTES];
    fn_fork fork = {(m.a->n1 > 0) + (m.a->n3 > 0) + (m.a->n5 > 0) + (m.a->pool > 0)};
    FN_TRY(check_columns(m.a));
    if (fork.ways > 1) {
        snprintf(part, sizeof part, "%s/fork", name);
        FN_TRY(fn_graph_add(g, fn_op_find("fork"), part, &fork, &x, 1, m.x));
    }
    FN_TRY(add_branches(&m));
    *y = m.y[0];
    if (m.n == 1)
        return FN_OK;
    snprintf(part, sizeof part, "%s/concat", name);
    return fn_graph_add(g, fn_op_find("concat"), part, NULL, m.y, m.n, y);
}

/* --- tables --- */

static const char *const pads[] = {"same", "valid", NULL};
static const char *const norms[] = {"none", "batch", NULL};
static const char *const acts[] = {"none", "relu", "prelu", NULL};
static const char *const pools[] = {"none", "max", "l2", NULL};

#define INT(T, name, member, def, min, max)                                \
    {                                                                      \
        name, FN_INT, offsetof(T, member), def, min, max, NULL, NULL, NULL \
    }
#define CHOICE(T, name, member, list)                                   \
    {                                                                   \
        name, FN_CHOICE, offsetof(T, member), 0, 0, 0, list, NULL, NULL \
    }

const fn_field fn_style_fields[] = {
    CHOICE(fn_style, "norm", norm, norms),
    CHOICE(fn_style, "act", act, acts),
    {0},
};
static const fn_field conv_fields[] = {
    INT(conv_layer, "out", conv.out, NAN, 1, 1 << 16),
    INT(conv_layer, "kernel", conv.kernel, NAN, 1, 64),
    INT(conv_layer, "stride", conv.stride, 1, 1, 16),
    CHOICE(conv_layer, "pad", conv.pad, pads),
    CHOICE(conv_layer, "norm", style.norm, norms),
    CHOICE(conv_layer, "act", style.act, acts),
    {0},
};
static const fn_field fc_fields[] = {
    INT(fc_layer, "out", out, NAN, 1, 1 << 16),
    INT(fc_layer, "maxout", maxout, 1, 1, 16),
    CHOICE(fc_layer, "act", style.act, acts),
    {0},
};
static const fn_field inception_fields[] = {
    INT(inception_layer, "1x1", n1, 0, 0, 4096),
    INT(inception_layer, "3x3r", r3, 0, 0, 4096),
    INT(inception_layer, "3x3", n3, 0, 0, 4096),
    INT(inception_layer, "5x5r", r5, 0, 0, 4096),
    INT(inception_layer, "5x5", n5, 0, 0, 4096),
    CHOICE(inception_layer, "pool", pool, pools),
    INT(inception_layer, "proj", proj, 0, 0, 4096),
    INT(inception_layer, "stride", stride, 1, 1, 2),
    CHOICE(inception_layer, "norm", style.norm, norms),
    CHOICE(inception_layer, "act", style.act, acts),
    {0},
};

const fn_layer fn_layers[] = {
    {"conv", conv_fields, build_conv},
    {"fc", fc_fields, build_fc},
    {"inception", inception_fields, build_inception},
    {0},
};
