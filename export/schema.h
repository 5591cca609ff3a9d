/* schema.h -- onnx.proto of IR 7: each enum is one message's field numbers. */
#ifndef FN_EXPORT_SCHEMA_H
#define FN_EXPORT_SCHEMA_H

enum {
    FN_MODEL_IR = 1,
    FN_MODEL_PRODUCER = 2,
    FN_MODEL_PRODUCER_VERSION = 3,
    FN_MODEL_GRAPH = 7,
    FN_MODEL_OPSET = 8,
    FN_MODEL_METADATA = 14
};
enum {
    FN_GRAPH_NODE = 1,
    FN_GRAPH_NAME = 2,
    FN_GRAPH_INITIALIZER = 5,
    FN_GRAPH_INPUT = 11,
    FN_GRAPH_OUTPUT = 12
};
enum { FN_OPSET_VERSION = 2 };
enum { FN_ENTRY_KEY = 1, FN_ENTRY_VALUE = 2 };
enum { FN_VALUE_NAME = 1, FN_VALUE_TYPE = 2 };
enum { FN_TYPE_TENSOR = 1 };
enum { FN_TENSOR_TYPE_ELEMENT = 1, FN_TENSOR_TYPE_SHAPE = 2 };
enum { FN_SHAPE_DIM = 1 };
enum { FN_DIM_VALUE = 1, FN_DIM_PARAM = 2 };
enum { FN_TENSOR_DIMS = 1, FN_TENSOR_TYPE = 2, FN_TENSOR_NAME = 8, FN_TENSOR_RAW = 9 };
enum {
    FN_NODE_INPUT = 1,
    FN_NODE_OUTPUT = 2,
    FN_NODE_NAME = 3,
    FN_NODE_OP = 4,
    FN_NODE_ATTRIBUTE = 5
};
enum {
    FN_ATTR_NAME = 1,
    FN_ATTR_F = 2,
    FN_ATTR_I = 3,
    FN_ATTR_INTS = 8,
    FN_ATTR_TYPE = 20
};
enum { FN_IS_FLOAT = 1, FN_IS_INT = 2, FN_IS_INTS = 7 }; /* AttributeProto.AttributeType */
enum { FN_ELEMENT_FLOAT = 1, FN_ELEMENT_INT64 = 7 };     /* TensorProto.DataType */

#endif
