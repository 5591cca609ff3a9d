/* onnx_run.h -- ONNX's own definitions of the operators that we write, in plain loops and sums
 * in double: a second opinion on an export that shares no code with our kernels. One image at
 * a time; slow. */
#ifndef FN_EXPORT_ONNX_RUN_H
#define FN_EXPORT_ONNX_RUN_H

#include "export/onnx_read.h"

/* What an operator computes with. */
typedef struct fn_onnx_call {
    const fn_onnx_node *node;
    const fn_onnx_value *x[FN_MAX_IN]; /* data is set */
    fn_onnx_value *y;
} fn_onnx_call;

/* Gives y its shape and room for it. */
fn_status fn_onnx_make(fn_onnx_call *c, fn_shape shape) FN_CHECKED;
/* FN_EDATA: an operator that we do not write so. */
fn_status fn_onnx_torn(const fn_onnx_call *c) FN_CHECKED __attribute__((cold));

/* y [D] of x [shape] (an input of one image; rank 4 is N,C,H,W, N = 1). *y lives until the next
 * run. Errors: FN_EDATA (shapes do not fit), FN_EUNSUPPORTED (an operator we do not write),
 * FN_ENOMEM. */
fn_status fn_onnx_run(fn_onnx_file *f, const float *x, fn_shape shape,
                      const fn_onnx_value **y) FN_CHECKED;

/* --- operators over windows: onnx_window.c --- */
fn_status fn_onnx_window_conv(fn_onnx_call *c) FN_CHECKED;
fn_status fn_onnx_window_pool(fn_onnx_call *c) FN_CHECKED; /* Max, Average, Lp, Global */

#endif
