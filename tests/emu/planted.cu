/* Kernels with mistakes in them, and their correct twins: tests/test_emu.c looks whether the
 * emulation sees the difference. Compiled with AddressSanitizer and UBSan, always.
 *
 * Each function runs one kernel, broken or not: 0 if its results are right. */
#include "tests/emu/planted.h"

enum { THREADS = 64, HALF_WARP = 16 };

/* 1, 2, 3, ... */
static std::vector<float> numbers(int count)
{
    std::vector<float> v((size_t)count);
    for (int i = 0; i < count; i++)
        v[(size_t)i] = (float)(i + 1);
    return v;
}

/* Whether to[i] = offset + i for all but the first `from`. */
static int is_off(const std::vector<float> &to, int from, int offset)
{
    for (int i = from; i < (int)to.size(); i++)
        if (!(to[(size_t)i] == (float)(i + offset)))
            return 1;
    return 0;
}

/* A thread reads what another one wrote; in order of their numbers it is there by luck. */
template <bool BROKEN> static __global__ void shift(float *to, const float *from)
{
    __shared__ float all[THREADS];
    unsigned me = threadIdx.x;
    all[me] = from[me];
    if (!BROKEN)
        __syncthreads();
    to[me] = me > 0 ? all[me - 1] : 0;
}

int fn_planted_barrier(bool broken)
{
    std::vector<float> from = numbers(THREADS), to(THREADS);
    float *y = to.data(), *x = from.data();
    if (broken)
        LAUNCH(shift<true>, 1, THREADS, 0, NULL, y, x);
    else
        LAUNCH(shift<false>, 1, THREADS, 0, NULL, y, x);
    return is_off(to, 1, 0);
}

/* Its memory is used again while others still read it. */
template <bool BROKEN> static __global__ void shift_twice(float *to, const float *from)
{
    __shared__ float all[THREADS];
    unsigned me = threadIdx.x;
    float sum = 0;
    for (int round = 0; round < 2; round++) {
        all[me] = from[me] + (float)round;
        __syncthreads();
        sum += all[(me + 1) % THREADS] - (float)round;
        if (!BROKEN)
            __syncthreads();
    }
    to[me] = sum / 2;
}

int fn_planted_reuse(bool broken)
{
    std::vector<float> from = numbers(THREADS), to(THREADS);
    float *y = to.data(), *x = from.data();
    if (broken)
        LAUNCH(shift_twice<true>, 1, THREADS, 0, NULL, y, x);
    else
        LAUNCH(shift_twice<false>, 1, THREADS, 0, NULL, y, x);
    to[THREADS - 1] += THREADS; /* it wrapped round */
    return is_off(to, 0, 2);
}

/* One half of the block waits here, the other there. */
template <bool BROKEN> static __global__ void diverge(float *to, const float *from)
{
    unsigned me = threadIdx.x;
    to[me] = from[me];
    if (BROKEN && me < THREADS / 2)
        __syncthreads();
    else
        __syncthreads();
}

int fn_planted_divergence(bool broken)
{
    std::vector<float> from = numbers(THREADS), to(THREADS);
    float *y = to.data(), *x = from.data();
    if (broken)
        LAUNCH(diverge<true>, 1, THREADS, 0, NULL, y, x);
    else
        LAUNCH(diverge<false>, 1, THREADS, 0, NULL, y, x);
    return is_off(to, 0, 1);
}

/* A thread without work goes home before the barrier. */
template <bool BROKEN>
static __global__ void go_home(float *to, const float *from, int count)
{
    int me = (int)threadIdx.x;
    if (BROKEN && me >= count)
        return;
    __syncthreads();
    if (me < count)
        to[me] = from[me];
}

int fn_planted_return(bool broken)
{
    std::vector<float> from = numbers(THREADS - 5), to(THREADS - 5);
    float *y = to.data(), *x = from.data();
    if (broken)
        LAUNCH(go_home<true>, 1, THREADS, 0, NULL, y, x, THREADS - 5);
    else
        LAUNCH(go_home<false>, 1, THREADS, 0, NULL, y, x, THREADS - 5);
    return is_off(to, 0, 1);
}

static __global__ void copy(float *to, const float *from, int count)
{
    if ((int)threadIdx.x < count)
        to[threadIdx.x] = from[threadIdx.x];
}

int fn_planted_overrun(bool broken)
{
    std::vector<float> from = numbers(THREADS), to(THREADS - 7);
    float *y = to.data(), *x = from.data();
    LAUNCH(copy, 1, THREADS, 0, NULL, y, x, THREADS - 7 + broken);
    return is_off(to, 0, 1);
}

/* The last thread reads beyond the end of shared memory. */
static __global__ void shared_overrun(float *to, const float *from, unsigned beyond)
{
    __shared__ float all[THREADS];
    unsigned me = threadIdx.x;
    all[me] = from[me];
    __syncthreads();
    to[me] = all[me < THREADS - 1 ? me : me + beyond];
}

int fn_planted_shared_overrun(bool broken)
{
    std::vector<float> from = numbers(THREADS), to(THREADS);
    float *y = to.data(), *x = from.data();
    LAUNCH(shared_overrun, 1, THREADS, 0, NULL, y, x, broken);
    return is_off(to, 0, 1);
}

static __global__ void copy_vectors(float *to, const float *from)
{
    unsigned at = threadIdx.x * 4;
    *reinterpret_cast<uint4 *>(to + at) = *reinterpret_cast<const uint4 *>(from + at);
}

/* 16 bytes at an address that is a float's. */
int fn_planted_alignment(bool broken)
{
    std::vector<uint4> place(THREADS + 1);
    std::vector<float> from = numbers(4 * THREADS + 1);
    float *x = (float *)place.data() + broken;
    std::vector<uint4> to(THREADS);
    float *y = (float *)to.data();
    memcpy(x, from.data(), 4 * THREADS * sizeof *x);
    LAUNCH(copy_vectors, 1, THREADS, 0, NULL, y, x);
    return !(y[0] == 1 && y[4 * THREADS - 1] == 4 * THREADS);
}

/* All lanes shuffle, and the mask names half of them. */
static __global__ void swap(float *to, const float *from, unsigned mask)
{
    unsigned me = threadIdx.x;
    to[me ^ 1] = __shfl_xor_sync(mask, from[me], 1);
    to[me] = __shfl_xor_sync(mask, to[me], 1);
}

int fn_planted_mask(bool broken)
{
    std::vector<float> from = numbers(32), to(32);
    float *y = to.data(), *x = from.data();
    LAUNCH(swap, 1, 32, 0, NULL, y, x, broken ? 0xffffu : 0xffffffffu);
    return 0;
}

/* A lane within the mask reads one that is not. */
template <bool BROKEN> static __global__ void far_lane(float *to, const float *from)
{
    unsigned me = threadIdx.x;
    if (me < HALF_WARP)
        to[me] = __shfl_xor_sync(0xffffu, from[me], BROKEN ? HALF_WARP : 0);
}

int fn_planted_source(bool broken)
{
    std::vector<float> from = numbers(32), to(HALF_WARP);
    float *y = to.data(), *x = from.data();
    if (broken)
        LAUNCH(far_lane<true>, 1, 32, 0, NULL, y, x);
    else
        LAUNCH(far_lane<false>, 1, 32, 0, NULL, y, x);
    return is_off(to, 0, 1);
}

/* The mask names lanes that do not come. */
template <bool BROKEN> static __global__ void absent(float *to, const float *from)
{
    unsigned me = threadIdx.x, mask = BROKEN ? 0xffffffffu : 0xffffu;
    if (me < HALF_WARP)
        to[me] = __shfl_sync(mask, from[me], (int)me);
}

int fn_planted_absence(bool broken)
{
    std::vector<float> from = numbers(32), to(HALF_WARP);
    float *y = to.data(), *x = from.data();
    if (broken)
        LAUNCH(absent<true>, 1, 32, 0, NULL, y, x);
    else
        LAUNCH(absent<false>, 1, 32, 0, NULL, y, x);
    return is_off(to, 0, 1);
}

/* A sum begins with what dynamic shared memory has. */
template <bool BROKEN> static __global__ void add_up(float *to, const float *from)
{
    FN_SHARED(float, sum);
    unsigned me = threadIdx.x;
    if (!BROKEN)
        sum[me] = 0;
    sum[me] += from[me];
    to[me] = sum[me];
}

int fn_planted_start(bool broken)
{
    std::vector<float> from = numbers(THREADS), to(THREADS);
    float *y = to.data(), *x = from.data();
    if (broken)
        LAUNCH(add_up<true>, 1, THREADS, THREADS * sizeof(float), NULL, y, x);
    else
        LAUNCH(add_up<false>, 1, THREADS, THREADS * sizeof(float), NULL, y, x);
    return is_off(to, 0, 1);
}

int fn_planted_launch(bool broken)
{
    std::vector<float> from = numbers(1024), to(1024);
    float *y = to.data(), *x = from.data();
    LAUNCH(copy, 1, 1024 + broken, 0, NULL, y, x, 1024);
    return is_off(to, 0, 1);
}
