/* maxout on the GPU: a thread has one output. Its pieces lie side by side, so that a warp's reads
 * of one piece after another are served by the same lines of the cache. */
#include "kernels/launch.cuh"

static __device__ int greatest(const float *piece, int n)
{
    int best = 0;
    for (int k = 1; k < n; k++)
        if (piece[k] > piece[best])
            best = k;
    return best;
}

static __global__ void forward(float *y, const float *x, int64_t count, int pieces)
{
    for (int64_t i = first_item(); i < count; i += stride())
        y[i] = x[i * pieces + greatest(x + i * pieces, pieces)];
}

static __global__ void backward(float *dx, const float *dy, const float *x, int64_t count,
                                int pieces)
{
    for (int64_t i = first_item(); i < count; i += stride()) {
        int best = greatest(x + i * pieces, pieces);
        for (int k = 0; k < pieces; k++)
            dx[i * pieces + k] = k == best ? dy[i] : 0;
    }
}

int fn_launch_maxout(float *y, const float *x, int64_t count, int pieces, void *stream)
{
    LAUNCH(forward, blocks_for(count), BLOCK, 0, stream, y, x, count, pieces);
    return (int)cudaGetLastError();
}

int fn_launch_maxout_back(float *dx, const float *dy, const float *x, int64_t count,
                          int pieces, void *stream)
{
    LAUNCH(backward, blocks_for(count), BLOCK, 0, stream, dx, dy, x, count, pieces);
    return (int)cudaGetLastError();
}
