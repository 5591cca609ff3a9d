/* conv.h -- the attributes of a convolution, for layers and kernels. */
#ifndef FN_KERNELS_CONV_H
#define FN_KERNELS_CONV_H

#include "kernels/window.h"

typedef struct fn_conv {
    int out, kernel, stride, pad, bias;
    int relu; /* y = max(0, ...): set by nn/lower.c; backward then reads y */
} fn_conv;

extern const fn_kernel fn_conv_cpu, fn_conv_cuda;

#endif
