/* sick.h -- where the numbers of a network stop being finite. */
#ifndef FN_NN_SICK_H
#define FN_NN_SICK_H

#include "nn/plan.h"

/* Runs the images that the plan was brought once more, node by node, and looks at all that each
 * writes; then, where that is finite, backward from d_out [N, D], unless it is NULL. `text`
 * receives the first that is not finite, in the order of computing: "the weights of conv2", "the
 * output of conv2", "the gradient of the loss", "the gradient of the input of conv2"; "" when
 * there is none. A plan of FN_CPU or FN_CUDA, whose watcher is forgotten; slow. Errors:
 * FN_ENOMEM, FN_EDEVICE. */
fn_status fn_sick_find(char *text, size_t size, fn_plan *p, const float *d_out) FN_CHECKED;

#endif
