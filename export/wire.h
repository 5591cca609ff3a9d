/* wire.h -- reading protobuf's wire format: a message is walked field by field, and what is
 * inside of one is a message again. */
#ifndef FN_EXPORT_WIRE_H
#define FN_EXPORT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fn_wire {
    const uint8_t *at, *end;
    bool broken; /* ends in the middle of a field, or holds a kind that ONNX has not */
} fn_wire;

typedef struct fn_wire_field {
    int number;
    int64_t value;  /* of an integer */
    float real;     /* of a float */
    fn_wire inside; /* of bytes, a text or a message */
} fn_wire_field;

/* False at the end, or where the message is broken. */
bool fn_wire_next(fn_wire *w, fn_wire_field *f);

#endif
