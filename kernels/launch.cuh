/* launch.cuh -- what the .cu files share: 16 bytes at a time, storage types, launches.
 *
 * tests/emu/cuemu.hpp, included first, runs them on the CPU with a LAUNCH of its own. */
#ifndef FN_KERNELS_LAUNCH_CUH
#define FN_KERNELS_LAUNCH_CUH

#include "kernels/launch.h"
#include "kernels/op.h"

#include <cuda_bf16.h>

#ifndef LAUNCH
#    define LAUNCH(kernel, grid, block, shared, stream, ...) \
        kernel<<<(grid), (block), (shared), (cudaStream_t)(stream)>>>(__VA_ARGS__)
#endif

/* In front of a loop over an array that shall stay in registers. */
#ifdef __CUDACC__
#    define UNROLL _Pragma("unroll")
#else
#    define UNROLL
#endif

/* Dynamic shared memory. Above 48 KB a kernel has to be allowed to. */
#ifndef FN_SHARED
#    define FN_SHARED(T, name)                \
        extern __shared__ uint4 fn_dynamic[]; \
        T *name = reinterpret_cast<T *>(fn_dynamic)
#endif
#define FN_ALLOW_SHARED(kernel, bytes)                           \
    cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel), \
                         cudaFuncAttributeMaxDynamicSharedMemorySize, (int)(bytes))

typedef __nv_bfloat16 bf16;

static __device__ inline float as_float(float v)
{
    return v;
}

static __device__ inline float as_float(bf16 v)
{
    return __bfloat162float(v);
}

static __device__ inline void put(float *to, float v)
{
    *to = v;
}

static __device__ inline void put(bf16 *to, float v)
{
    *to = __float2bfloat16_rn(v);
}

/* 16 bytes of values as floats. The address is 16-byte aligned. */
template <typename T> struct pack {
    enum { SIZE = 16 / sizeof(T) };
    float v[SIZE];
};

template <typename T> static __device__ inline pack<T> load(const T *from)
{
    union {
        uint4 all;
        T each[pack<T>::SIZE];
    } bits = {*reinterpret_cast<const uint4 *>(from)};
    pack<T> p;
    for (int i = 0; i < pack<T>::SIZE; i++)
        p.v[i] = as_float(bits.each[i]);
    return p;
}

template <typename T> static __device__ inline void store(T *to, const pack<T> &p)
{
    union {
        uint4 all;
        T each[pack<T>::SIZE];
    } bits = {};
    for (int i = 0; i < pack<T>::SIZE; i++)
        put(&bits.each[i], p.v[i]);
    *reinterpret_cast<uint4 *>(to) = bits.all;
}

/* Threads of a block, and blocks of a grid that fills the card, and strides. The emulation has
 * fewer, so that small tensors fill it too. */
#ifndef FN_BLOCK
#    define FN_BLOCK       256
#    define FN_MOST_BLOCKS (132 * 8)
#endif
static const int BLOCK = FN_BLOCK, MOST_BLOCKS = FN_MOST_BLOCKS, WARP_SIZE = 32;

/* For kernels that would take a few registers more than four blocks of a processor can have. */
#define FOUR_BLOCKS __launch_bounds__(BLOCK, 4)

/* Blocks for a grid-stride loop over `work` items. */
static inline unsigned blocks_for(int64_t work)
{
    int64_t blocks = (work + BLOCK - 1) / BLOCK;
    return (unsigned)(blocks < 1 ? 1 : blocks > MOST_BLOCKS ? MOST_BLOCKS : blocks);
}

static __device__ inline int64_t first_item()
{
    return (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
}

static __device__ inline int64_t stride()
{
    return (int64_t)gridDim.x * blockDim.x;
}

/* Runs the statement with T the storage type. */
#define FN_WITH_TYPE(type, ...)  \
    do {                         \
        if ((type) == FN_BF16) { \
            typedef bf16 T;      \
            __VA_ARGS__;         \
        } else {                 \
            typedef float T;     \
            __VA_ARGS__;         \
        }                        \
    } while (0)

#endif
