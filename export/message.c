/* message.c -- each function writes one message of onnx.proto. */
#include "export/message.h"

/* raw_data is little-endian; so is every machine that we build for. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw_data would need a swap");

void fn_message_opset(fn_proto *p, int version)
{
    size_t opset = fn_proto_begin(p, FN_MODEL_OPSET);
    fn_proto_int(p, FN_OPSET_VERSION, version); /* the domain stays "", ONNX's own */
    fn_proto_end(p, opset);
}

void fn_message_metadata(fn_proto *p, const char *key, const char *value)
{
    size_t entry = fn_proto_begin(p, FN_MODEL_METADATA);
    fn_proto_text(p, FN_ENTRY_KEY, key);
    fn_proto_text(p, FN_ENTRY_VALUE, value);
    fn_proto_end(p, entry);
}

static void batch_dim(fn_proto *p)
{
    size_t dim = fn_proto_begin(p, FN_SHAPE_DIM);
    fn_proto_text(p, FN_DIM_PARAM, "N");
    fn_proto_end(p, dim);
}

void fn_message_value(fn_proto *p, int field, const char *name, int rank,
                      const int64_t *dim)
{
    size_t value = fn_proto_begin(p, field);
    fn_proto_text(p, FN_VALUE_NAME, name);
    size_t type = fn_proto_begin(p, FN_VALUE_TYPE),
           tensor = fn_proto_begin(p, FN_TYPE_TENSOR);
    fn_proto_int(p, FN_TENSOR_TYPE_ELEMENT, FN_ELEMENT_FLOAT);
    size_t shape = fn_proto_begin(p, FN_TENSOR_TYPE_SHAPE);
    batch_dim(p);
    for (int k = 1; k < rank; k++) {
        size_t one = fn_proto_begin(p, FN_SHAPE_DIM);
        fn_proto_int(p, FN_DIM_VALUE, dim[k]);
        fn_proto_end(p, one);
    }
    fn_proto_end(p, shape);
    fn_proto_end(p, tensor);
    fn_proto_end(p, type);
    fn_proto_end(p, value);
}

static void constant(fn_proto *p, const char *name, int element, int rank,
                     const int64_t *dim, const void *data, size_t width)
{
    size_t tensor = fn_proto_begin(p, FN_GRAPH_INITIALIZER), count = 1;
    for (int k = 0; k < rank; k++) {
        fn_proto_int(p, FN_TENSOR_DIMS, dim[k]);
        count *= (size_t)dim[k];
    }
    fn_proto_int(p, FN_TENSOR_TYPE, element);
    fn_proto_text(p, FN_TENSOR_NAME, name);
    fn_proto_bytes(p, FN_TENSOR_RAW, data, count * width);
    fn_proto_end(p, tensor);
}

void fn_message_floats(fn_proto *p, const char *name, int rank, const int64_t *dim,
                       const float *data)
{
    constant(p, name, FN_ELEMENT_FLOAT, rank, dim, data, sizeof *data);
}

void fn_message_ints(fn_proto *p, const char *name, const int64_t *data, int n)
{
    constant(p, name, FN_ELEMENT_INT64, 1, (int64_t[]){n}, data, sizeof *data);
}

size_t fn_message_node(fn_proto *p, const char *op, const char *const *input, int n_input,
                       const char *output)
{
    size_t node = fn_proto_begin(p, FN_GRAPH_NODE);
    for (int k = 0; k < n_input; k++)
        fn_proto_text(p, FN_NODE_INPUT, input[k]);
    fn_proto_text(p, FN_NODE_OUTPUT, output);
    fn_proto_text(p, FN_NODE_NAME, output);
    fn_proto_text(p, FN_NODE_OP, op);
    return node;
}

static size_t attribute(fn_proto *p, const char *name)
{
    size_t attr = fn_proto_begin(p, FN_NODE_ATTRIBUTE);
    fn_proto_text(p, FN_ATTR_NAME, name);
    return attr;
}

void fn_message_attr_int(fn_proto *p, const char *name, int64_t v)
{
    size_t attr = attribute(p, name);
    fn_proto_int(p, FN_ATTR_I, v);
    fn_proto_int(p, FN_ATTR_TYPE, FN_IS_INT);
    fn_proto_end(p, attr);
}

void fn_message_attr_ints(fn_proto *p, const char *name, const int64_t *v, int n)
{
    size_t attr = attribute(p, name);
    for (int k = 0; k < n; k++)
        fn_proto_int(p, FN_ATTR_INTS, v[k]);
    fn_proto_int(p, FN_ATTR_TYPE, FN_IS_INTS);
    fn_proto_end(p, attr);
}

void fn_message_attr_float(fn_proto *p, const char *name, float v)
{
    size_t attr = attribute(p, name);
    fn_proto_float(p, FN_ATTR_F, v);
    fn_proto_int(p, FN_ATTR_TYPE, FN_IS_FLOAT);
    fn_proto_end(p, attr);
}
