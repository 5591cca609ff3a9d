/* poolnorm.cuh -- what both directions of poolnorm share. Windows are 3x3 with stride 2, lrn is of
 * five channels: a thread has a column of channels, with its neighbours' for the lrn. */
#ifndef FN_KERNELS_POOLNORM_CUH
#define FN_KERNELS_POOLNORM_CUH

#include "kernels/lrn.cuh"
#include "kernels/pool_half.cuh"
#include "kernels/poolnorm.h"

struct job {
    pool p;
    constants norm;
    bool relu;
    int64_t bands;
};

/* The biases of a column and its neighbours; 0 without, and beyond the ends of the row. */
template <int N>
static __device__ wide<N> read_bias(const float *bias, int64_t channel, int64_t channels)
{
    wide<N> b = {};
    UNROLL
    for (int k = 0; k < 3 * N; k++) {
        int64_t at = channel - N + k;
        if (bias && at >= 0 && at < channels)
            b.v[k] = bias[at];
    }
    return b;
}

/* + b, and the ReLU; a NaN stays. */
template <int N> static __device__ wide<N> activated(wide<N> x, const wide<N> &b, bool relu)
{
    UNROLL
    for (int k = 0; k < 3 * N; k++) {
        x.v[k] += b.v[k];
        if (relu && x.v[k] < 0)
            x.v[k] = 0;
    }
    return x;
}

static inline job job_of(const fn_poolnorm_launch *l)
{
    job a = {};
    a.p = pool_of(l->walk);
    a.norm = constants_of(&l->attr->norm, 0, a.p.channels);
    a.relu = l->attr->relu;
    a.bands = half_bands(a.p);
    return a;
}

#endif
