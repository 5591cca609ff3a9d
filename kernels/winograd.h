/* winograd.h -- 3x3 convolutions of stride 1 with a quarter of the multiplications, 5x5 with a
 * third. */
#ifndef FN_KERNELS_WINOGRAD_H
#define FN_KERNELS_WINOGRAD_H

#include "kernels/op.h"

/* One convolution's sizes; the network's side (x, then y) is in any format of ours. */
typedef struct fn_winograd {
    fn_shape x, y;
    fn_format x_format, y_format;
    fn_type x_type, y_type; /* FN_F32 or FN_BF16, the gradients' as well */
    int kernel;             /* 3 or 5 */
    int64_t high, wide;     /* tiles of an image */
    const struct fn_winograd_stages
        *stages; /* for the processor and the formats; NULL: none */
} fn_winograd;

/* Whether the call of a conv is of the kind that gains; formats are final. */
bool fn_winograd_fits(const fn_call *c);
fn_winograd fn_winograd_of(const fn_call *c);

/* Floats of the kernel transformed, for forward or for the gradient of x. */
int64_t fn_winograd_floats(const fn_winograd *g);
/* Bytes of scratch that each pass wants, for as many threads as there are now. */
size_t fn_winograd_scratch(const fn_winograd *g);

/* w [O, C, k, k] -> u for forward; `back`: for the gradient of x. */
void fn_winograd_pack(float *u, const fn_winograd *g, const float *w, bool back);

/* bias may be NULL. */
void fn_winograd_forward(const fn_winograd *g, void *y, const void *x, const float *u,
                         const float *bias, bool relu, void *scratch);
/* Where `masked`, forward's y, is not NULL, dy counts where that is positive. */
void fn_winograd_back(const fn_winograd *g, void *dx, const void *dy, const void *masked,
                      const float *u, void *scratch);
/* dw or db may be NULL. */
void fn_winograd_back_w(const fn_winograd *g, float *dw, float *db, const void *x,
                        const void *dy, const void *masked, void *scratch);

#endif
