/* wire.c -- the other half of proto.c. Nothing is trusted: no length reaches past the end. */
#include "export/wire.h"

#include <string.h>

enum { VARINT = 0, LENGTH = 2, FIXED32 = 5, VARINT_BITS = 64 };

static uint64_t varint(fn_wire *w)
{
    uint64_t v = 0;
    for (int shift = 0; shift < VARINT_BITS && w->at < w->end; shift += 7) {
        uint8_t byte = *w->at++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    w->broken = true;
    return 0;
}

/* The next `size` bytes, or NULL. */
static const uint8_t *bytes(fn_wire *w, uint64_t size)
{
    const uint8_t *from = w->at;
    if (size > (uint64_t)(w->end - w->at)) {
        w->broken = true;
        return NULL;
    }
    w->at += size;
    return from;
}

static void read_length(fn_wire *w, fn_wire_field *f)
{
    uint64_t size = varint(w);
    const uint8_t *from = bytes(w, size);
    if (from)
        f->inside = (fn_wire){from, from + size, false};
}

static void read_real(fn_wire *w, fn_wire_field *f)
{
    const uint8_t *from = bytes(w, sizeof f->real);
    if (from)
        memcpy(&f->real, from, sizeof f->real);
}

bool fn_wire_next(fn_wire *w, fn_wire_field *f)
{
    if (w->at >= w->end || w->broken)
        return false;
    uint64_t tag = varint(w);
    *f = (fn_wire_field){.number = (int)(tag >> 3 & 0xffff)};
    if ((tag & 7) == VARINT)
        f->value = (int64_t)varint(w);
    else if ((tag & 7) == LENGTH)
        read_length(w, f);
    else if ((tag & 7) == FIXED32)
        read_real(w, f);
    else
        w->broken = true;
    return !w->broken;
}
