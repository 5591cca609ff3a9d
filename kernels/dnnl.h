/* dnnl.h -- oneDNN in the few words the CPU kernels need; the only includer of <dnnl.h>.
 *
 * A view is a shape with a layout. An op is one oneDNN primitive with its arguments. A port
 * joins an argument of an op with a tensor of ours that may lie in another layout.
 *
 * Life of an op: fn_dnnl_make_* describes it (choose() stops there and asks for formats) ->
 * fn_dnnl_compile -> fn_dnnl_run, ... -> fn_dnnl_release. An op that is {0} is empty: it may be
 * released, and nothing else.
 *
 * Versions 2.x and 3.x describe primitives and layouts in different ways; all of that is in
 * dnnl_make.c. */
#ifndef FN_KERNELS_DNNL_H
#define FN_KERNELS_DNNL_H

#include "kernels/op.h"

#include <dnnl.h>

enum { FN_DNNL_ARGS = 16 };

typedef struct fn_dnnl_op {
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive; /* NULL until compiled */
    int64_t scales;             /* of fn_dnnl_conv.scale, where a run brings them; else 0 */
    int n_arg;
    dnnl_exec_arg_t arg[FN_DNNL_ARGS]; /* memory objects, pointed anew in each run */
} fn_dnnl_op;

/* --- views --- */

typedef struct fn_dnnl_view {
    fn_shape shape; /* rank 0: absent */
    dnnl_format_tag_t tag;
    dnnl_data_type_t type;
} fn_dnnl_view;

fn_dnnl_view fn_dnnl_value(fn_shape s, fn_format f,
                           dnnl_data_type_t t); /* as our formats lie */
/* Of float: a user that wants another type sets it. */
fn_dnnl_view fn_dnnl_rows(fn_shape s);    /* dense in logical order: how weights are kept */
fn_dnnl_view fn_dnnl_free(fn_shape s);    /* oneDNN may choose */
dnnl_data_type_t fn_dnnl_type(fn_type t); /* of all but FN_F64 */

/* --- describing (dnnl_make.c) --- */

typedef enum fn_dnnl_pass {
    FN_DNNL_INFER,
    FN_DNNL_TRAIN,  /* forward, with what backward needs */
    FN_DNNL_BACK,   /* the gradient of x; batch norm: of its weights too */
    FN_DNNL_BACK_W, /* the gradients of the weights */
} fn_dnnl_pass;

typedef struct fn_dnnl_conv {
    fn_dnnl_view x, w, b, y; /* b absent: no bias */
    int64_t stride, pad;     /* the same in both directions and on all sides */
    bool relu;               /* forward only */
    /* [O], forward only: y = scale sum + b in 3.x, scale (sum + b) in 2.x; NULL: 1. Read while it
     * is described, in 2.x, or when it runs: see fn_dnnl_make_scale_id. */
    const float *scale;
} fn_dnnl_conv;

/* Training: batch statistics; FN_DNNL_INFER: mean and variance are inputs. */
typedef struct fn_dnnl_batchnorm {
    fn_dnnl_view x;
    float eps;
    bool relu;
} fn_dnnl_batchnorm;

/* `forward` is the description whose gradient is wanted; NULL in the forward passes.
 * Errors: FN_EUNSUPPORTED, FN_ENOMEM, FN_EDEVICE; `out` is then empty. */
fn_status fn_dnnl_make_conv(fn_dnnl_op *out, fn_dnnl_pass pass, const fn_dnnl_conv *a,
                            const fn_dnnl_op *forward) FN_CHECKED;
fn_status fn_dnnl_make_batchnorm(fn_dnnl_op *out, fn_dnnl_pass pass,
                                 const fn_dnnl_batchnorm *a,
                                 const fn_dnnl_op *forward) FN_CHECKED;

/* Whether batch norm's backward takes the shift, on which no gradient depends: 2.x insists on
 * it, 3.x refuses it. */
bool fn_dnnl_make_takes_shift(void);

/* The argument that brings a convolution's scales when it runs, in 3.x; in 2.x no op has it. */
int fn_dnnl_make_scale_id(void);
bool fn_dnnl_make_scales_bias(void);
dnnl_status_t fn_dnnl_make_scales(dnnl_memory_t *out, int64_t n); /* for n of them */

/* The format of argument `id` (DNNL_ARG_...) of an op, of floats; false when it is none of ours. */
bool fn_dnnl_format(const fn_dnnl_op *op, int id, fn_shape s, fn_format *format);

/* --- running --- */

/* Generates the code and makes the memory objects of all arguments. */
fn_status fn_dnnl_compile(fn_dnnl_op *op) FN_CHECKED;

typedef struct fn_dnnl_arg {
    int id; /* DNNL_ARG_..., never 0 for an argument */
    void *data;
} fn_dnnl_arg;

/* Runs with these arguments, {0} at the end. Ids that the op does not have and data that are
 * NULL are passed over, so that a caller may always offer a bias or a scratchpad; what the op
 * cannot do without is FN_EINTERNAL. Not for two threads at once. */
fn_status fn_dnnl_run(const fn_dnnl_op *op, const fn_dnnl_arg *arg) FN_CHECKED;

/* Bytes of argument `id`, 0 when the op has none. All ops take their scratchpad from the
 * caller: DNNL_ARG_SCRATCHPAD. */
size_t fn_dnnl_bytes(const fn_dnnl_op *op, int id);

const char *fn_dnnl_name(const fn_dnnl_op *op); /* of the implementation; never NULL */
bool fn_dnnl_is_slow(const fn_dnnl_op *op);     /* a reference implementation: 100 times */
void fn_dnnl_release(fn_dnnl_op *op);

/* Maps a status of oneDNN; the sentence says what was being done. */
fn_status fn_dnnl_check(dnnl_status_t s, const char *doing) FN_CHECKED;

/* The one engine and stream of the process. Call after fn_dnnl_start has succeeded. */
fn_status fn_dnnl_start(void) FN_CHECKED;
dnnl_engine_t fn_dnnl_engine(void);

/* Whether the processor multiplies bf16, so far as oneDNN may use it (ONEDNN_MAX_CPU_ISA). */
bool fn_dnnl_has_bf16(void);
/* Whether it adds products of bytes in 32 bits. */
bool fn_dnnl_has_vnni(void);

/* --- ports --- */

typedef struct fn_dnnl_port {
    fn_dnnl_op move;
    size_t bytes; /* of the buffer it needs; 0: the layouts agree, nothing moves */
    size_t at;    /* where its owner has put that buffer */
} fn_dnnl_port;

/* Between an argument of a described op and a tensor outside, which is what it reads (in) or
 * writes (out). */
fn_status fn_dnnl_port_in(fn_dnnl_port *out, const fn_dnnl_op *op, int id,
                          fn_dnnl_view from) FN_CHECKED;
fn_status fn_dnnl_port_out(fn_dnnl_port *out, const fn_dnnl_op *op, int id,
                           fn_dnnl_view to) FN_CHECKED;

/* *data, or the port's buffer inside `base` filled from *data. */
fn_status fn_dnnl_bring(const fn_dnnl_port *p, void **data, void *base) FN_CHECKED;

/* Where the op shall write what is meant for `data`; then the move to `data`. */
void *fn_dnnl_place(const fn_dnnl_port *p, void *data, void *base);
fn_status fn_dnnl_deliver(const fn_dnnl_port *p, void *data, void *base) FN_CHECKED;

/* Reserves `bytes` at the end of a buffer of *size bytes; returns their offset, 64-aligned. */
size_t fn_dnnl_reserve(size_t *size, size_t bytes);

#endif
