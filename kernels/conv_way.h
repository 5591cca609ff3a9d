/* conv_way.h -- the ways in which a convolution is computed on the CPU; private to them and to
 * conv_cpu.c, which chooses one when a call is prepared. */
#ifndef FN_KERNELS_CONV_WAY_H
#define FN_KERNELS_CONV_WAY_H

#include "kernels/conv.h"

/* prepare, load, release as in fn_kernel, but that the frame makes and frees the state. In
 * backward the first `masked` bytes of the workspace are the frame's. dy has the format of y and
 * the call's precision; it has gone through the ReLU, unless the way does that itself. */
typedef struct fn_conv_way {
    size_t size; /* of a state, which begins with a fn_conv_state */
    bool masks;  /* takes dy as it comes, and `masked` is 0 */
    fn_status (*prepare)(fn_call *c, size_t masked);
    fn_status (*load)(fn_call *c);
    fn_status (*forward)(const fn_call *c);
    fn_status (*back)(const fn_call *c, void *dy);   /* dx, which is wanted */
    fn_status (*back_w)(const fn_call *c, void *dy); /* dw and db, of which one is wanted */
    fn_status (*backward)(const fn_call *c); /* both in one, with masks; NULL: one by one */
    void (*release)(fn_call *c);             /* also what prepare has left half done */
    void (*describe)(const fn_call *c, char *text, size_t size);
} fn_conv_way;

typedef struct fn_conv_state {
    const fn_conv_way *way;
} fn_conv_state;

extern const fn_conv_way fn_conv_direct, fn_conv_winograd, fn_conv_implicit,
    fn_conv_u8; /* u8: forward alone */

/* As fn_kernel.choose, if this convolution can be one of bytes; else false. */
bool fn_conv_u8_choose(fn_call *c);

/* The formats that oneDNN's forward pass likes best. */
void fn_conv_direct_choose(fn_call *c);

#endif
