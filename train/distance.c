/* distance -- squared distances of all pairs of rows by one matrix product:
 *   |a - b|^2 = a.a + b.b - 2 a.b
 * Rounding can leave a difference of near rows below 0, and a.b unlike b.a: the lower half is
 * a copy of the upper one, and nothing stays below 0. A NaN stays what it is. */
#include "kernels/gemm.h"
#include "train/mine.h"

enum { TILE = 32 }; /* two tiles of floats lie in the first-level cache */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Products to distances, for the tile at (row, column) and its mirror image. The diagonal keeps
 * the products a.a, which other tiles read. */
static void finish_tile(float *d, int64_t n, int64_t row, int64_t column)
{
    int64_t below = smaller(row + TILE, n), right = smaller(column + TILE, n);
    for (int64_t i = row; i < below; i++)
        for (int64_t j = column > i ? column : i + 1; j < right; j++) {
            float far = d[i * n + i] + d[j * n + j] - 2 * d[i * n + j];
            d[i * n + j] = d[j * n + i] = far < 0 ? 0 : far;
        }
}

fn_status fn_distances(float *d, const float *e, int n, int dim)
{
    int64_t rows = n;
    FN_TRY(fn_gemm(false, true, rows, rows, dim, 1, e, dim, e, dim, 0, d, rows));
#pragma omp parallel for schedule(dynamic)
    for (int64_t row = 0; row < rows; row += TILE)
        for (int64_t column = row; column < rows; column += TILE)
            finish_tile(d, rows, row, column);
    for (int64_t i = 0; i < rows; i++)
        d[i * rows + i] = 0;
    return FN_OK;
}
