/* fork.cuh -- the readers of one value, as a launch takes them. */
#ifndef FN_KERNELS_FORK_CUH
#define FN_KERNELS_FORK_CUH

#include "kernels/channels.cuh"

/* Loops over them go to FN_MAX_OUT, so that `at` is indexed by constants and stays where the
 * launch put it. */
struct readers {
    void *at[FN_MAX_OUT];
    int count;
};

static inline readers readers_of(const fn_tensor *t, int n)
{
    readers r = {};
    r.count = n;
    for (int i = 0; i < n; i++)
        r.at[i] = t[i].data;
    return r;
}

/* The plan lets all outputs be one buffer. */
static inline readers different(const fn_tensor *y, int n)
{
    return readers_of(y, n > 1 && y[1].data == y[0].data ? 1 : n);
}

template <typename T, int N>
static __device__ inline void write_all(const readers &y, int64_t at, const lanes<N> &v)
{
    UNROLL
    for (int k = 0; k < FN_MAX_OUT; k++)
        if (k < y.count)
            write((T *)y.at[k] + at, v);
}

/* In the order of the readers. */
template <typename T, int N>
static __device__ inline lanes<N> sum_of(const readers &dy, int64_t at)
{
    lanes<N> sum = read<N>((const T *)dy.at[0] + at);
    UNROLL
    for (int r = 1; r < FN_MAX_OUT; r++)
        if (r < dy.count) {
            lanes<N> more = read<N>((const T *)dy.at[r] + at);
            for (int k = 0; k < N; k++)
                sum.v[k] += more.v[k];
        }
    return sum;
}

#endif
