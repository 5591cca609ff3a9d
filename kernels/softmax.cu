/* softmax on the GPU: some lanes of a warp share a row. They read it three times, twice from the
 * cache; each overwrites at last only what it alone reads, so that y may be x. */
#include "kernels/rows.cuh"

template <typename T>
static __global__ void forward(T *y, const T *x, int64_t rows, int64_t width, int lanes)
{
    for (row_walk w = walk_rows(lanes); warp_has_rows(w, lanes, rows); w.row += w.step) {
        bool there = w.row < rows;
        const T *from = x + w.row * width;
        float most = -INFINITY, sum = 0;
        for (int64_t k = w.lane; there && k < width; k += lanes)
            most = fmaxf(most, as_float(from[k]));
        most = row_max(most, lanes);
        for (int64_t k = w.lane; there && k < width; k += lanes)
            sum += expf(as_float(from[k]) - most);
        sum = row_sum(sum, lanes);
        for (int64_t k = w.lane; there && k < width; k += lanes)
            put(y + w.row * width + k, expf(as_float(from[k]) - most) / sum);
    }
}

template <typename T>
static __global__ void backward(T *dx, const T *dy, const T *y, int64_t rows, int64_t width,
                                int lanes)
{
    for (row_walk w = walk_rows(lanes); warp_has_rows(w, lanes, rows); w.row += w.step) {
        bool there = w.row < rows;
        int64_t at = w.row * width;
        float sum = 0;
        for (int64_t k = at + w.lane; there && k < at + width; k += lanes)
            sum += as_float(y[k]) * as_float(dy[k]);
        sum = row_sum(sum, lanes);
        for (int64_t k = at + w.lane; there && k < at + width; k += lanes)
            put(dx + k, as_float(y[k]) * (as_float(dy[k]) - sum));
    }
}

int fn_launch_softmax(void *y, const void *x, int64_t rows, int64_t width, int type,
                      void *stream)
{
    int lanes = lanes_for(width);
    FN_WITH_TYPE(type, LAUNCH(forward<T>, blocks_for(rows * lanes), BLOCK, 0, stream,
                              (T *)y, (const T *)x, rows, width, lanes));
    return (int)cudaGetLastError();
}

int fn_launch_softmax_back(void *dx, const void *dy, const void *y, int64_t rows,
                           int64_t width, int type, void *stream)
{
    int lanes = lanes_for(width);
    FN_WITH_TYPE(type, LAUNCH(backward<T>, blocks_for(rows * lanes), BLOCK, 0, stream,
                              (T *)dx, (const T *)dy, (const T *)y, rows, width, lanes));
    return (int)cudaGetLastError();
}
