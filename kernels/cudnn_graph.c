/* A convolution's description as cuDNN's operation graph. Tensors are N,H,W,C with 16-byte
 * alignment. What a fusion keeps to itself is float and "virtual": with it and a bias of the
 * storage type, conv + bias + relu has engines that are compiled already; with another mixture
 * cuDNN 9.19 falls back to engines that it compiles at run time. */
#include "kernels/cudnn_backend.h"

#include <stdio.h>

static const char *const pass_name[FN_CUDNN_PASSES] = {
    [FN_CUDNN_FORWARD] = "forward",
    [FN_CUDNN_FORWARD_BIAS] = "forward+bias",
    [FN_CUDNN_FORWARD_BIAS_RELU] = "forward+bias+relu",
    [FN_CUDNN_DGRAD] = "dgrad",
    [FN_CUDNN_DGRAD_RELU] = "dgrad+relu",
    [FN_CUDNN_DGRAD_RELU_BIAS] = "dgrad+relu+bias",
    [FN_CUDNN_WGRAD] = "wgrad",
    [FN_CUDNN_WGRAD_F32] = "wgrad to f32",
};
static const char *const precision_name[] = {[FN_PRECISION_FP32] = "fp32",
                                             [FN_PRECISION_TF32] = "tf32",
                                             [FN_PRECISION_BF16] = "bf16"};

void fn_cudnn_text(char text[FN_CUDNN_TEXT], const fn_cudnn_conv *a)
{
    snprintf(text, FN_CUDNN_TEXT, "[%lld,%lld,%lld,%lld] %dx%d/%d pad %d to %lld, %s, %s",
             (long long)a->n, (long long)a->h, (long long)a->w, (long long)a->c, a->kernel,
             a->kernel, a->stride, a->pad, (long long)a->k, pass_name[a->pass],
             precision_name[a->precision]);
}

fn_status fn_cudnn_check(const fn_cudnn_conv *a)
{
    if (a->c % 8 != 0 || a->k % 8 != 0)
        return fn_fail(FN_EUNSUPPORTED,
                       "%lld and %lld channels: a GPU's convolution wants multiples of 8; "
                       "fill them up with zeros",
                       (long long)a->c, (long long)a->k);
    return FN_OK;
}

/* --- tensors --- */

typedef struct extent { /* in the order that cuDNN wants; the bytes lie with C innermost */
    int64_t n, c, h, w;
} extent;

static extent x_extent(const fn_cudnn_conv *a)
{
    return (extent){a->n, a->c, a->h, a->w};
}

static int64_t places(int64_t in, const fn_cudnn_conv *a) /* of the window */
{
    int64_t pad = a->pad;
    return (in + 2 * pad - a->kernel) / a->stride + 1;
}

static extent y_extent(const fn_cudnn_conv *a)
{
    return (extent){a->n, a->k, places(a->h, a), places(a->w, a)};
}

static extent w_extent(const fn_cudnn_conv *a)
{
    return (extent){a->k, a->c, a->kernel, a->kernel};
}

static extent per_channel(int64_t channels)
{
    return (extent){1, channels, 1, 1};
}

static cudnnDataType_t stored(const fn_cudnn_conv *a)
{
    return a->precision == FN_PRECISION_BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

static size_t bytes(extent e, cudnnDataType_t type)
{
    return (size_t)(e.n * e.c * e.h * e.w) * (type == CUDNN_DATA_BFLOAT16 ? 2 : 4);
}

fn_cudnn_sizes fn_cudnn_sizes_of(const fn_cudnn_conv *a)
{
    cudnnDataType_t type = stored(a), w = type;
    fn_cudnn_sizes s = {.x = bytes(x_extent(a), type), .y = bytes(y_extent(a), type)};
    switch (a->pass) {
    case FN_CUDNN_FORWARD_BIAS:
    case FN_CUDNN_FORWARD_BIAS_RELU:
        s.b = bytes(per_channel(a->k), type);
        break;
    case FN_CUDNN_DGRAD_RELU_BIAS:
        s.b = bytes(per_channel(a->c), CUDNN_DATA_FLOAT);
        s.dx = s.x;
        break;
    case FN_CUDNN_DGRAD_RELU:
        s.dx = s.x;
        break;
    case FN_CUDNN_DGRAD:
        s.dx = s.x;
        s.x = 0;
        break;
    case FN_CUDNN_WGRAD_F32:
        w = CUDNN_DATA_FLOAT;
        break;
    default:
        break;
    }
    s.w = bytes(w_extent(a), w);
    return s;
}

static fn_cudnn_part any_tensor(fn_cudnn_bag *b, int64_t id, extent e, cudnnDataType_t type,
                                bool inside)
{
    fn_cudnn_part t = fn_cudnn_add(b, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    int64_t dim[4] = {e.n, e.c, e.h, e.w}, alignment = 16;
    int64_t stride[4] = {e.c * e.h * e.w, 1, e.c * e.w, e.c};
    fn_cudnn_set(b, t, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
    fn_cudnn_set(b, t, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    fn_cudnn_set(b, t, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dim);
    fn_cudnn_set(b, t, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, stride);
    fn_cudnn_set(b, t, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
    fn_cudnn_set(b, t, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &inside);
    fn_cudnn_finish(b, t);
    return t;
}

static fn_cudnn_part tensor(fn_cudnn_bag *b, int64_t id, extent e, cudnnDataType_t type)
{
    return any_tensor(b, id, e, type, false);
}

/* The bag's size is as good an id as any: it grows with every tensor. */
static fn_cudnn_part inside(fn_cudnn_bag *b, extent e)
{
    return any_tensor(b, FN_CUDNN_INSIDE + b->n, e, CUDNN_DATA_FLOAT, true);
}

/* --- operations --- */

static fn_cudnn_part convolution(fn_cudnn_bag *b, const fn_cudnn_conv *a)
{
    fn_cudnn_part d = fn_cudnn_add(b, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    cudnnDataType_t type = CUDNN_DATA_FLOAT;
    cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    int64_t dims = 2, one[2] = {1, 1}, stride[2] = {a->stride, a->stride};
    int64_t pad[2] = {a->pad, a->pad};
    fn_cudnn_set(b, d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    fn_cudnn_set(b, d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1,
                 &mode);
    fn_cudnn_set(b, d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &dims);
    fn_cudnn_set(b, d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, one);
    fn_cudnn_set(b, d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, stride);
    fn_cudnn_set(b, d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, pad);
    fn_cudnn_set(b, d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, pad);
    fn_cudnn_finish(b, d);
    return d;
}

/* The three directions differ in the names of their attributes alone. */
typedef struct direction {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t conv, x, w, y, alpha, beta;
} direction;

static const direction forward = {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                                  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                                  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                                  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                                  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                                  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                                  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
static const direction dgrad = {
    CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
static const direction wgrad = {
    CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};

static fn_cudnn_part convolve(fn_cudnn_bag *b, const fn_cudnn_conv *a, const direction *d,
                              fn_cudnn_part x, fn_cudnn_part w, fn_cudnn_part y)
{
    fn_cudnn_part conv = convolution(b, a), op = fn_cudnn_add(b, d->type);
    float one = 1, zero = 0;
    fn_cudnn_link(b, op, d->conv, conv);
    fn_cudnn_link(b, op, d->x, x);
    fn_cudnn_link(b, op, d->w, w);
    fn_cudnn_link(b, op, d->y, y);
    fn_cudnn_set(b, op, d->alpha, CUDNN_TYPE_FLOAT, 1, &one);
    fn_cudnn_set(b, op, d->beta, CUDNN_TYPE_FLOAT, 1, &zero);
    fn_cudnn_finish(b, op);
    return op;
}

static fn_cudnn_part pointwise(fn_cudnn_bag *b, cudnnPointwiseMode_t mode)
{
    fn_cudnn_part d = fn_cudnn_add(b, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    cudnnDataType_t type = CUDNN_DATA_FLOAT;
    fn_cudnn_set(b, d, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
    fn_cudnn_set(b, d, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &type);
    fn_cudnn_finish(b, d);
    fn_cudnn_part op = fn_cudnn_add(b, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    fn_cudnn_link(b, op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, d);
    return op;
}

/* to = f(x), or with b: f(x, b). */
static fn_cudnn_part apply(fn_cudnn_bag *b, cudnnPointwiseMode_t mode, fn_cudnn_part x,
                           fn_cudnn_part second, fn_cudnn_part to)
{
    fn_cudnn_part op = pointwise(b, mode);
    fn_cudnn_link(b, op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    if (second)
        fn_cudnn_link(b, op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, second);
    fn_cudnn_link(b, op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, to);
    fn_cudnn_finish(b, op);
    return op;
}

/* dx = dy where x > 0, else 0. */
static fn_cudnn_part relu_back(fn_cudnn_bag *b, fn_cudnn_part dy, fn_cudnn_part x,
                               fn_cudnn_part dx)
{
    fn_cudnn_part op = pointwise(b, CUDNN_POINTWISE_RELU_BWD);
    fn_cudnn_link(b, op, CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, dy);
    fn_cudnn_link(b, op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    fn_cudnn_link(b, op, CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, dx);
    fn_cudnn_finish(b, op);
    return op;
}

/* Sums over all dimensions that are 1 in `to`. No numerical note tells of a reduction that adds
 * in varying order; the attribute does. */
static fn_cudnn_part sum(fn_cudnn_bag *b, fn_cudnn_part from, fn_cudnn_part to)
{
    fn_cudnn_part d = fn_cudnn_add(b, CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
    cudnnReduceTensorOp_t how = CUDNN_REDUCE_TENSOR_ADD;
    cudnnDataType_t type = CUDNN_DATA_FLOAT;
    bool same_bits = true;
    fn_cudnn_set(b, d, CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, 1,
                 &how);
    fn_cudnn_set(b, d, CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    fn_cudnn_set(b, d, CUDNN_ATTR_REDUCTION_IS_DETERMINISTIC, CUDNN_TYPE_BOOLEAN, 1,
                 &same_bits);
    fn_cudnn_finish(b, d);
    fn_cudnn_part op = fn_cudnn_add(b, CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
    fn_cudnn_link(b, op, CUDNN_ATTR_OPERATION_REDUCTION_XDESC, from);
    fn_cudnn_link(b, op, CUDNN_ATTR_OPERATION_REDUCTION_YDESC, to);
    fn_cudnn_link(b, op, CUDNN_ATTR_OPERATION_REDUCTION_DESC, d);
    fn_cudnn_finish(b, op);
    return op;
}

/* --- passes --- */

enum { MOST_OPS = 4 };

static int forward_ops(fn_cudnn_part *op, fn_cudnn_bag *b, const fn_cudnn_conv *a)
{
    extent e = y_extent(a);
    bool bias = a->pass != FN_CUDNN_FORWARD, relu = a->pass == FN_CUDNN_FORWARD_BIAS_RELU;
    fn_cudnn_part x = tensor(b, FN_CUDNN_X, x_extent(a), stored(a));
    fn_cudnn_part w = tensor(b, FN_CUDNN_W, w_extent(a), stored(a));
    fn_cudnn_part y = tensor(b, FN_CUDNN_Y, e, stored(a));
    fn_cudnn_part product = bias ? inside(b, e) : y, biased = relu ? inside(b, e) : y;
    int n = 0;
    op[n++] = convolve(b, a, &forward, x, w, product);
    if (bias)
        op[n++] = apply(b, CUDNN_POINTWISE_ADD, product,
                        tensor(b, FN_CUDNN_B, per_channel(a->k), stored(a)), biased);
    if (relu)
        op[n++] = apply(b, CUDNN_POINTWISE_RELU_FWD, biased, NULL, y);
    return n;
}

static int dgrad_ops(fn_cudnn_part *op, fn_cudnn_bag *b, const fn_cudnn_conv *a)
{
    extent e = x_extent(a);
    bool relu = a->pass != FN_CUDNN_DGRAD, bias = a->pass == FN_CUDNN_DGRAD_RELU_BIAS;
    fn_cudnn_part y = tensor(b, FN_CUDNN_Y, y_extent(a), stored(a));
    fn_cudnn_part w = tensor(b, FN_CUDNN_W, w_extent(a), stored(a));
    fn_cudnn_part dx = tensor(b, FN_CUDNN_DX, e, stored(a));
    fn_cudnn_part gradient = relu ? inside(b, e) : dx, masked = bias ? inside(b, e) : dx;
    int n = 0;
    op[n++] = convolve(b, a, &dgrad, gradient, w, y);
    if (relu)
        op[n++] = relu_back(b, gradient, tensor(b, FN_CUDNN_X, e, stored(a)), masked);
    if (bias) {
        op[n++] = sum(b, masked,
                      tensor(b, FN_CUDNN_B, per_channel(a->c), CUDNN_DATA_FLOAT));
        op[n++] = apply(b, CUDNN_POINTWISE_IDENTITY, masked, NULL, dx);
    }
    return n;
}

static int wgrad_ops(fn_cudnn_part *op, fn_cudnn_bag *b, const fn_cudnn_conv *a)
{
    extent e = w_extent(a);
    bool wider = a->pass == FN_CUDNN_WGRAD_F32 && stored(a) != CUDNN_DATA_FLOAT;
    fn_cudnn_part x = tensor(b, FN_CUDNN_X, x_extent(a), stored(a));
    fn_cudnn_part y = tensor(b, FN_CUDNN_Y, y_extent(a), stored(a));
    fn_cudnn_part w = tensor(b, FN_CUDNN_W, e, wider ? CUDNN_DATA_FLOAT : stored(a));
    fn_cudnn_part gradient = wider ? inside(b, e) : w;
    int n = 0;
    op[n++] = convolve(b, a, &wgrad, x, gradient, y);
    if (wider)
        op[n++] = apply(b, CUDNN_POINTWISE_IDENTITY, gradient, NULL, w);
    return n;
}

fn_cudnn_part fn_cudnn_graph(fn_cudnn_bag *b, const fn_cudnn_conv *a)
{
    fn_cudnn_part op[MOST_OPS];
    int n = a->pass <= FN_CUDNN_FORWARD_BIAS_RELU ? forward_ops(op, b, a)
            : a->pass <= FN_CUDNN_DGRAD_RELU_BIAS ? dgrad_ops(op, b, a)
                                                  : wgrad_ops(op, b, a);
    fn_cudnn_part graph = fn_cudnn_add(b, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    fn_cudnn_set(b, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, n,
                 op);
    fn_cudnn_finish(b, graph);
    return graph;
}
