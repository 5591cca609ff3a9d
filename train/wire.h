/* wire.h -- protobuf written from its end to its beginning: when a message is done, its length
 * is known, and goes in front. So the last field of a message is put first. */
#ifndef FN_TRAIN_WIRE_H
#define FN_TRAIN_WIRE_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct fn_wire {
    uint8_t *room; /* fn_wire_free */
    uint8_t *data; /* inside room: the message so far */
    size_t size;
} fn_wire;

/* `most` is what the message can take; putting more is a mistake of the caller. */
fn_status fn_wire_begin(fn_wire *w, size_t most) FN_CHECKED;
void fn_wire_free(fn_wire *w);

void fn_wire_int(fn_wire *w, int field, int64_t v);
void fn_wire_float(fn_wire *w, int field, float v);
void fn_wire_double(fn_wire *w, int field, double v);
void fn_wire_bytes(fn_wire *w, int field, const void *bytes, size_t n);
void fn_wire_text(fn_wire *w, int field, const char *text);
void fn_wire_floats(fn_wire *w, int field, const float *v, size_t n);   /* packed */
void fn_wire_doubles(fn_wire *w, int field, const double *v, size_t n); /* packed */

/* Makes one message of what was put since `w->size` was `before`. */
void fn_wire_enclose(fn_wire *w, int field, size_t before);

#endif
