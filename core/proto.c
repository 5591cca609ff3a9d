/* proto.c -- tag = field << 3 | kind; numbers in groups of 7 bits, lowest first.
 * (Protocol Buffers, "Encoding".) */
#include "core/proto.h"

#include "core/mem.h"

#include <string.h>

enum { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5, VARINT_BYTES = 10 };

/* Room for `more` bytes behind the last, or NULL. */
static uint8_t *reserve(fn_proto *p, size_t more)
{
    if (p->status != FN_OK)
        return NULL;
    if (more > FN_PROTO_MAX - p->size) {
        p->status = FN_EUNSUPPORTED;
        return NULL;
    }
    if (p->size + more > p->room) {
        size_t room = 2 * p->room > p->size + more ? 2 * p->room : p->size + more;
        uint8_t *data = fn_grow(p->data, room, 1);
        if (!data) {
            p->status = FN_ENOMEM;
            return NULL;
        }
        p->data = data;
        p->room = room;
    }
    return p->data + p->size;
}

static void append(fn_proto *p, const void *data, size_t size)
{
    uint8_t *to = reserve(p, size);
    if (to && size)
        memcpy(to, data, size);
    p->size += to ? size : 0;
}

static size_t encode(uint8_t to[VARINT_BYTES], uint64_t v)
{
    size_t n = 0;
    for (; v > 0x7f; v >>= 7)
        to[n++] = (uint8_t)(v | 0x80);
    to[n++] = (uint8_t)v;
    return n;
}

static void varint(fn_proto *p, uint64_t v)
{
    uint8_t bytes[VARINT_BYTES];
    append(p, bytes, encode(bytes, v));
}

static void tag(fn_proto *p, int field, unsigned kind)
{
    varint(p, (uint64_t)field << 3 | kind);
}

void fn_proto_int(fn_proto *p, int field, int64_t v)
{
    tag(p, field, VARINT);
    varint(p, (uint64_t)v);
}

static void fixed(fn_proto *p, uint64_t bits, size_t size)
{
    uint8_t bytes[sizeof bits];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(bits >> 8 * i);
    append(p, bytes, size);
}

static void real32(fn_proto *p, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    fixed(p, bits, sizeof bits);
}

static void real64(fn_proto *p, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    fixed(p, bits, sizeof bits);
}

void fn_proto_float(fn_proto *p, int field, float v)
{
    tag(p, field, FIXED32);
    real32(p, v);
}

void fn_proto_double(fn_proto *p, int field, double v)
{
    tag(p, field, FIXED64);
    real64(p, v);
}

void fn_proto_floats(fn_proto *p, int field, const float *v, size_t n)
{
    tag(p, field, LENGTH);
    varint(p, n * sizeof *v);
    for (size_t i = 0; i < n; i++)
        real32(p, v[i]);
}

void fn_proto_doubles(fn_proto *p, int field, const double *v, size_t n)
{
    tag(p, field, LENGTH);
    varint(p, n * sizeof *v);
    for (size_t i = 0; i < n; i++)
        real64(p, v[i]);
}

void fn_proto_bytes(fn_proto *p, int field, const void *data, size_t size)
{
    tag(p, field, LENGTH);
    varint(p, size);
    append(p, data, size);
}

void fn_proto_text(fn_proto *p, int field, const char *text)
{
    fn_proto_bytes(p, field, text, strlen(text));
}

size_t fn_proto_begin(fn_proto *p, int field)
{
    tag(p, field, LENGTH);
    return p->size;
}

/* Only now is the length known, and with it how many bytes it takes: the content moves up. */
void fn_proto_end(fn_proto *p, size_t open)
{
    uint8_t length[VARINT_BYTES];
    size_t content = p->size - open, n = encode(length, content);
    if (!reserve(p, n))
        return;
    memmove(p->data + open + n, p->data + open, content);
    memcpy(p->data + open, length, n);
    p->size += n;
}

fn_status fn_proto_status(const fn_proto *p)
{
    if (p->status == FN_ENOMEM)
        return fn_fail(FN_ENOMEM, "no memory for a protobuf message beyond %zu bytes",
                       p->size);
    if (p->status == FN_EUNSUPPORTED)
        return fn_fail(FN_EUNSUPPORTED,
                       "the message is larger than protobuf's 2 GiB: export a smaller "
                       "network");
    return FN_OK;
}

void fn_proto_close(fn_proto *p)
{
    fn_free(p->data);
    *p = (fn_proto){0};
}
