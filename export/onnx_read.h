/* onnx_read.h -- an ONNX file that we wrote, read back as nodes and values. It stays bytes:
 * weights and names are places in them. */
#ifndef FN_EXPORT_ONNX_READ_H
#define FN_EXPORT_ONNX_READ_H

#include "export/onnx_ops.h"
#include "export/wire.h"

enum { FN_ONNX_NAME = 160 };

/* A value of the graph: a constant, which has raw bytes, or something that a node makes. */
typedef struct fn_onnx_value {
    char name[FN_ONNX_NAME];
    fn_wire raw;
    fn_shape shape;
    float *data; /* fn_onnx_run fills it */
} fn_onnx_value;

/* Attributes that the file does not give have ONNX's defaults; where these are not the same
 * for every operator: FN_ONNX_ABSENT for `axis`, NAN for `alpha` and `beta`. */
enum { FN_ONNX_ABSENT = -2 };
typedef struct fn_onnx_attr {
    int64_t kernel_shape[2], strides[2], pads[4], axes[1];
    int64_t group, axis, trans_b, size, keepdims, count_include_pad;
    float alpha, beta, bias, epsilon;
} fn_onnx_attr;

typedef struct fn_onnx_node {
    char op[32];
    int x[FN_MAX_IN], y, n_x; /* indices into file->value */
    fn_onnx_attr attr;
} fn_onnx_node;

typedef struct fn_onnx_file {
    char *bytes;
    fn_onnx_value *value;
    fn_onnx_node *node;
    int n_value, n_node;
    int input, output;
} fn_onnx_file;

/* Errors: FN_EDATA with the place, FN_ENOMEM, those of fn_file_read. */
fn_status fn_onnx_read(fn_onnx_file *out, const char *path) FN_CHECKED;
void fn_onnx_read_close(fn_onnx_file *f);

#endif
