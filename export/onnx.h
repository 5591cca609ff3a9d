/* onnx.h -- a frozen model as ONNX (opset 13, IR 7, dynamic batch). Input "image": float32
 * [N, 3, H, W], RGB, (v - 127.5) / 128; output "embedding": [N, D], unit rows. Recipe and
 * lineage go into metadata_props. */
#ifndef FN_EXPORT_ONNX_H
#define FN_EXPORT_ONNX_H

#include "export/onnx_ops.h"
#include "nn/model.h"

fn_status fn_onnx_write(const char *path, const struct fn_model *m,
                        fn_onnx_profile profile) FN_CHECKED;

/* Reads PATH again with a reader of our own (onnx_run.h) and runs it beside the model on
 * images of noise: the largest difference of an embedding's element.
 * Errors: FN_EDATA when PATH is not such a file. */
fn_status fn_onnx_check(const char *path, struct fn_model *m,
                        double *difference) FN_CHECKED;

#endif
