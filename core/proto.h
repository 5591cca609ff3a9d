/* proto.h -- a writer of protobuf's wire format into memory: what ONNX and TensorBoard need.
 *
 * A writer that has failed ignores what follows, and fn_proto_status says so at the end, as
 * with a FILE: a message is one page of calls without a check behind each. Protobuf's own
 * bound of 2 GiB a message is ours. */
#ifndef FN_CORE_PROTO_H
#define FN_CORE_PROTO_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

#define FN_PROTO_MAX ((size_t)INT32_MAX)

typedef struct fn_proto { /* starts as {0} */
    uint8_t *data;
    size_t size, room;
    fn_status status;
} fn_proto;

void fn_proto_int(fn_proto *p, int field, int64_t v); /* int32, int64, enum */
void fn_proto_float(fn_proto *p, int field, float v);
void fn_proto_double(fn_proto *p, int field, double v);
void fn_proto_floats(fn_proto *p, int field, const float *v, size_t n);   /* packed */
void fn_proto_doubles(fn_proto *p, int field, const double *v, size_t n); /* packed */
void fn_proto_bytes(fn_proto *p, int field, const void *data, size_t size);
void fn_proto_text(fn_proto *p, int field, const char *text);

/* A message inside: what is written between the two is its content. `open` is what begin
 * gave back. */
size_t fn_proto_begin(fn_proto *p, int field);
void fn_proto_end(fn_proto *p, size_t open);

/* Errors: FN_ENOMEM, FN_EUNSUPPORTED (larger than protobuf allows). */
fn_status fn_proto_status(const fn_proto *p) FN_CHECKED;
void fn_proto_close(fn_proto *p);

#endif
