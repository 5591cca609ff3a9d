/* format.h -- blocked formats on the CPU: sizes and conversions from and to plain N,H,W,C. */
#ifndef FN_KERNELS_FORMAT_H
#define FN_KERNELS_FORMAT_H

#include "kernels/op.h"

int fn_format_block(fn_format f);                 /* 1, 8 or 16 */
const char *fn_format_name(fn_format f);          /* "nhwc", "nChw8c", "nChw16c" */
int64_t fn_format_numel(fn_shape s, fn_format f); /* elements stored, padding included */

/* The values of `from` in the format, type and step of `to`, which has the same shape; the padding
 * of a blocked `to` becomes zero. Ranks other than 4 are always plain. The buffers do not overlap.
 * Threads as set by fn_threads_set. */
void fn_format_convert(fn_tensor to, fn_tensor from);

const char *fn_format_type(fn_type t); /* "f32", "bf16", "f64", "u8", "s8" */

/* For fn_kernel.choose: y lies as x does, whatever that is. */
void fn_format_keep(fn_call *c);
/* The same where y has other numbers than x: in u8 they are bytes of their own range, if they
 * may. */
void fn_format_give(fn_call *c);

typedef struct fn_reorder {
    fn_format to;
    fn_type type;
    float step; /* of bytes */
} fn_reorder;   /* attributes of the internal op `reorder` */

extern const fn_kernel fn_reorder_cpu;

#endif
