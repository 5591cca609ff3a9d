/* bf16.h -- the upper half of a float, on the host; and numbers that may be stored as a float, as
 * that or as a byte. */
#ifndef FN_KERNELS_BF16_H
#define FN_KERNELS_BF16_H

#include "kernels/bytes.h"

#include <stdint.h>
#include <string.h>

static inline float fn_bf16_float(uint16_t v)
{
    uint32_t bits = (uint32_t)v << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Rounded to the nearest, ties to even; a NaN stays one. Without a branch, so that loops of it
 * are vectors. */
static inline uint16_t fn_bf16_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t nan = 0u - (uint32_t)((bits & 0x7fffffff) > 0x7f800000);
    uint32_t up = ~nan & (0x7fff + (bits >> 16 & 1));
    return (uint16_t)((bits + up) >> 16 | (nan & 0x40));
}

/* Number i of FN_F32 or FN_BF16; loops are fast where `t` is a constant. */
static inline float fn_load(const void *p, fn_type t, int64_t i)
{
    return t == FN_BF16 ? fn_bf16_float(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}

static inline void fn_store(void *p, fn_type t, int64_t i, float x)
{
    if (t == FN_BF16)
        ((uint16_t *)p)[i] = fn_bf16_of(x);
    else
        ((float *)p)[i] = x;
}

/* Of bytes, too, in steps: for loops that OpenMP does not hand to threads, which makes a variable
 * of `t`, and of so many types no vectors. */
static inline float fn_load_any(const void *p, fn_type t, int64_t i)
{
    if (fn_bytes_are(t))
        return t == FN_U8 ? ((const uint8_t *)p)[i] : ((const int8_t *)p)[i];
    return fn_load(p, t, i);
}

static inline void fn_store_any(void *p, fn_type t, int64_t i, float x)
{
    if (t == FN_U8)
        ((uint8_t *)p)[i] = fn_bytes_u8(x);
    else if (t == FN_S8)
        ((int8_t *)p)[i] = fn_bytes_s8(x);
    else
        fn_store(p, t, i, x);
}

/* From number i on. */
static inline void *fn_from(fn_tensor t, int64_t i)
{
    return (char *)t.data + (size_t)i * fn_type_bytes(t.type);
}

#endif
