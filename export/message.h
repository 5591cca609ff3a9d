/* message.h -- the messages of onnx.proto that we write. */
#ifndef FN_EXPORT_MESSAGE_H
#define FN_EXPORT_MESSAGE_H

#include "core/proto.h"
#include "export/schema.h"

/* --- in ModelProto --- */
void fn_message_opset(fn_proto *p, int version);
void fn_message_metadata(fn_proto *p, const char *key, const char *value);

/* --- in GraphProto --- */

/* A float32 input or output [batch, dim...]; the batch is free and called "N". */
void fn_message_value(fn_proto *p, int field, const char *name, int rank,
                      const int64_t *dim);

/* A float32 constant; the numbers are copied. */
void fn_message_floats(fn_proto *p, const char *name, int rank, const int64_t *dim,
                       const float *data);
/* An int64 constant of one dimension. */
void fn_message_ints(fn_proto *p, const char *name, const int64_t *data, int n);

/* One use of an operator; attributes go between begin and fn_proto_end. */
size_t fn_message_node(fn_proto *p, const char *op, const char *const *input, int n_input,
                       const char *output);

/* --- in NodeProto --- */
void fn_message_attr_int(fn_proto *p, const char *name, int64_t v);
void fn_message_attr_ints(fn_proto *p, const char *name, const int64_t *v, int n);
void fn_message_attr_float(fn_proto *p, const char *name, float v);

#endif
