/* bytes.h -- numbers stored as bytes: FN_U8 is 0 ... 255, FN_S8 is -127 ... 127, each times the
 * step of its tensor. What is beyond the ends is cut off, what is between two is rounded to the
 * nearest. */
#ifndef FN_KERNELS_BYTES_H
#define FN_KERNELS_BYTES_H

#include "kernels/op.h"

#include <string.h>

/* A largest number that is less has no inverse to count on. */
#define FN_BYTES_TINY 1e-30F

static inline bool fn_bytes_are(fn_type t)
{
    return t == FN_U8 || t == FN_S8;
}

/* x cut off at 0 and at `most`; a NaN is either. Positive floats are in the order of their bits,
 * and the others are negative as bits, too: whole numbers make better vectors of this. */
static inline float fn_bytes_cut(float x, float most)
{
    int32_t bits, end;
    memcpy(&bits, &x, sizeof bits);
    memcpy(&end, &most, sizeof end);
    bits = bits > 0 ? bits : 0;
    bits = bits < end ? bits : end;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* In steps. */
static inline uint8_t fn_bytes_u8(float x)
{
    return (uint8_t)(int)fn_bytes_cut(x + 0.5F, 255);
}

static inline int8_t fn_bytes_s8(float x)
{
    return (int8_t)((int)fn_bytes_cut(x + 127.5F, 254) - 127);
}

/* What a stored 1 stands for, whatever is stored. */
static inline float fn_bytes_step(fn_tensor t)
{
    return fn_bytes_are(t.type) ? t.step : 1;
}

/* Whether numbers of that range may be bytes. */
static inline bool fn_bytes_known(fn_range r)
{
    return r.most > FN_BYTES_TINY || r.least < -FN_BYTES_TINY;
}

/* The type and the step that fit the range, which is known. */
static inline void fn_bytes_fit(fn_tensor *t, fn_range r)
{
    float far = -r.least > r.most ? -r.least : r.most;
    t->type = r.least < 0 ? FN_S8 : FN_U8;
    t->step = r.least < 0 ? far / 127 : r.most / 255;
}

/* Between FN_U8, in steps, and floats: loops that computed as well would be worse vectors. */
static inline void fn_bytes_widen(float *restrict to, const uint8_t *restrict from,
                                  int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        to[i] = from[i];
}

static inline void fn_bytes_narrow(uint8_t *restrict to, const float *restrict from,
                                   int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        to[i] = fn_bytes_u8(from[i]);
}

/* y keeps floats, or is FN_U8 where it may. */
static inline void fn_bytes_give(fn_tensor *y, fn_range r)
{
    y->type = FN_F32;
    if (fn_bytes_known(r) && r.least >= 0)
        fn_bytes_fit(y, r);
}

#endif
