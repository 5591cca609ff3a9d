/* onnx_ops.h -- the nodes of a graph as stock ONNX operators. */
#ifndef FN_EXPORT_ONNX_OPS_H
#define FN_EXPORT_ONNX_OPS_H

#include "core/proto.h"
#include "nn/graph.h"
#include "nn/params.h"

#define FN_ONNX_INPUT  "image"
#define FN_ONNX_OUTPUT "embedding"

/* Which operators: the most exact, or those that OpenCV has too. */
typedef enum fn_onnx_profile { FN_ONNX_NATIVE, FN_ONNX_PORTABLE } fn_onnx_profile;

/* Writes nodes and constants of a graph that fn_lower made for inference into the GraphProto
 * that is open. A failure to write shows in fn_proto_status.
 * Errors: FN_EUNSUPPORTED (an op that ONNX has no word for). */
fn_status fn_onnx_ops_write(fn_proto *out, const fn_graph *g, const fn_params *p,
                            fn_onnx_profile profile) FN_CHECKED;

#endif
