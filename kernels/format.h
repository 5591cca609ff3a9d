/* format.h -- blocked formats on the CPU: sizes and conversions from and to plain N,H,W,C. */
#ifndef FN_KERNELS_FORMAT_H
#define FN_KERNELS_FORMAT_H

#include "kernels/op.h"

int fn_format_block(fn_format f);                 /* 1, 8 or 16 */
const char *fn_format_name(fn_format f);          /* "nhwc", "nChw8c", "nChw16c" */
int64_t fn_format_numel(fn_shape s, fn_format f); /* elements stored, padding included */

/* The same values in another format; the padding of a blocked `to` becomes zero. Ranks other
 * than 4 are always plain. The buffers do not overlap. Threads as set by fn_threads_set. */
void fn_format_convert(float *to, fn_format to_format, const float *from,
                       fn_format from_format, fn_shape s);

/* For fn_kernel.choose: y as x is, whatever that is. */
void fn_format_keep(fn_call *c);

typedef struct fn_reorder {
    fn_format to;
} fn_reorder; /* attributes of the internal op `reorder` */

extern const fn_kernel fn_reorder_cpu;

#endif
