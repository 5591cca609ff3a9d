/* winograd_tile.h -- the transforms of F(4x4, 3x3) on tiles of 6x6 pixels, eight channels at
 * a time (Lavin & Gray 2016, section 4.1; the names of the matrices are theirs):
 *
 *   y = A' [ (G g G') . (B' d B) ] A      d 6x6 of x, g 3x3, y 4x4
 *
 * A gradient goes the same way back, through the transposed matrices. */
#ifndef FN_KERNELS_WINOGRAD_TILE_H
#define FN_KERNELS_WINOGRAD_TILE_H

#include <stddef.h>

enum { FN_TILE = 6, FN_TILE_ALL = 36, FN_TILE_OUT = 4, FN_TILE_LANES = 8 };

/* Eight channels of a pixel, wherever they lie. */
typedef float fn_lanes __attribute__((vector_size(32), aligned(4), may_alias));

/* Each works in place on elements 0, step, 2 step, ... of d. */

static inline void fn_tile_input(fn_lanes *d, ptrdiff_t step) /* B': 6 -> 6 */
{
    fn_lanes d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step];
    fn_lanes even = d4 - 4 * d2, odd = d3 - 4 * d1, near = d4 - d2, far = 2 * (d3 - d1);
    d[0] = 4 * d0 - 5 * d2 + d4;
    d[step] = even + odd;
    d[2 * step] = even - odd;
    d[3 * step] = near + far;
    d[4 * step] = near - far;
    d[5 * step] = 4 * d1 - 5 * d3 + d[5 * step];
}

static inline void fn_tile_output(fn_lanes *d, ptrdiff_t step) /* A': 6 -> 4 */
{
    fn_lanes s = d[step] + d[2 * step], t = d[step] - d[2 * step];
    fn_lanes u = d[3 * step] + d[4 * step], v = d[3 * step] - d[4 * step];
    d[0] = d[0] + s + u;
    d[step] = t + 2 * v;
    d[2 * step] = s + 4 * u;
    d[3 * step] = t + 8 * v + d[5 * step];
}

static inline void fn_tile_output_back(fn_lanes *d, ptrdiff_t step) /* A: 4 -> 6 */
{
    fn_lanes even = d[0] + d[2 * step], odd = d[step] + d[3 * step], last = d[3 * step];
    fn_lanes even2 = d[0] + 4 * d[2 * step], odd2 = 2 * d[step] + 8 * d[3 * step];
    d[step] = even + odd;
    d[2 * step] = even - odd;
    d[3 * step] = even2 + odd2;
    d[4 * step] = even2 - odd2;
    d[5 * step] = last;
}

static inline void fn_tile_kernel(fn_lanes *d, ptrdiff_t step) /* G: 3 -> 6 */
{
    fn_lanes a = d[0], b = d[step], c = d[2 * step];
    fn_lanes sum = (a + c) / 6, part = a / 24 + c / 6;
    d[0] = a / 4;
    d[step] = -sum - b / 6;
    d[2 * step] = b / 6 - sum;
    d[3 * step] = part + b / 12;
    d[4 * step] = part - b / 12;
    d[5 * step] = c;
}

static inline void fn_tile_kernel_back(fn_lanes *d, ptrdiff_t step) /* G': 6 -> 3 */
{
    fn_lanes s = d[step] + d[2 * step], t = d[2 * step] - d[step];
    fn_lanes u = d[3 * step] + d[4 * step], v = d[3 * step] - d[4 * step];
    d[0] = d[0] / 4 - s / 6 + u / 24;
    d[step] = t / 6 + v / 12;
    d[2 * step] = (u - s) / 6 + d[5 * step];
}

/* Over the first `columns` columns, then over the first `rows` rows, of a tile of 6x6. */
static inline void fn_tile_both(fn_lanes d[FN_TILE_ALL],
                                void (*transform)(fn_lanes *d, ptrdiff_t step), int columns,
                                int rows)
{
    for (int k = 0; k < columns; k++)
        transform(d + k, FN_TILE);
    for (int k = 0; k < rows; k++)
        transform(d + (ptrdiff_t)k * FN_TILE, 1);
}

#endif
