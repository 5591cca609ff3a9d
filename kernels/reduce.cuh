/* reduce.cuh -- sums over a block in a fixed order: the same bits in every run. */
#ifndef FN_KERNELS_REDUCE_CUH
#define FN_KERNELS_REDUCE_CUH

#include "kernels/launch.cuh"

static const int WARPS = BLOCK / WARP_SIZE;
static const unsigned WHOLE_WARP = 0xffffffffu;

static __device__ inline int lane_of_warp()
{
    return (int)threadIdx.x % WARP_SIZE;
}

static __device__ inline int warp_of_block()
{
    return (int)threadIdx.x / WARP_SIZE;
}

/* Of a warp whose lanes all call it; all get the sum. */
template <typename T> static __device__ inline T warp_sum(T v)
{
    for (int by = WARP_SIZE / 2; by > 0; by /= 2)
        v += __shfl_xor_sync(WHOLE_WARP, v, by);
    return v;
}

/* Of a block of BLOCK threads that all call it; all get the sum. */
template <typename T> static __device__ inline T block_sum(T v)
{
    __shared__ T part[WARPS];
    T sum = 0;
    v = warp_sum(v);
    __syncthreads(); /* somebody may still read the sum before */
    if (lane_of_warp() == 0)
        part[warp_of_block()] = v;
    __syncthreads();
    for (int i = 0; i < WARPS; i++)
        sum += part[i];
    return sum;
}

#endif
