/* bf16.h -- the upper half of a float, on the host; and what may be stored as either. */
#ifndef FN_KERNELS_BF16_H
#define FN_KERNELS_BF16_H

#include "kernels/op.h"

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

/* From number i on. */
static inline void *fn_from(fn_tensor t, int64_t i)
{
    return (char *)t.data + (size_t)i * fn_type_bytes(t.type);
}

#endif
