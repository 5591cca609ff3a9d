/* onnx_window.c -- Conv and the pools, tap by tap (onnx/docs/Operators.md). */
#include "core/mem.h"
#include "export/onnx_run.h"

#include <math.h>
#include <string.h>

typedef struct window {
    int64_t height, width, down, right; /* kernel, strides */
    int64_t top, left;                  /* padding in front */
    fn_shape y;
} window;

/* `channels` out of x's windows; false when there is no window. */
static bool window_of(window *w, const fn_onnx_call *c, int64_t height, int64_t width,
                      int64_t channels)
{
    const fn_onnx_attr *a = &c->node->attr;
    const int64_t *in = c->x[0]->shape.dim;
    if (c->x[0]->shape.rank != 4 || height < 1 || width < 1 || a->strides[0] < 1 ||
        a->strides[1] < 1)
        return false;
    *w = (window){height, width, a->strides[0], a->strides[1], a->pads[0], a->pads[1], {0}};
    int64_t rows = in[2] + a->pads[0] + a->pads[2] - height;
    int64_t columns = in[3] + a->pads[1] + a->pads[3] - width;
    w->y = (fn_shape)FN_NCHW(in[0], channels, rows / w->down + 1, columns / w->right + 1);
    return in[0] == 1 && rows >= 0 && columns >= 0 && fn_numel(w->y) < INT32_MAX;
}

/* --- convolution --- */

/* Adds one tap's share to a row of the output. */
static void add_tap(double *sum, const float *row, double weight, const window *w,
                    int64_t in, int64_t tap)
{
    for (int64_t j = 0; j < w->y.dim[3]; j++) {
        int64_t at = j * w->right + tap - w->left;
        if (at >= 0 && at < in)
            sum[j] += weight * (double)row[at];
    }
}

/* Row i of output channel o; its group's input channels begin at `first`. */
static void conv_row(const fn_onnx_call *c, const window *w, int64_t o, int64_t i,
                     int64_t first, double *sum)
{
    const int64_t *in = c->x[0]->shape.dim;
    int64_t channels = c->x[1]->shape.dim[1];
    const float *weight = c->x[1]->data + o * channels * w->height * w->width;
    for (int64_t k = 0; k < channels * w->height; k++) {
        int64_t at = i * w->down + k % w->height - w->top;
        int64_t channel = first + k / w->height;
        if (at < 0 || at >= in[2])
            continue;
        const float *row = c->x[0]->data + (channel * in[2] + at) * in[3];
        for (int64_t tap = 0; tap < w->width; tap++)
            add_tap(sum, row, (double)weight[k * w->width + tap], w, in[3], tap);
    }
}

fn_status fn_onnx_window_conv(fn_onnx_call *c)
{
    const fn_shape *kernel = &c->x[1]->shape;
    int64_t out = kernel->dim[0], group = c->node->attr.group;
    window w;
    if (kernel->rank != 4 || group < 1 || out % group ||
        !window_of(&w, c, kernel->dim[2], kernel->dim[3], out) ||
        c->x[0]->shape.dim[1] != kernel->dim[1] * group ||
        (c->node->n_x > 2 && fn_numel(c->x[2]->shape) != out))
        return fn_onnx_torn(c);
    FN_TRY(fn_onnx_make(c, w.y));
    double *sum = fn_alloc((size_t)w.y.dim[3], sizeof *sum);
    if (!sum)
        return fn_fail(FN_ENOMEM, "no memory for a row of %s", c->y->name);
    for (int64_t r = 0; r < out * w.y.dim[2]; r++) {
        int64_t o = r / w.y.dim[2];
        for (int64_t j = 0; j < w.y.dim[3]; j++)
            sum[j] = c->node->n_x > 2 ? (double)c->x[2]->data[o] : 0;
        conv_row(c, &w, o, r % w.y.dim[2], o / (out / group) * kernel->dim[1], sum);
        for (int64_t j = 0; j < w.y.dim[3]; j++)
            c->y->data[r * w.y.dim[3] + j] = (float)sum[j];
    }
    fn_free(sum);
    return FN_OK;
}

/* --- pools --- */

/* What the taps inside the image come to. */
typedef struct tally {
    double most, sum, square;
    int64_t taps;
} tally;

static tally count(const fn_onnx_call *c, const window *w, int64_t channel, int64_t i,
                   int64_t j)
{
    const int64_t *in = c->x[0]->shape.dim;
    tally t = {-INFINITY, 0, 0, 0};
    for (int64_t k = 0; k < w->height * w->width; k++) {
        int64_t y = i * w->down + k / w->width - w->top;
        int64_t x = j * w->right + k % w->width - w->left;
        if (y < 0 || y >= in[2] || x < 0 || x >= in[3])
            continue;
        double v = (double)c->x[0]->data[(channel * in[2] + y) * in[3] + x];
        t.most = fmax(t.most, v);
        t.sum += v;
        t.square += v * v;
        t.taps++;
    }
    return t;
}

fn_status fn_onnx_window_pool(fn_onnx_call *c)
{
    const fn_onnx_attr *a = &c->node->attr;
    const int64_t *in = c->x[0]->shape.dim;
    bool global = strncmp(c->node->op, "Global", 6) == 0;
    char kind = c->node->op[global ? 6 : 0]; /* Max, Average, Lp */
    window w;
    if (!window_of(&w, c, global ? in[2] : a->kernel_shape[0],
                   global ? in[3] : a->kernel_shape[1], in[1]))
        return fn_onnx_torn(c);
    FN_TRY(fn_onnx_make(c, w.y));
    int64_t plane = w.y.dim[2] * w.y.dim[3];
    for (int64_t k = 0; k < in[1] * plane; k++) {
        tally t = count(c, &w, k / plane, k % plane / w.y.dim[3], k % w.y.dim[3]);
        int64_t taps = a->count_include_pad ? w.height * w.width : t.taps;
        double v = kind == 'M'   ? t.most
                   : kind == 'A' ? t.sum / (double)taps
                                 : sqrt(t.square);
        c->y->data[k] = (float)v;
    }
    return FN_OK;
}
