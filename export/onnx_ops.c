/* onnx_ops.c -- one table: our op -> ONNX operators of opset 13.
 *
 *             native                         portable: what OpenCV reads as well
 *   l2pool    LpPool [-> Mul with 1/k]       x*x -> depthwise Conv with 1/k^2 -> Sqrt
 *   l2norm    LpNormalization                ReduceL2 -> Div
 *   avgpool   AveragePool over padding       depthwise Conv with 1/k^2, where padded
 *   maxout    Reshape [N, O, p] -> ReduceMax
 * OpenCV has neither Lp operator, and averages over no padding whatever one says. */
#include "export/onnx_ops.h"

#include "core/mem.h"
#include "export/message.h"
#include "kernels/batchnorm.h"
#include "kernels/conv.h"
#include "kernels/linear.h"
#include "kernels/lrn.h"
#include "kernels/maxout.h"
#include "kernels/pool.h"
#include "nn/lower.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct label {
    char text[2 * FN_NAME_BYTES];
} label;

typedef struct writer {
    fn_proto *out;
    const fn_graph *graph;
    const fn_params *params;
    fn_onnx_profile profile;
    const fn_node *node; /* the one being written, with its inputs and its output */
    label x[FN_MAX_IN], y;
} writer;

/* --- names --- */

static label value_label(const fn_graph *g, int v)
{
    label l;
    if (v == 0)
        return (label){FN_ONNX_INPUT};
    if (v == g->output[0])
        return (label){FN_ONNX_OUTPUT};
    snprintf(l.text, sizeof l.text, "%s/y", g->node[g->value[v].maker].name);
    return l;
}

/* A value or constant inside of the node. */
static label part(const writer *w, const char *what)
{
    label l;
    snprintf(l.text, sizeof l.text, "%s/%s", w->node->name, what);
    return l;
}

/* --- pieces --- */

static void unary(writer *w, const char *op, const char *x, const char *y)
{
    fn_proto_end(w->out, fn_message_node(w->out, op, &x, 1, y));
}

static void binary(writer *w, const char *op, const char *a, const char *b, const char *y)
{
    fn_proto_end(w->out, fn_message_node(w->out, op, (const char *[]){a, b}, 2, y));
}

/* Attributes of a convolution or pool over height x width. */
static void window(writer *w, int64_t height, int64_t width, int stride, int64_t pad)
{
    fn_message_attr_ints(w->out, "kernel_shape", (int64_t[]){height, width}, 2);
    fn_message_attr_ints(w->out, "strides", (int64_t[]){stride, stride}, 2);
    fn_message_attr_ints(w->out, "pads", (int64_t[]){pad, pad, pad, pad}, 4);
}

static const fn_param *param(const writer *w, int k)
{
    return &w->params->param[w->node->w[k]];
}

/* The node's weight k as it is, of any rank. */
static void weight(writer *w, int k, int rank, const int64_t *dim)
{
    const fn_param *p = param(w, k);
    fn_message_floats(w->out, p->name, rank, dim, w->params->value + p->offset);
}

/* The same number everywhere; memory that runs out is the message's failure. */
static void filled(writer *w, const char *name, const int64_t dim[4], float value)
{
    size_t n = (size_t)(dim[0] * dim[1] * dim[2] * dim[3]);
    float *data = fn_alloc(n, sizeof *data);
    if (!data) {
        w->out->status = FN_ENOMEM;
        return;
    }
    for (size_t i = 0; i < n; i++)
        data[i] = value;
    fn_message_floats(w->out, name, 4, dim, data);
    fn_free(data);
}

/* --- convolutions and products --- */

/* The convolution's weights with its batch norm in them. */
static void folded(writer *w, const char *kernel_name, const char *bias_name)
{
    const fn_param *p = param(w, 0);
    int64_t out = p->shape.dim[0];
    float *kernel = fn_alloc((size_t)p->count, sizeof *kernel);
    float *bias = fn_alloc((size_t)out, sizeof *bias);
    if (kernel && bias) {
        fn_lower_fold(kernel, bias, w->node, w->params);
        fn_message_floats(w->out, kernel_name, 4, p->shape.dim, kernel);
        fn_message_floats(w->out, bias_name, 1, &out, bias);
    } else {
        w->out->status = FN_ENOMEM;
    }
    fn_free(kernel);
    fn_free(bias);
}

static void write_conv(writer *w)
{
    fn_conv a;
    memcpy(&a, w->node->attr, sizeof a);
    bool fold = w->node->fold[0] >= 0;
    label sum = a.relu ? part(w, "sum") : w->y, made = part(w, "bias");
    const char *kernel = param(w, 0)->name;
    const char *bias = fold || !a.bias ? made.text : param(w, 1)->name;
    const char *in[] = {w->x[0].text, kernel, bias};
    size_t node = fn_message_node(w->out, "Conv", in, a.bias ? 3 : 2, sum.text);
    window(w, a.kernel, a.kernel, a.stride, fn_window_pad(a.kernel, a.pad));
    fn_proto_end(w->out, node);
    if (a.relu)
        unary(w, "Relu", sum.text, w->y.text);
    if (fold) {
        folded(w, kernel, bias);
        return;
    }
    weight(w, 0, 4, param(w, 0)->shape.dim);
    if (a.bias)
        weight(w, 1, 1, param(w, 1)->shape.dim);
}

/* Features of an image count in the order C,H,W, on both sides. */
static void write_linear(writer *w)
{
    fn_linear a;
    memcpy(&a, w->node->attr, sizeof a);
    label flat = w->x[0];
    if (w->node->call.x[0].shape.rank == 4) {
        flat = part(w, "flat");
        unary(w, "Flatten", w->x[0].text, flat.text); /* its axis is 1 by default */
    }
    const fn_param *kernel = param(w, 0);
    const char *in[] = {flat.text, kernel->name, a.bias ? param(w, 1)->name : ""};
    size_t node = fn_message_node(w->out, "Gemm", in, a.bias ? 3 : 2, w->y.text);
    fn_message_attr_int(w->out, "transB", 1);
    fn_proto_end(w->out, node);
    weight(w, 0, 2, (int64_t[]){a.out, kernel->count / a.out});
    if (a.bias)
        weight(w, 1, 1, param(w, 1)->shape.dim);
}

/* --- pools --- */

static fn_pool pool_of(const writer *w)
{
    fn_pool a;
    memcpy(&a, w->node->attr, sizeof a);
    return a;
}

/* Each channel's sum under the window times `share`, padding counted as zeros. */
static void sum_pool(writer *w, const char *x, const char *y, float share)
{
    fn_pool a = pool_of(w);
    const int64_t *dim = w->node->call.x[0].shape.dim;
    int64_t height = a.kernel ? a.kernel : dim[2], width = a.kernel ? a.kernel : dim[3];
    label kernel = part(w, "share");
    size_t node = fn_message_node(w->out, "Conv", (const char *[]){x, kernel.text}, 2, y);
    window(w, height, width, a.kernel ? a.stride : 1, fn_window_pad(a.kernel, a.pad));
    fn_message_attr_int(w->out, "group", dim[1]);
    fn_proto_end(w->out, node);
    filled(w, kernel.text, (int64_t[]){dim[1], 1, height, width}, share);
}

static float share_of(const writer *w)
{
    fn_call c = w->node->call;
    c.attr = w->node->attr;
    return 1 / (float)fn_pool_taps(&c);
}

static void stock_pool(writer *w, const char *op, const char *y, bool padded);

/* LpPool gives the root of the sum. */
static void native_l2pool(writer *w)
{
    float share = sqrtf(share_of(w));
    label sum = part(w, "sum"), name = part(w, "share");
    if (pool_of(w).norm == FN_POOL_SUM) {
        stock_pool(w, "LpPool", w->y.text, false);
        return;
    }
    stock_pool(w, "LpPool", sum.text, false);
    binary(w, "Mul", sum.text, name.text, w->y.text);
    fn_message_floats(w->out, name.text, 1, (int64_t[]){1}, &share);
}

static void write_l2pool(writer *w)
{
    if (w->profile == FN_ONNX_NATIVE) {
        native_l2pool(w);
        return;
    }
    label square = part(w, "square"), mean = part(w, "mean");
    bool sum = pool_of(w).norm == FN_POOL_SUM;
    binary(w, "Mul", w->x[0].text, w->x[0].text, square.text);
    sum_pool(w, square.text, mean.text, sum ? 1 : share_of(w));
    unary(w, "Sqrt", mean.text, w->y.text);
}

/* A pool that ONNX has: `op` under a window, "Global" op for the whole plane. `padded`:
 * zeros around the image count in an average. */
static void stock_pool(writer *w, const char *op, const char *y, bool padded)
{
    fn_pool a = pool_of(w);
    char global[32];
    snprintf(global, sizeof global, "Global%s", op);
    const char *x = w->x[0].text;
    size_t node = fn_message_node(w->out, a.kernel ? op : global, &x, 1, y);
    if (a.kernel)
        window(w, a.kernel, a.kernel, a.stride, fn_window_pad(a.kernel, a.pad));
    if (padded)
        fn_message_attr_int(w->out, "count_include_pad", 1);
    fn_proto_end(w->out, node);
}

static void write_maxpool(writer *w)
{
    stock_pool(w, "MaxPool", w->y.text, false);
}

/* OpenCV divides by the taps inside the image, whatever count_include_pad says. */
static void write_avgpool(writer *w)
{
    fn_pool a = pool_of(w);
    bool padded = fn_window_pad(a.kernel, a.pad) > 0;
    if (padded && w->profile == FN_ONNX_PORTABLE)
        sum_pool(w, w->x[0].text, w->y.text, share_of(w));
    else
        stock_pool(w, "AveragePool", w->y.text, padded);
}

/* --- the rest --- */

static void write_relu(writer *w)
{
    unary(w, "Relu", w->x[0].text, w->y.text);
}

/* One slope a channel: [C, 1, 1] beside an image, [C] beside features. */
static void write_prelu(writer *w)
{
    const fn_param *slope = param(w, 0);
    binary(w, "PRelu", w->x[0].text, slope->name, w->y.text);
    weight(w, 0, w->node->call.x[0].shape.rank - 1, (int64_t[]){slope->count, 1, 1});
}

static void write_softmax(writer *w)
{
    const char *x = w->x[0].text;
    size_t node = fn_message_node(w->out, "Softmax", &x, 1, w->y.text);
    fn_message_attr_int(w->out, "axis", 1);
    fn_proto_end(w->out, node);
}

static void write_batchnorm(writer *w)
{
    fn_batchnorm a;
    memcpy(&a, w->node->attr, sizeof a);
    label norm = a.relu ? part(w, "norm") : w->y;
    const char *in[5] = {w->x[0].text};
    for (int k = 0; k < 4; k++) /* gain, shift, mean, variance: ONNX's order as well */
        in[1 + k] = param(w, k)->name;
    size_t node = fn_message_node(w->out, "BatchNormalization", in, 5, norm.text);
    fn_message_attr_float(w->out, "epsilon", a.eps);
    fn_proto_end(w->out, node);
    if (a.relu)
        unary(w, "Relu", norm.text, w->y.text);
    for (int k = 0; k < 4; k++)
        weight(w, k, 1, param(w, k)->shape.dim);
}

static void write_lrn(writer *w)
{
    fn_lrn a;
    const char *x = w->x[0].text;
    memcpy(&a, w->node->attr, sizeof a);
    size_t node = fn_message_node(w->out, "LRN", &x, 1, w->y.text);
    fn_message_attr_int(w->out, "size", a.size);
    fn_message_attr_float(w->out, "alpha", a.alpha);
    fn_message_attr_float(w->out, "beta", a.beta);
    fn_message_attr_float(w->out, "bias", a.k);
    fn_proto_end(w->out, node);
}

static void write_concat(writer *w)
{
    const char *in[FN_MAX_IN];
    int n = w->node->call.n_x;
    for (int k = 0; k < n; k++)
        in[k] = w->x[k].text;
    size_t node = fn_message_node(w->out, "Concat", in, n, w->y.text);
    fn_message_attr_int(w->out, "axis", 1);
    fn_proto_end(w->out, node);
}

/* ONNX's reductions, over one axis. */
static void reduce(writer *w, const char *op, const char *x, const char *y, int64_t axis,
                   bool keep)
{
    size_t node = fn_message_node(w->out, op, &x, 1, y);
    fn_message_attr_ints(w->out, "axes", &axis, 1);
    fn_message_attr_int(w->out, "keepdims", keep);
    fn_proto_end(w->out, node);
}

static void write_maxout(writer *w)
{
    fn_maxout a;
    memcpy(&a, w->node->attr, sizeof a);
    label shape = part(w, "shape"), pieces = part(w, "pieces");
    int64_t to[] = {0, w->node->call.y[0].shape.dim[1], a.pieces}; /* 0: N as it is */
    binary(w, "Reshape", w->x[0].text, shape.text, pieces.text);
    fn_message_ints(w->out, shape.text, to, 3);
    reduce(w, "ReduceMax", pieces.text, w->y.text, 2, false);
}

/* The portable form is the one that OpenCV 4.6 knows: it divides by nothing that has been
 * touched since ReduceL2, so a row of zeros, which LpNormalization leaves zero, is NAN. */
static void write_l2norm(writer *w)
{
    if (w->profile == FN_ONNX_NATIVE) { /* axis -1, p 2 by default */
        unary(w, "LpNormalization", w->x[0].text, w->y.text);
        return;
    }
    label length = part(w, "length");
    reduce(w, "ReduceL2", w->x[0].text, length.text, 1, true);
    binary(w, "Div", w->x[0].text, length.text, w->y.text);
}

/* Forks and reorders are the plan's; a lowered graph has none. */
static const struct {
    const char *op;
    void (*write)(writer *w);
} table[] = {
    {"avgpool", write_avgpool}, {"batchnorm", write_batchnorm},
    {"concat", write_concat},   {"conv", write_conv},
    {"l2norm", write_l2norm},   {"l2pool", write_l2pool},
    {"linear", write_linear},   {"lrn", write_lrn},
    {"maxout", write_maxout},   {"maxpool", write_maxpool},
    {"prelu", write_prelu},     {"relu", write_relu},
    {"softmax", write_softmax}, {NULL, NULL},
};

static fn_status write_node(writer *w, const fn_node *n)
{
    w->node = n;
    for (int k = 0; k < n->call.n_x; k++)
        w->x[k] = value_label(w->graph, n->x[k]);
    w->y = value_label(w->graph, n->y[0]);
    for (int i = 0; table[i].op; i++)
        if (strcmp(table[i].op, n->op->name) == 0) {
            table[i].write(w);
            return FN_OK;
        }
    return fn_fail(FN_EUNSUPPORTED,
                   "%s: op %s has no ONNX form: add it to export/onnx_ops.c", n->name,
                   n->op->name);
}

fn_status fn_onnx_ops_write(fn_proto *out, const fn_graph *g, const fn_params *p,
                            fn_onnx_profile profile)
{
    writer w = {.out = out, .graph = g, .params = p, .profile = profile};
    for (int i = 0; i < g->n_node; i++)
        FN_TRY(write_node(&w, &g->node[i]));
    return FN_OK;
}
