/* lower.h -- a graph rewritten into one that runs faster and means the same. */
#ifndef FN_NN_LOWER_H
#define FN_NN_LOWER_H

#include "nn/graph.h"
#include "nn/params.h"

/* Training:  conv + relu -> conv{relu};  batchnorm + relu -> batchnorm{relu}.
 * Inference: conv + batchnorm [+ relu] -> conv{bias, relu} with folded weights as well, and
 * forks vanish. For FN_CUDA then what fn_lower_gpu does. Parameters keep their numbers. `g` is
 * left as it is. */
fn_status fn_lower(fn_graph **out, const fn_graph *g, fn_backend backend) FN_CHECKED;

/* A lowered graph with what pays where memory is the limit (docs/cuda.md, "Fewer bytes"):
 * maxpool + lrn, in any order, -> poolnorm, in training with the bias and ReLU of the
 * convolution before it; in training batchnorm + maxpool -> bnpool;
 * 1x1 convolutions that read one value -> convs, where that moves fewer bytes;
 * in training, biases and ReLUs of convolutions + concat + fork -> join. */
fn_status fn_lower_gpu(fn_graph **out, const fn_graph *g) FN_CHECKED;

/* A lowered graph, for fp32, in which 1x1 convolutions that read one value are one
 * convs. It is worth it where fn_lower_cpu_gains. */
fn_status fn_lower_cpu(fn_graph **out, const fn_graph *g) FN_CHECKED;
bool fn_lower_cpu_gains(fn_precision p);

/* A copy of `g` in which each kernel has chosen formats and types, and a `reorder` stands
 * wherever two neighbours disagree. Outputs are plain, on FN_CPU floats. In FN_PRECISION_U8 each of
 * the g->n_value values has its range. */
fn_status fn_lower_formats(fn_graph **out, const fn_graph *g, fn_backend backend,
                           fn_precision precision, const fn_range *range) FN_CHECKED;

/* Of each value of `g` the range with which it is stored as bytes, {0, 0} where it stays float:
 * of `range`, that of a value that all its readers take as bytes and that no caller sees; but
 * what goes into a concat has the range of what comes out of it, which then is a copy. The caller
 * frees it. Errors: FN_ENOMEM. */
fn_status fn_lower_ranges(fn_range **out, const fn_graph *g, fn_backend backend,
                          const fn_range *range) FN_CHECKED;

/* The weights of a convolution with its batch norm folded in: kernel [O, C, k, k], bias [O]. */
void fn_lower_fold(float *kernel, float *bias, const fn_node *n, const fn_params *p);

#endif
