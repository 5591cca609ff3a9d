/* bf16.h -- the upper half of a float, on the host. */
#ifndef FN_KERNELS_BF16_H
#define FN_KERNELS_BF16_H

#include <stdint.h>
#include <string.h>

static inline float fn_bf16_float(uint16_t v)
{
    uint32_t bits = (uint32_t)v << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Rounded to the nearest, ties to even; a NaN stays one. */
static inline uint16_t fn_bf16_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif
