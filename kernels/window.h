/* window.h -- the arithmetic that convolutions and pools share. */
#ifndef FN_KERNELS_WINDOW_H
#define FN_KERNELS_WINDOW_H

#include "kernels/op.h"

enum { FN_SAME, FN_VALID };

/* Rows or columns added on the left; the right gets what makes the sizes meet. "Same" is
 * kernel/2 on both sides, as Caffe and Torch pad, not TensorFlow's uneven rule. */
static inline int fn_window_pad(int kernel, int pad)
{
    return pad == FN_SAME ? kernel / 2 : 0;
}

static inline int64_t fn_window_out(int64_t in, int kernel, int stride, int pad)
{
    int64_t room = in + 2 * (int64_t)fn_window_pad(kernel, pad) - kernel;
    return room < 0 ? 0 : room / stride + 1;
}

#endif
