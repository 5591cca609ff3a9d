/* l2norm on the GPU: a row is a warp's. Lengths are summed in double: float would flush the squares
 * of small numbers to zero, and take a short row for an empty one. */
#include "kernels/rows.cuh"

/* Of the whole row, to all of its lanes; 0 for a row beyond the end. */
static __device__ double dot(const float *a, const float *b, int64_t width, int lane,
                             int lanes, bool there)
{
    double sum = 0;
    for (int64_t k = lane; there && k < width; k += lanes)
        sum += (double)a[k] * (double)b[k];
    return row_sum(sum, lanes);
}

static __global__ void forward(float *y, const float *x, int64_t rows, int64_t width,
                               int lanes)
{
    for (row_walk w = walk_rows(lanes); warp_has_rows(w, lanes, rows); w.row += w.step) {
        bool there = w.row < rows;
        int64_t at = w.row * width;
        double squares = dot(x + at, x + at, width, w.lane, lanes, there);
        double scale = squares > 0 ? 1 / sqrt(squares) : 0;
        for (int64_t k = at + w.lane; there && k < at + width; k += lanes)
            y[k] = (float)((double)x[k] * scale);
    }
}

static __global__ void backward(float *dx, const float *dy, const float *x, int64_t rows,
                                int64_t width, int lanes)
{
    for (row_walk w = walk_rows(lanes); warp_has_rows(w, lanes, rows); w.row += w.step) {
        bool there = w.row < rows;
        int64_t at = w.row * width;
        double squares = dot(x + at, x + at, width, w.lane, lanes, there);
        double along = dot(x + at, dy + at, width, w.lane, lanes, there);
        double scale = squares > 0 ? 1 / sqrt(squares) : 0;
        along = squares > 0 ? along / squares : 0;
        for (int64_t k = at + w.lane; there && k < at + width; k += lanes)
            dx[k] = (float)(((double)dy[k] - (double)x[k] * along) * scale);
    }
}

int fn_launch_l2norm(float *y, const float *x, int64_t rows, int64_t width, void *stream)
{
    int lanes = lanes_for(width);
    LAUNCH(forward, blocks_for(rows * lanes), BLOCK, 0, stream, y, x, rows, width, lanes);
    return (int)cudaGetLastError();
}

int fn_launch_l2norm_back(float *dx, const float *dy, const float *x, int64_t rows,
                          int64_t width, void *stream)
{
    int lanes = lanes_for(width);
    LAUNCH(backward, blocks_for(rows * lanes), BLOCK, 0, stream, dx, dy, x, rows, width,
           lanes);
    return (int)cudaGetLastError();
}
