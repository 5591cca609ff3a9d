/* wire -- a field is (number << 3 | wire type), then its value. */
#include "train/wire.h"

#include "core/mem.h"

#include <assert.h>
#include <string.h>

enum { VARINT = 0, FIXED64 = 1, BLOCK = 2, FIXED32 = 5 };

fn_status fn_wire_begin(fn_wire *w, size_t most)
{
    w->size = 0;
    w->room = fn_alloc(most, 1);
    w->data = w->room + (w->room ? most : 0);
    return w->room ? FN_OK
                   : fn_fail(FN_ENOMEM, "no memory for an event of %zu bytes", most);
}

void fn_wire_free(fn_wire *w)
{
    fn_free(w->room);
    *w = (fn_wire){.room = NULL};
}

static void put(fn_wire *w, const void *bytes, size_t n)
{
    assert((size_t)(w->data - w->room) >= n);
    w->data -= n;
    w->size += n;
    memcpy(w->data, bytes, n);
}

static void put_varint(fn_wire *w, uint64_t v)
{
    uint8_t byte[10];
    size_t n = 0;
    for (; v > 127; v >>= 7)
        byte[n++] = (uint8_t)(v | 128);
    byte[n++] = (uint8_t)v;
    put(w, byte, n);
}

static void put_key(fn_wire *w, int field, int type)
{
    put_varint(w, (uint64_t)field << 3 | (uint64_t)type);
}

static void put_fixed(fn_wire *w, uint64_t bits, size_t n)
{
    uint8_t byte[8];
    for (size_t i = 0; i < n; i++)
        byte[i] = (uint8_t)(bits >> 8 * i);
    put(w, byte, n);
}

static void put_double(fn_wire *w, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_fixed(w, bits, sizeof bits);
}

static void put_float(fn_wire *w, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_fixed(w, bits, sizeof bits);
}

void fn_wire_int(fn_wire *w, int field, int64_t v)
{
    put_varint(w, (uint64_t)v);
    put_key(w, field, VARINT);
}

void fn_wire_float(fn_wire *w, int field, float v)
{
    put_float(w, v);
    put_key(w, field, FIXED32);
}

void fn_wire_double(fn_wire *w, int field, double v)
{
    put_double(w, v);
    put_key(w, field, FIXED64);
}

void fn_wire_enclose(fn_wire *w, int field, size_t before)
{
    put_varint(w, w->size - before);
    put_key(w, field, BLOCK);
}

void fn_wire_bytes(fn_wire *w, int field, const void *bytes, size_t n)
{
    size_t before = w->size;
    put(w, bytes, n);
    fn_wire_enclose(w, field, before);
}

void fn_wire_text(fn_wire *w, int field, const char *text)
{
    fn_wire_bytes(w, field, text, strlen(text));
}

void fn_wire_floats(fn_wire *w, int field, const float *v, size_t n)
{
    size_t before = w->size;
    while (n-- > 0)
        put_float(w, v[n]);
    fn_wire_enclose(w, field, before);
}

void fn_wire_doubles(fn_wire *w, int field, const double *v, size_t n)
{
    size_t before = w->size;
    while (n-- > 0)
        put_double(w, v[n]);
    fn_wire_enclose(w, field, before);
}
