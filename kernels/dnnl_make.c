/* dnnl_make -- describing oneDNN primitives, for its versions 2.x and 3.x.
 *
 * In 2.x a layout is a struct and a primitive is described through an operation descriptor;
 * in 3.x a layout is allocated and a primitive is described at once. The first half of this
 * file says each thing in both ways; the second half knows no versions. */
#include "kernels/dnnl.h"

enum { X, W, B, Y, LAYOUTS };

/* What a description is made of; an unused layout is {0}. */
typedef struct parts {
    dnnl_memory_desc_t layout[LAYOUTS];
    dnnl_dims_t stride, dilation, pad;
    dnnl_primitive_attr_t attr;
    const_dnnl_primitive_desc_t forward;
} parts;

static dnnl_prop_kind_t forward_kind(fn_dnnl_pass pass)
{
    return pass == FN_DNNL_INFER ? dnnl_forward_inference : dnnl_forward_training;
}

static unsigned batchnorm_flags(fn_dnnl_pass pass, const fn_dnnl_batchnorm *a)
{
    unsigned flags = (unsigned)dnnl_use_scale | (unsigned)dnnl_use_shift;
    if (pass == FN_DNNL_INFER)
        flags |= (unsigned)dnnl_use_global_stats;
    if (a->relu)
        flags |= (unsigned)dnnl_fuse_norm_relu;
    return flags;
}

#if DNNL_VERSION_MAJOR < 3

typedef const dnnl_memory_desc_t *layout_ref;

static dnnl_status_t layout_make(dnnl_memory_desc_t *l, int rank, const dnnl_dims_t dim,
                                 dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_init_by_tag(l, rank, dim, type, tag);
}

static void layout_close(dnnl_memory_desc_t *l)
{
    (void)l; /* owns nothing */
}

static layout_ref at(const parts *p, int i)
{
    return &p->layout[i];
}

static dnnl_status_t append_relu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0);
}

static dnnl_status_t put_scales(dnnl_primitive_attr_t attr, const float *scale, int64_t n)
{
    return dnnl_primitive_attr_set_output_scales(attr, n, 1 << 1, scale);
}

int fn_dnnl_make_scale_id(void)
{
    return DNNL_ARG_ATTR_OUTPUT_SCALES;
}

bool fn_dnnl_make_scales_bias(void)
{
    return true;
}

dnnl_status_t fn_dnnl_make_scales(dnnl_memory_t *out, int64_t n)
{
    (void)out, (void)n; /* the description has them */
    return dnnl_success;
}

static dnnl_status_t describe(dnnl_primitive_desc_t *out, dnnl_status_t s, const void *desc,
                              const parts *p)
{
    return s ? s
             : dnnl_primitive_desc_create(out, desc, p->attr, fn_dnnl_engine(), p->forward);
}

static dnnl_status_t describe_conv(dnnl_primitive_desc_t *out, fn_dnnl_pass pass,
                                   const parts *p)
{
    const dnnl_alg_kind_t direct = dnnl_convolution_direct;
    dnnl_convolution_desc_t d;
    dnnl_status_t s;
    if (pass == FN_DNNL_BACK)
        s = dnnl_convolution_backward_data_desc_init(&d, direct, at(p, X), at(p, W),
                                                     at(p, Y), p->stride, p->pad, p->pad);
    else if (pass == FN_DNNL_BACK_W)
        s = dnnl_convolution_backward_weights_desc_init(
            &d, direct, at(p, X), at(p, W), at(p, B), at(p, Y), p->stride, p->pad, p->pad);
    else
        s = dnnl_convolution_forward_desc_init(&d, forward_kind(pass), direct, at(p, X),
                                               at(p, W), at(p, B), at(p, Y), p->stride,
                                               p->pad, p->pad);
    return describe(out, s, &d, p);
}

static dnnl_status_t describe_batchnorm(dnnl_primitive_desc_t *out, fn_dnnl_pass pass,
                                        const fn_dnnl_batchnorm *a, const parts *p)
{
    unsigned flags = batchnorm_flags(pass, a);
    dnnl_batch_normalization_desc_t d;
    dnnl_status_t s;
    if (pass == FN_DNNL_BACK)
        s = dnnl_batch_normalization_backward_desc_init(&d, dnnl_backward, at(p, X),
                                                        at(p, X), a->eps, flags);
    else
        s = dnnl_batch_normalization_forward_desc_init(&d, forward_kind(pass), at(p, X),
                                                       a->eps, flags);
    return describe(out, s, &d, p);
}

bool fn_dnnl_make_takes_shift(void)
{
    return true;
}

#else

typedef const_dnnl_memory_desc_t layout_ref;

static dnnl_status_t layout_make(dnnl_memory_desc_t *l, int rank, const dnnl_dims_t dim,
                                 dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_create_with_tag(l, rank, dim, type, tag);
}

static void layout_close(dnnl_memory_desc_t *l)
{
    dnnl_memory_desc_destroy(*l);
}

static layout_ref at(const parts *p, int i)
{
    return p->layout[i];
}

static dnnl_status_t append_relu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0, 0);
}

static dnnl_status_t put_scales(dnnl_primitive_attr_t attr, const float *scale, int64_t n)
{
    (void)scale, (void)n; /* an argument of a run */
    return dnnl_primitive_attr_set_scales_mask(attr, DNNL_ARG_WEIGHTS, 1 << 0);
}

int fn_dnnl_make_scale_id(void)
{
    return DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS;
}

bool fn_dnnl_make_scales_bias(void)
{
    return false;
}

dnnl_status_t fn_dnnl_make_scales(dnnl_memory_t *out, int64_t n)
{
    dnnl_memory_desc_t layout;
    dnnl_status_t s = dnnl_memory_desc_create_with_tag(&layout, 1, (dnnl_dims_t){n},
                                                       dnnl_f32, dnnl_a);
    if (s)
        return s;
    s = dnnl_memory_create(out, layout, fn_dnnl_engine(), DNNL_MEMORY_NONE);
    dnnl_memory_desc_destroy(layout);
    return s;
}

static dnnl_status_t describe_conv(dnnl_primitive_desc_t *out, fn_dnnl_pass pass,
                                   const parts *p)
{
    const dnnl_alg_kind_t direct = dnnl_convolution_direct;
    if (pass == FN_DNNL_BACK)
        return dnnl_convolution_backward_data_primitive_desc_create(
            out, fn_dnnl_engine(), direct, at(p, X), at(p, W), at(p, Y), p->stride,
            p->dilation, p->pad, p->pad, p->forward, p->attr);
    if (pass == FN_DNNL_BACK_W)
        return dnnl_convolution_backward_weights_primitive_desc_create(
            out, fn_dnnl_engine(), direct, at(p, X), at(p, W), at(p, B), at(p, Y),
            p->stride, p->dilation, p->pad, p->pad, p->forward, p->attr);
    return dnnl_convolution_forward_primitive_desc_create(
        out, fn_dnnl_engine(), forward_kind(pass), direct, at(p, X), at(p, W), at(p, B),
        at(p, Y), p->stride, p->dilation, p->pad, p->pad, p->attr);
}

static dnnl_status_t describe_batchnorm(dnnl_primitive_desc_t *out, fn_dnnl_pass pass,
                                        const fn_dnnl_batchnorm *a, const parts *p)
{
    unsigned flags = batchnorm_flags(pass, a);
    if (pass == FN_DNNL_BACK)
        return dnnl_batch_normalization_backward_primitive_desc_create(
            out, fn_dnnl_engine(), dnnl_backward, at(p, X), at(p, X), at(p, X), a->eps,
            flags, p->forward, p->attr);
    return dnnl_batch_normalization_forward_primitive_desc_create(
        out, fn_dnnl_engine(), forward_kind(pass), at(p, X), at(p, X), a->eps, flags,
        p->attr);
}

bool fn_dnnl_make_takes_shift(void)
{
    return false;
}

#endif

/* --- no versions from here on --- */

fn_dnnl_view fn_dnnl_value(fn_shape s, fn_format f, dnnl_data_type_t t)
{
    dnnl_format_tag_t tag = f == FN_BLOCK16  ? dnnl_nChw16c
                            : f == FN_BLOCK8 ? dnnl_nChw8c
                                             : dnnl_nhwc;
    return (fn_dnnl_view){s, tag, t};
}

fn_dnnl_view fn_dnnl_rows(fn_shape s)
{
    return (fn_dnnl_view){s, s.rank == 1 ? dnnl_a : dnnl_abcd, dnnl_f32};
}

fn_dnnl_view fn_dnnl_free(fn_shape s)
{
    return (fn_dnnl_view){s, dnnl_format_tag_any, dnnl_f32};
}

dnnl_data_type_t fn_dnnl_type(fn_type t)
{
    return t == FN_BF16 ? dnnl_bf16
           : t == FN_U8 ? dnnl_u8
           : t == FN_S8 ? dnnl_s8
                        : dnnl_f32;
}

static dnnl_status_t layout_open(dnnl_memory_desc_t *l, fn_dnnl_view v)
{
    dnnl_dims_t dim = {v.shape.dim[0], v.shape.dim[1], v.shape.dim[2], v.shape.dim[3]};
    return layout_make(l, v.shape.rank, dim, v.type, v.tag);
}

static dnnl_status_t attr_open(dnnl_primitive_attr_t *attr)
{
    dnnl_status_t s = dnnl_primitive_attr_create(attr);
    return s ? s
             : dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
}

static dnnl_status_t put_relu(dnnl_primitive_attr_t attr)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t s = dnnl_post_ops_create(&ops);
    s = s ? s : append_relu(ops);
    s = s ? s : dnnl_primitive_attr_set_post_ops(attr, ops);
    dnnl_post_ops_destroy(ops);
    return s;
}

static dnnl_status_t parts_open(parts *p, const fn_dnnl_view view[LAYOUTS],
                                const fn_dnnl_op *forward)
{
    dnnl_status_t s = attr_open(&p->attr);
    p->forward = forward ? forward->desc : NULL;
    for (int i = 0; i < LAYOUTS && !s; i++)
        if (view[i].shape.rank)
            s = layout_open(&p->layout[i], view[i]);
    return s;
}

static void parts_close(parts *p)
{
    for (int i = 0; i < LAYOUTS; i++)
        layout_close(&p->layout[i]);
    dnnl_primitive_attr_destroy(p->attr);
}

fn_status fn_dnnl_make_conv(fn_dnnl_op *out, fn_dnnl_pass pass, const fn_dnnl_conv *a,
                            const fn_dnnl_op *forward)
{
    parts p = {0};
    *out = (fn_dnnl_op){0};
    FN_TRY(fn_dnnl_start());
    p.stride[0] = p.stride[1] = a->stride;
    p.pad[0] = p.pad[1] = a->pad;
    bool ahead = pass == FN_DNNL_INFER || pass == FN_DNNL_TRAIN;
    int64_t channels = a->w.shape.dim[0];
    dnnl_status_t s = parts_open(&p, (fn_dnnl_view[]){a->x, a->w, a->b, a->y}, forward);
    if (!s && ahead && a->relu)
        s = put_relu(p.attr);
    if (!s && ahead && a->scale)
        s = put_scales(p.attr, a->scale, channels);
    s = s ? s : describe_conv(&out->desc, pass, &p);
    out->scales = !fn_dnnl_make_scales_bias() && a->scale ? channels : 0;
    parts_close(&p);
    return fn_dnnl_check(s, "a convolution");
}

fn_status fn_dnnl_make_batchnorm(fn_dnnl_op *out, fn_dnnl_pass pass,
                                 const fn_dnnl_batchnorm *a, const fn_dnnl_op *forward)
{
    parts p = {0};
    *out = (fn_dnnl_op){0};
    FN_TRY(fn_dnnl_start());
    dnnl_status_t s = parts_open(&p, (fn_dnnl_view[LAYOUTS]){[X] = a->x}, forward);
    s = s ? s : describe_batchnorm(&out->desc, pass, a, &p);
    parts_close(&p);
    return fn_dnnl_check(s, "a batch normalisation");
}

bool fn_dnnl_format(const fn_dnnl_op *op, int id, fn_shape s, fn_format *format)
{
    static const fn_format formats[] = {FN_BLOCK16, FN_BLOCK8, FN_PLAIN};
    bool found = false;
    for (int i = 0; i < FN_FORMATS && !found; i++) {
        parts p = {0};
        if (layout_open(&p.layout[X], fn_dnnl_value(s, formats[i], dnnl_f32)) ==
            dnnl_success)
            found = dnnl_memory_desc_equal(
                at(&p, X),
                dnnl_primitive_desc_query_md(op->desc, dnnl_query_exec_arg_md, id));
        layout_close(&p.layout[X]);
        *format = formats[i];
    }
    return found;
}

/* `inward`: from the view to the argument. */
static fn_status make_port(fn_dnnl_port *out, const fn_dnnl_op *op, int id, fn_dnnl_view v,
                           bool inward)
{
    parts p = {0};
    layout_ref inner = dnnl_primitive_desc_query_md(op->desc, dnnl_query_exec_arg_md, id);
    *out = (fn_dnnl_port){0};
    dnnl_status_t s = layout_open(&p.layout[X], v);
    if (!s && !dnnl_memory_desc_equal(at(&p, X), inner)) {
        out->bytes = dnnl_memory_desc_get_size(inner);
        s = dnnl_reorder_primitive_desc_create(&out->move.desc, inward ? at(&p, X) : inner,
                                               fn_dnnl_engine(), inward ? inner : at(&p, X),
                                               fn_dnnl_engine(), NULL);
    }
    parts_close(&p);
    FN_TRY(fn_dnnl_check(s, "a change of layout"));
    return out->bytes ? fn_dnnl_compile(&out->move) : FN_OK;
}

fn_status fn_dnnl_port_in(fn_dnnl_port *out, const fn_dnnl_op *op, int id,
                          fn_dnnl_view from)
{
    return make_port(out, op, id, from, true);
}

fn_status fn_dnnl_port_out(fn_dnnl_port *out, const fn_dnnl_op *op, int id, fn_dnnl_view to)
{
    return make_port(out, op, id, to, false);
}
