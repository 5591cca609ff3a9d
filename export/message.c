/* message.c -- onnx.proto of IR 7: each enum is one message's field numbers. */
#include "export/message.h"

enum { MODEL_OPSET = 8, MODEL_METADATA = 14 };
enum { GRAPH_NODE = 1, GRAPH_INITIALIZER = 5 };
enum { OPSET_VERSION = 2 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2 };
enum { TYPE_TENSOR = 1 };
enum { TENSOR_TYPE_ELEMENT = 1, TENSOR_TYPE_SHAPE = 2 };
enum { SHAPE_DIM = 1 };
enum { DIM_VALUE = 1, DIM_PARAM = 2 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum { ATTR_NAME = 1, ATTR_F = 2, ATTR_I = 3, ATTR_INTS = 8, ATTR_TYPE = 20 };
enum { IS_FLOAT = 1, IS_INT = 2, IS_INTS = 7 }; /* AttributeProto.AttributeType */
enum { ELEMENT_FLOAT = 1, ELEMENT_INT64 = 7 };  /* TensorProto.DataType */

/* raw_data is little-endian; so is every machine that we build for. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw_data would need a swap");

void fn_message_opset(fn_proto *p, int version)
{
    size_t opset = fn_proto_begin(p, MODEL_OPSET);
    fn_proto_int(p, OPSET_VERSION, version); /* the domain stays "", ONNX's own */
    fn_proto_end(p, opset);
}

void fn_message_metadata(fn_proto *p, const char *key, const char *value)
{
    size_t entry = fn_proto_begin(p, MODEL_METADATA);
    fn_proto_text(p, ENTRY_KEY, key);
    fn_proto_text(p, ENTRY_VALUE, value);
    fn_proto_end(p, entry);
}

static void batch_dim(fn_proto *p)
{
    size_t dim = fn_proto_begin(p, SHAPE_DIM);
    fn_proto_text(p, DIM_PARAM, "N");
    fn_proto_end(p, dim);
}

void fn_message_value(fn_proto *p, int field, const char *name, int rank,
                      const int64_t *dim)
{
    size_t value = fn_proto_begin(p, field);
    fn_proto_text(p, VALUE_NAME, name);
    size_t type = fn_proto_begin(p, VALUE_TYPE), tensor = fn_proto_begin(p, TYPE_TENSOR);
    fn_proto_int(p, TENSOR_TYPE_ELEMENT, ELEMENT_FLOAT);
    size_t shape = fn_proto_begin(p, TENSOR_TYPE_SHAPE);
    batch_dim(p);
    for (int k = 1; k < rank; k++) {
        size_t one = fn_proto_begin(p, SHAPE_DIM);
        fn_proto_int(p, DIM_VALUE, dim[k]);
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
    size_t tensor = fn_proto_begin(p, GRAPH_INITIALIZER), count = 1;
    for (int k = 0; k < rank; k++) {
        fn_proto_int(p, TENSOR_DIMS, dim[k]);
        count *= (size_t)dim[k];
    }
    fn_proto_int(p, TENSOR_TYPE, element);
    fn_proto_text(p, TENSOR_NAME, name);
    fn_proto_bytes(p, TENSOR_RAW, data, count * width);
    fn_proto_end(p, tensor);
}

void fn_message_floats(fn_proto *p, const char *name, int rank, const int64_t *dim,
                       const float *data)
{
    constant(p, name, ELEMENT_FLOAT, rank, dim, data, sizeof *data);
}

void fn_message_ints(fn_proto *p, const char *name, const int64_t *data, int n)
{
    constant(p, name, ELEMENT_INT64, 1, (int64_t[]){n}, data, sizeof *data);
}

size_t fn_message_node(fn_proto *p, const char *op, const char *const *input, int n_input,
                       const char *output)
{
    size_t node = fn_proto_begin(p, GRAPH_NODE);
    for (int k = 0; k < n_input; k++)
        fn_proto_text(p, NODE_INPUT, input[k]);
    fn_proto_text(p, NODE_OUTPUT, output);
    fn_proto_text(p, NODE_NAME, output);
    fn_proto_text(p, NODE_OP, op);
    return node;
}

static size_t attribute(fn_proto *p, const char *name)
{
    size_t attr = fn_proto_begin(p, NODE_ATTRIBUTE);
    fn_proto_text(p, ATTR_NAME, name);
    return attr;
}

void fn_message_attr_int(fn_proto *p, const char *name, int64_t v)
{
    size_t attr = attribute(p, name);
    fn_proto_int(p, ATTR_I, v);
    fn_proto_int(p, ATTR_TYPE, IS_INT);
    fn_proto_end(p, attr);
}

void fn_message_attr_ints(fn_proto *p, const char *name, const int64_t *v, int n)
{
    size_t attr = attribute(p, name);
    for (int k = 0; k < n; k++)
        fn_proto_int(p, ATTR_INTS, v[k]);
    fn_proto_int(p, ATTR_TYPE, IS_INTS);
    fn_proto_end(p, attr);
}

void fn_message_attr_float(fn_proto *p, const char *name, float v)
{
    size_t attr = attribute(p, name);
    fn_proto_float(p, ATTR_F, v);
    fn_proto_int(p, ATTR_TYPE, IS_FLOAT);
    fn_proto_end(p, attr);
}
