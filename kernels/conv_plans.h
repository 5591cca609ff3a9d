/* conv_plans.h -- cuDNN's plans for the passes of one convolution and the weights as it wants them,
 * for the kernels that make one. */
#ifndef FN_KERNELS_CONV_PLANS_H
#define FN_KERNELS_CONV_PLANS_H

#include "kernels/conv.h"
#include "kernels/cudnn.h"

typedef struct fn_conv_plans {
    fn_cudnn_plan *forward, *back, *back_w; /* the last two in training */
    fn_type dw;                             /* of the kernel's gradient as cuDNN gives it */
    void *w,
        *b; /* copies on the device: [K, R, R, C] in the type of x, [K] zeros at first */
    size_t w_bytes; /* with room for floats */
} fn_conv_plans;

/* `what` but for its pass and precision, which are the call's; forward with the bias and the ReLU
 * that are asked for. Zeroed before; what is open stays open on failure, for the release. Errors:
 * those of fn_cudnn_plan_open, FN_ENOMEM. */
fn_status fn_conv_plans_open(fn_conv_plans *p, const fn_call *c, fn_cudnn_conv what,
                             int bias, int relu) FN_CHECKED;

/* The frame of such a kernel, whose state of `bytes` begins with its plans: prepare, which is
 * `open` in a state of zeros, release and describe. */
fn_status fn_conv_plans_prepare(fn_call *c, size_t bytes,
                                fn_status (*open)(fn_call *c)) FN_CHECKED;
void fn_conv_plans_release(fn_call *c);
/* "cudnn 41; bwd_d 67; bwd_w 65": engines. */
void fn_conv_plans_describe(const fn_call *c, char *text, size_t size);

/* A pass wants so many bytes of workspace. */
static inline void fn_conv_plans_want(fn_call *c, size_t bytes)
{
    if (bytes > c->workspace_bytes)
        c->workspace_bytes = bytes;
}

#endif
