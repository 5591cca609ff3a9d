/* gauge.h -- calibration for u8: the largest value that each convolution of a plan reads. */
#ifndef FN_NN_GAUGE_H
#define FN_NN_GAUGE_H

#include "nn/plan.h"

typedef struct fn_gauge fn_gauge;

/* Watches every forward pass of a plan of FN_CPU in float until it is closed, which comes before
 * the plan's end. Errors: FN_ENOMEM. */
fn_status fn_gauge_open(fn_gauge **out, fn_plan *p) FN_CHECKED;
void fn_gauge_close(fn_gauge *g);

/* For fn_plan_options.most, [n]; the gauge's. A convolution that has read a negative number
 * has 0. */
const float *fn_gauge_most(fn_gauge *g, int *n);

#endif
