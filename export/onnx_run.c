/* onnx_run.c -- node by node, as the file lists them (onnx/docs/Operators.md). */
#include "export/onnx_run.h"

#include "core/mem.h"

#include <math.h>
#include <string.h>

fn_status fn_onnx_make(fn_onnx_call *c, fn_shape shape)
{
    c->y->shape = shape;
    c->y->data = fn_alloc((size_t)fn_numel(shape), sizeof *c->y->data);
    return c->y->data ? FN_OK : fn_fail(FN_ENOMEM, "no memory for %s", c->y->name);
}

fn_status fn_onnx_torn(const fn_onnx_call *c)
{
    return fn_fail(FN_EDATA, "%s: its shapes do not fit: export it again", c->y->name);
}

static fn_shape shape_of(const fn_onnx_call *c, int k)
{
    return c->x[k]->shape;
}

/* The axis that the operator works along; `usual` where the file names none. */
static int64_t axis_of(const fn_onnx_call *c, int64_t usual)
{
    int64_t axis = c->node->attr.axis == FN_ONNX_ABSENT ? usual : c->node->attr.axis;
    return axis < 0 ? axis + shape_of(c, 0).rank : axis;
}

static float given_or(float attr, float usual)
{
    return isnan(attr) ? usual : attr;
}

static bool one_image(fn_shape s)
{
    return s.rank >= 2 && s.dim[0] == 1;
}

/* --- element by element --- */

static fn_status run_relu(fn_onnx_call *c)
{
    FN_TRY(fn_onnx_make(c, shape_of(c, 0)));
    for (int64_t i = 0; i < fn_numel(c->y->shape); i++)
        c->y->data[i] = fmaxf(c->x[0]->data[i], 0);
    return FN_OK;
}

static fn_status run_sqrt(fn_onnx_call *c)
{
    FN_TRY(fn_onnx_make(c, shape_of(c, 0)));
    for (int64_t i = 0; i < fn_numel(c->y->shape); i++)
        c->y->data[i] = sqrtf(c->x[0]->data[i]);
    return FN_OK;
}

/* Mul, Div; the second may be one number. */
static fn_status run_binary(fn_onnx_call *c)
{
    fn_shape left = shape_of(c, 0), right = shape_of(c, 1);
    int64_t n = fn_numel(left), m = fn_numel(right);
    bool same = left.rank == right.rank &&
                memcmp(left.dim, right.dim, sizeof left.dim) == 0;
    if (!same && m != 1)
        return fn_onnx_torn(c);
    FN_TRY(fn_onnx_make(c, shape_of(c, 0)));
    for (int64_t i = 0; i < n; i++) {
        float a = c->x[0]->data[i], b = c->x[1]->data[m == 1 ? 0 : i];
        c->y->data[i] = c->node->op[0] == 'M' ? a * b : a / b;
    }
    return FN_OK;
}

/* One slope a channel. */
static fn_status run_prelu(fn_onnx_call *c)
{
    fn_shape s = shape_of(c, 0), slope = shape_of(c, 1);
    int64_t plane = s.dim[2] * s.dim[3];
    int at = slope.rank - (s.rank - 1); /* shapes are joined at their ends */
    if (!one_image(s) || at < 0 || fn_numel(slope) != s.dim[1] || slope.dim[at] != s.dim[1])
        return fn_onnx_torn(c);
    FN_TRY(fn_onnx_make(c, s));
    for (int64_t i = 0; i < fn_numel(s); i++) {
        float x = c->x[0]->data[i];
        c->y->data[i] = x < 0 ? x * c->x[1]->data[i / plane] : x;
    }
    return FN_OK;
}

static fn_status run_batchnorm(fn_onnx_call *c)
{
    fn_shape s = shape_of(c, 0);
    int64_t plane = s.dim[2] * s.dim[3];
    for (int k = 1; k < 5; k++)
        if (!one_image(s) || fn_numel(shape_of(c, k)) != s.dim[1])
            return fn_onnx_torn(c);
    FN_TRY(fn_onnx_make(c, s));
    for (int64_t i = 0; i < fn_numel(s); i++) {
        int64_t ch = i / plane;
        double gain = (double)c->x[1]->data[ch], shift = (double)c->x[2]->data[ch];
        double mean = (double)c->x[3]->data[ch], var = (double)c->x[4]->data[ch];
        double scale = gain / sqrt(var + (double)c->node->attr.epsilon);
        c->y->data[i] = (float)(((double)c->x[0]->data[i] - mean) * scale + shift);
    }
    return FN_OK;
}

/* --- across channels --- */

static fn_status run_lrn(fn_onnx_call *c)
{
    const fn_onnx_attr *a = &c->node->attr;
    fn_shape s = shape_of(c, 0);
    int64_t plane = s.dim[2] * s.dim[3], half = (a->size - 1) / 2;
    double alpha = (double)given_or(a->alpha, 1e-4f);
    double beta = (double)given_or(a->beta, 0.75f);
    if (!one_image(s) || a->size < 1)
        return fn_onnx_torn(c);
    FN_TRY(fn_onnx_make(c, s));
    for (int64_t i = 0; i < fn_numel(s); i++) {
        double square = 0;
        for (int64_t k = i / plane - half; k <= i / plane + a->size - 1 - half; k++)
            if (k >= 0 && k < s.dim[1]) {
                double v = (double)c->x[0]->data[k * plane + i % plane];
                square += v * v;
            }
        double base = (double)a->bias + alpha / (double)a->size * square;
        c->y->data[i] = (float)((double)c->x[0]->data[i] / pow(base, beta));
    }
    return FN_OK;
}

/* One softmax a pixel. */
static fn_status run_softmax(fn_onnx_call *c)
{
    fn_shape s = shape_of(c, 0);
    int64_t plane = s.dim[2] * s.dim[3];
    if (!one_image(s) || axis_of(c, -1) != 1)
        return fn_onnx_torn(c);
    FN_TRY(fn_onnx_make(c, s));
    for (int64_t i = 0; i < plane; i++) {
        const float *x = c->x[0]->data + i;
        double most = -INFINITY, sum = 0;
        for (int64_t k = 0; k < s.dim[1]; k++)
            most = fmax(most, (double)x[k * plane]);
        for (int64_t k = 0; k < s.dim[1]; k++)
            sum += exp((double)x[k * plane] - most);
        for (int64_t k = 0; k < s.dim[1]; k++)
            c->y->data[k * plane + i] = (float)(exp((double)x[k * plane] - most) / sum);
    }
    return FN_OK;
}

/* One image after another along axis 1: with one image, end to end. */
static fn_status run_concat(fn_onnx_call *c)
{
    fn_shape s = shape_of(c, 0);
    if (!one_image(s) || axis_of(c, 0) != 1)
        return fn_onnx_torn(c);
    s.dim[1] = 0;
    for (int k = 0; k < c->node->n_x; k++)
        s.dim[1] += shape_of(c, k).dim[1];
    FN_TRY(fn_onnx_make(c, s));
    float *to = c->y->data;
    for (int k = 0; k < c->node->n_x; k++) {
        size_t n = (size_t)fn_numel(shape_of(c, k));
        if (n > (size_t)(c->y->data + fn_numel(s) - to))
            return fn_onnx_torn(c);
        memcpy(to, c->x[k]->data, n * sizeof *to);
        to += n;
    }
    return FN_OK;
}

static fn_status reshape(fn_onnx_call *c, fn_shape s)
{
    if (fn_numel(s) != fn_numel(shape_of(c, 0)))
        return fn_onnx_torn(c);
    FN_TRY(fn_onnx_make(c, s));
    memcpy(c->y->data, c->x[0]->data, (size_t)fn_numel(s) * sizeof(float));
    return FN_OK;
}

static fn_status run_flatten(fn_onnx_call *c)
{
    if (!one_image(shape_of(c, 0)) || axis_of(c, 1) != 1)
        return fn_onnx_torn(c);
    return reshape(c, (fn_shape)FN_NC(1, fn_numel(shape_of(c, 0))));
}

/* 0 keeps a side. The new shape is the only constant of integers that we write. */
static fn_status run_reshape(fn_onnx_call *c)
{
    int64_t n = fn_numel(shape_of(c, 1)), dim;
    fn_shape s = {(int)n, {1, 1, 1, 1}};
    if (n > 4 || c->x[1]->raw.end - c->x[1]->raw.at != 8 * n)
        return fn_onnx_torn(c);
    for (int k = 0; k < n; k++) {
        memcpy(&dim, c->x[1]->raw.at + (ptrdiff_t)8 * k, sizeof dim);
        s.dim[k] = dim ? dim : shape_of(c, 0).dim[k];
    }
    return reshape(c, s);
}

/* --- rows of features --- */

static fn_status run_gemm(fn_onnx_call *c)
{
    const fn_onnx_attr *a = &c->node->attr;
    fn_shape w = shape_of(c, 1);
    int64_t out = w.dim[0], in = w.dim[1];
    if (given_or(a->alpha, 1) != 1 || given_or(a->beta, 1) != 1)
        return fn_onnx_torn(c);
    if (w.rank != 2 || !a->trans_b || fn_numel(shape_of(c, 0)) != in ||
        (c->node->n_x > 2 && fn_numel(shape_of(c, 2)) != out))
        return fn_onnx_torn(c);
    FN_TRY(fn_onnx_make(c, (fn_shape)FN_NC(1, out)));
    for (int64_t o = 0; o < out; o++) {
        double sum = c->node->n_x > 2 ? (double)c->x[2]->data[o] : 0;
        for (int64_t i = 0; i < in; i++)
            sum += (double)c->x[0]->data[i] * (double)c->x[1]->data[o * in + i];
        c->y->data[o] = (float)sum;
    }
    return FN_OK;
}

/* ReduceMax over the last axis of [1, O, p]. */
static fn_status run_reduce_max(fn_onnx_call *c)
{
    fn_shape s = shape_of(c, 0);
    int64_t pieces = s.dim[2];
    if (s.rank != 3 || !one_image(s) || pieces < 1 || c->node->attr.axes[0] != 2 ||
        c->node->attr.keepdims)
        return fn_onnx_torn(c);
    FN_TRY(fn_onnx_make(c, (fn_shape)FN_NC(1, s.dim[1])));
    for (int64_t o = 0; o < s.dim[1]; o++) {
        float most = c->x[0]->data[o * pieces];
        for (int64_t k = 1; k < pieces; k++)
            most = fmaxf(most, c->x[0]->data[o * pieces + k]);
        c->y->data[o] = most;
    }
    return FN_OK;
}

static double length(const fn_onnx_value *x)
{
    double square = 0;
    for (int64_t i = 0; i < fn_numel(x->shape); i++)
        square += (double)x->data[i] * (double)x->data[i];
    return sqrt(square);
}

static fn_status run_reduce_l2(fn_onnx_call *c)
{
    const fn_onnx_attr *a = &c->node->attr;
    if (shape_of(c, 0).rank != 2 || !one_image(shape_of(c, 0)) || a->axes[0] != 1 ||
        !a->keepdims)
        return fn_onnx_torn(c);
    FN_TRY(fn_onnx_make(c, (fn_shape)FN_NC(1, 1)));
    c->y->data[0] = (float)length(c->x[0]);
    return FN_OK;
}

static fn_status run_lp_normalization(fn_onnx_call *c)
{
    fn_shape s = shape_of(c, 0);
    double norm = length(c->x[0]);
    if (s.rank != 2 || !one_image(s) || axis_of(c, -1) != 1)
        return fn_onnx_torn(c);
    FN_TRY(fn_onnx_make(c, s));
    for (int64_t i = 0; i < fn_numel(s) && norm > 0; i++)
        c->y->data[i] = (float)((double)c->x[0]->data[i] / norm);
    return FN_OK;
}

/* --- the walk --- */

static const struct {
    const char *op;
    fn_status (*run)(fn_onnx_call *c);
    int least; /* inputs */
} table[] = {
    {"AveragePool", fn_onnx_window_pool, 1},
    {"BatchNormalization", run_batchnorm, 5},
    {"Concat", run_concat, 1},
    {"Conv", fn_onnx_window_conv, 2},
    {"Div", run_binary, 2},
    {"Flatten", run_flatten, 1},
    {"Gemm", run_gemm, 2},
    {"GlobalAveragePool", fn_onnx_window_pool, 1},
    {"GlobalLpPool", fn_onnx_window_pool, 1},
    {"GlobalMaxPool", fn_onnx_window_pool, 1},
    {"LRN", run_lrn, 1},
    {"LpNormalization", run_lp_normalization, 1},
    {"LpPool", fn_onnx_window_pool, 1},
    {"MaxPool", fn_onnx_window_pool, 1},
    {"Mul", run_binary, 2},
    {"PRelu", run_prelu, 2},
    {"ReduceL2", run_reduce_l2, 1},
    {"ReduceMax", run_reduce_max, 1},
    {"Relu", run_relu, 1},
    {"Reshape", run_reshape, 2},
    {"Softmax", run_softmax, 1},
    {"Sqrt", run_sqrt, 1},
    {NULL, NULL, 0},
};

/* A constant's numbers are copied to where floats may lie. */
static fn_status load(fn_onnx_value *v)
{
    size_t size = (size_t)(v->raw.end - v->raw.at);
    if (v->data)
        return FN_OK;
    if (!v->raw.at)
        return fn_fail(FN_EDATA, "%s is read before it is made: export it again", v->name);
    v->data = fn_alloc(size, 1);
    if (!v->data)
        return fn_fail(FN_ENOMEM, "no memory for %s", v->name);
    memcpy(v->data, v->raw.at, size);
    return FN_OK;
}

static fn_status run_node(fn_onnx_file *f, const fn_onnx_node *n)
{
    fn_onnx_call c = {.node = n, .y = &f->value[n->y]};
    int i = 0;
    for (int k = 0; k < n->n_x; k++) {
        FN_TRY(load(&f->value[n->x[k]]));
        c.x[k] = &f->value[n->x[k]];
    }
    while (table[i].op && strcmp(table[i].op, n->op) != 0)
        i++;
    if (!table[i].op)
        return fn_fail(FN_EUNSUPPORTED, "%s: operator %s is missing in export/onnx_run.c",
                       c.y->name, n->op);
    if (n->n_x < table[i].least || c.y->data)
        return fn_onnx_torn(&c);
    return table[i].run(&c);
}

static void forget(fn_onnx_file *f)
{
    for (int i = 0; i < f->n_value; i++) {
        fn_free(f->value[i].data);
        f->value[i].data = NULL;
    }
}

fn_status fn_onnx_run(fn_onnx_file *f, const float *x, fn_shape shape,
                      const fn_onnx_value **y)
{
    fn_onnx_value *input = &f->value[f->input];
    if (shape.dim[0] != 1)
        return fn_fail(FN_EDATA, "%s: one image at a time, not %lld", input->name,
                       (long long)shape.dim[0]);
    size_t size = (size_t)fn_numel(shape) * sizeof *x;
    forget(f);
    input->shape = shape;
    input->data = fn_alloc(size, 1);
    if (!input->data)
        return fn_fail(FN_ENOMEM, "no memory for an image");
    memcpy(input->data, x, size);
    for (int i = 0; i < f->n_node; i++)
        FN_TRY(run_node(f, &f->node[i]));
    *y = &f->value[f->output];
    return (*y)->data ? FN_OK : fn_fail(FN_EDATA, "nothing makes %s", (*y)->name);
}
