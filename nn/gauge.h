/* gauge.h -- calibration for u8: the range of each value of a plan. */
#ifndef FN_NN_GAUGE_H
#define FN_NN_GAUGE_H

#include "nn/plan.h"

typedef struct fn_gauge fn_gauge;

/* With the plan in float of what fn_plan_open with `o` would be in u8, loaded; it watches every
 * forward pass. Errors: those of fn_plan_open. */
fn_status fn_gauge_open(fn_gauge **out, const fn_graph *g, fn_params *p,
                        fn_plan_options o) FN_CHECKED;
void fn_gauge_close(fn_gauge *g);
fn_plan *fn_gauge_plan(const fn_gauge *g);

/* For fn_plan_options.range, [n]; the gauge's. */
const fn_range *fn_gauge_ranges(const fn_gauge *g, int *n);

/* fn_plan_open in u8, with the ranges of one pass of these images [N, H, W, C], of the graph's
 * batch. `o` but for precision and range. */
fn_status fn_gauge_open_plan(fn_plan **out, const fn_graph *g, fn_params *p,
                             fn_plan_options o, const float *images) FN_CHECKED;

#endif
