/* winograd_values.h -- a vector of a value as it is kept, in float or in bf16; for
 * kernels/winograd_stages_body.h, behind kernels/winograd_tile.h. `low` is a constant there. */
#ifndef FN_KERNELS_WINOGRAD_VALUES_H
#define FN_KERNELS_WINOGRAD_VALUES_H

#include "kernels/winograd_tile.h"

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t words __attribute__((vector_size(FN_LANES * 4)));
typedef uint16_t halves __attribute__((vector_size(FN_LANES * 2)));

/* Numbers `at` and on, of floats or of bf16. */
FN_INLINE const char *address(const void *x, int64_t at, bool low)
{
    return (const char *)x + at * (low ? 2 : 4);
}

FN_INLINE fn_lanes load(const void *x, int64_t at, bool low)
{
    const void *from = address(x, at, low);
    return low ? (fn_lanes)(__builtin_convertvector(*(const halves *)from, words) << 16)
               : *(const fn_lanes *)from;
}

/* As fn_bf16_of: to the nearest, ties to even; what is NaN stays one. */
FN_INLINE halves round_to_halves(fn_lanes v)
{
    words w = (words)v, near = (w + 0x7fff + (w >> 16 & 1)) >> 16, quiet = w >> 16 | 0x40;
    words sick = (words)((w & 0x7fffffff) > 0x7f800000);
    return __builtin_convertvector((sick & quiet) | (~sick & near), halves);
}

FN_INLINE void put(void *y, int64_t at, fn_lanes v, bool low)
{
    void *to = (char *)y + at * (low ? 2 : 4);
    if (low)
        *(halves *)to = round_to_halves(v);
    else
        *(fn_lanes *)to = v;
}

#endif
