/* winograd_tile.h -- the transforms of F(4x4, 3x3), or of F(2x2, 5x5), along one side of a tile,
 * for as many channels at a time as fn_lanes has (Lavin & Gray 2016, section 4.1; the names of the
 * matrices are theirs):
 *
 *   y = A' [ (G g G') . (B' d B) ] A      d 6x6 of x, g 3x3, y 4x4; or g 5x5, y 2x2
 *
 * Both are polynomials at the points 0, 1, -1, 2, -2 and infinity, and B is the same. A gradient
 * goes the same way back, through the transposed matrices. Who includes this has defined FN_LANES,
 * the number of channels, and FN_KERNEL, 3 or 5, if it is not 3. */
#ifndef FN_KERNELS_WINOGRAD_TILE_H
#define FN_KERNELS_WINOGRAD_TILE_H

#include <stddef.h>

#ifndef FN_KERNEL
#    define FN_KERNEL 3
#endif

enum {
    FN_TILE = 6,
    FN_TILE_ALL = 36,
    FN_TILE_OUT = FN_TILE + 1 - FN_KERNEL,
    FN_TAPS = FN_KERNEL * FN_KERNEL
};

/* Channels of a pixel, wherever they lie. */
typedef float fn_lanes __attribute__((vector_size(FN_LANES * 4), aligned(4), may_alias));

/* A call that is not inlined would pass the vectors through memory. */
#define FN_INLINE static inline __attribute__((always_inline))

/* Numbers that are `step` floats apart. */
typedef struct fn_line {
    float *at;
    ptrdiff_t step;
} fn_line;

typedef void fn_transform(fn_line to, fn_line from);

FN_INLINE fn_lanes fn_get(fn_line l, int k)
{
    return *(const fn_lanes *)(l.at + k * l.step);
}

FN_INLINE void fn_set(fn_line l, int k, fn_lanes v)
{
    *(fn_lanes *)(l.at + k * l.step) = v;
}

FN_INLINE void fn_tile_input(fn_line to, fn_line from) /* B': 6 -> 6 */
{
    fn_lanes d0 = fn_get(from, 0), d1 = fn_get(from, 1), d2 = fn_get(from, 2);
    fn_lanes d3 = fn_get(from, 3), d4 = fn_get(from, 4), d5 = fn_get(from, 5);
    fn_lanes even = d4 - 4 * d2, odd = d3 - 4 * d1, near = d4 - d2, far = 2 * (d3 - d1);
    fn_set(to, 0, 4 * d0 - 5 * d2 + d4);
    fn_set(to, 1, even + odd);
    fn_set(to, 2, even - odd);
    fn_set(to, 3, near + far);
    fn_set(to, 4, near - far);
    fn_set(to, 5, 4 * d1 - 5 * d3 + d5);
}

#if FN_KERNEL == 3

FN_INLINE void fn_tile_output(fn_line to, fn_line from) /* A': 6 -> 4 */
{
    fn_lanes d1 = fn_get(from, 1), d2 = fn_get(from, 2);
    fn_lanes d3 = fn_get(from, 3), d4 = fn_get(from, 4);
    fn_lanes s = d1 + d2, t = d1 - d2, u = d3 + d4, v = d3 - d4;
    fn_set(to, 0, fn_get(from, 0) + s + u);
    fn_set(to, 1, t + 2 * v);
    fn_set(to, 2, s + 4 * u);
    fn_set(to, 3, t + 8 * v + fn_get(from, 5));
}

FN_INLINE void fn_tile_output_back(fn_line to, fn_line from) /* A: 4 -> 6 */
{
    fn_lanes d0 = fn_get(from, 0), d1 = fn_get(from, 1);
    fn_lanes d2 = fn_get(from, 2), d3 = fn_get(from, 3);
    fn_lanes even = d0 + d2, odd = d1 + d3, even2 = d0 + 4 * d2, odd2 = 2 * d1 + 8 * d3;
    fn_set(to, 0, d0);
    fn_set(to, 1, even + odd);
    fn_set(to, 2, even - odd);
    fn_set(to, 3, even2 + odd2);
    fn_set(to, 4, even2 - odd2);
    fn_set(to, 5, d3);
}

FN_INLINE void fn_tile_kernel(fn_line to, fn_line from) /* G: 3 -> 6 */
{
    fn_lanes a = fn_get(from, 0), b = fn_get(from, 1), c = fn_get(from, 2);
    fn_lanes sum = (a + c) / 6, part = a / 24 + c / 6;
    fn_set(to, 0, a / 4);
    fn_set(to, 1, -sum - b / 6);
    fn_set(to, 2, b / 6 - sum);
    fn_set(to, 3, part + b / 12);
    fn_set(to, 4, part - b / 12);
    fn_set(to, 5, c);
}

FN_INLINE void fn_tile_kernel_back(fn_line to, fn_line from) /* G': 6 -> 3 */
{
    fn_lanes d1 = fn_get(from, 1), d2 = fn_get(from, 2);
    fn_lanes d3 = fn_get(from, 3), d4 = fn_get(from, 4);
    fn_lanes s = d1 + d2, t = d2 - d1, u = d3 + d4, v = d3 - d4;
    fn_set(to, 0, fn_get(from, 0) / 4 - s / 6 + u / 24);
    fn_set(to, 1, t / 6 + v / 12);
    fn_set(to, 2, (u - s) / 6 + fn_get(from, 5));
}

#else

FN_INLINE void fn_tile_output(fn_line to, fn_line from) /* A': 6 -> 2 */
{
    fn_lanes d1 = fn_get(from, 1), d2 = fn_get(from, 2);
    fn_lanes d3 = fn_get(from, 3), d4 = fn_get(from, 4);
    fn_set(to, 0, fn_get(from, 0) + (d1 + d2) + (d3 + d4));
    fn_set(to, 1, (d1 - d2) + 2 * (d3 - d4) + fn_get(from, 5));
}

FN_INLINE void fn_tile_output_back(fn_line to, fn_line from) /* A: 2 -> 6 */
{
    fn_lanes d0 = fn_get(from, 0), d1 = fn_get(from, 1);
    fn_set(to, 0, d0);
    fn_set(to, 1, d0 + d1);
    fn_set(to, 2, d0 - d1);
    fn_set(to, 3, d0 + 2 * d1);
    fn_set(to, 4, d0 - 2 * d1);
    fn_set(to, 5, d1);
}

FN_INLINE void fn_tile_kernel(fn_line to, fn_line from) /* G: 5 -> 6 */
{
    fn_lanes a = fn_get(from, 0), b = fn_get(from, 1), c = fn_get(from, 2);
    fn_lanes d = fn_get(from, 3), e = fn_get(from, 4);
    fn_lanes even = (a + c + e) / 6, odd = (b + d) / 6;
    fn_lanes even2 = a / 24 + c / 6 + 2 * e / 3, odd2 = b / 12 + d / 3;
    fn_set(to, 0, a / 4);
    fn_set(to, 1, -even - odd);
    fn_set(to, 2, odd - even);
    fn_set(to, 3, even2 + odd2);
    fn_set(to, 4, even2 - odd2);
    fn_set(to, 5, e);
}

FN_INLINE void fn_tile_kernel_back(fn_line to, fn_line from) /* G': 6 -> 5 */
{
    fn_lanes d1 = fn_get(from, 1), d2 = fn_get(from, 2);
    fn_lanes d3 = fn_get(from, 3), d4 = fn_get(from, 4);
    fn_lanes s = (d1 + d2) / 6, t = (d2 - d1) / 6, u = d3 + d4, v = d3 - d4;
    fn_set(to, 0, fn_get(from, 0) / 4 - s + u / 24);
    fn_set(to, 1, t + v / 12);
    fn_set(to, 2, u / 6 - s);
    fn_set(to, 3, t + v / 3);
    fn_set(to, 4, 2 * u / 3 - s + fn_get(from, 5));
}

#endif

#endif
