/* proto_fields.h -- protobuf's wire format read back, for the tests of what writes it. It knows
 * nothing of the writer, and fails the test where bytes make no field. */
#ifndef FN_TESTS_PROTO_FIELDS_H
#define FN_TESTS_PROTO_FIELDS_H

#include "tests/test.h"

#include <stdint.h>

/* The content of a field; of an integer its value. */
typedef struct fields {
    const uint8_t *at;
    size_t size;
    uint64_t value;
    bool there;
} fields;

static inline uint64_t fields_varint(fields *m)
{
    uint64_t v = 0;
    for (int shift = 0; m->size > 0 && shift < 64; shift += 7) {
        uint8_t byte = *m->at++;
        m->size--;
        v |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return v;
    }
    FN_TEST_FAIL("a number does not end");
    return 0;
}

/* The next field and its number; 0 at the end. */
static inline int fields_next(fields *m, fields *out)
{
    if (m->size == 0)
        return 0;
    uint64_t tag = fields_varint(m);
    int kind = (int)(tag & 7);
    *out = (fields){.there = true};
    if (kind == 0) {
        out->value = fields_varint(m);
        return (int)(tag >> 3);
    }
    size_t size = kind == 1 ? 8 : kind == 5 ? 4 : (size_t)fields_varint(m);
    if ((kind != 1 && kind != 2 && kind != 5) || size > m->size) {
        FN_TEST_FAIL("no field: kind %d of %zu bytes, %zu are left", kind, size, m->size);
        m->size = 0;
        return 0;
    }
    out->at = m->at;
    out->size = size;
    m->at += size;
    m->size -= size;
    return (int)(tag >> 3);
}

/* The i-th field of that number, from 0. */
static inline fields fields_item(fields m, int number, int i)
{
    fields f;
    for (int n; (n = fields_next(&m, &f)) != 0;)
        if (n == number && i-- == 0)
            return f;
    return (fields){.there = false};
}

static inline fields fields_get(fields m, int number)
{
    return fields_item(m, number, 0);
}

static inline int fields_count(fields m, int number)
{
    fields f;
    int count = 0;
    for (int n; (n = fields_next(&m, &f)) != 0;)
        count += n == number;
    return count;
}

static inline double fields_double(fields m, int i)
{
    double v = NAN;
    if (m.size >= 8 * (size_t)(i + 1))
        memcpy(&v, m.at + 8 * i, 8);
    return v;
}

static inline float fields_float(fields m, int i)
{
    float v = NAN;
    if (m.size >= 4 * (size_t)(i + 1))
        memcpy(&v, m.at + 4 * i, 4);
    return v;
}

static inline bool fields_is(fields m, const char *text)
{
    return m.there && m.size == strlen(text) && memcmp(m.at, text, m.size) == 0;
}

#endif
