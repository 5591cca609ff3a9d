/* onnx.h -- a frozen model as ONNX (opset 13, IR 7, dynamic batch), from stock operators that
 * also run in OpenCV. Input "image": float32 [N, 3, H, W], RGB, (v - 127.5) / 128; output
 * "embedding": [N, D], unit rows. Recipe and lineage go into metadata_props. */
#ifndef FN_EXPORT_ONNX_H
#define FN_EXPORT_ONNX_H

#include "nn/model.h"

fn_status fn_export_onnx(const char *path, const struct fn_model *m) FN_CHECKED;

#endif
