/* batchnorm.cuh -- a column of channels and its statistics, for kernels that normalise. */
#ifndef FN_KERNELS_BATCHNORM_CUH
#define FN_KERNELS_BATCHNORM_CUH

#include "kernels/channels.cuh"

/* Of a column of channels. */
template <int N> struct scales {
    lanes<N> mean, factor, shift; /* y = (x - mean) factor + shift */
};

static __device__ inline float factor_of(float gain, float var, float eps)
{
    return gain / sqrtf(var + eps);
}

template <int N> static __device__ scales<N> scales_of(fn_batchnorm_launch a, int64_t at)
{
    scales<N> s = {read_weight<N>(a.mean + at), read_weight<N>(a.gain + at),
                   read_weight<N>(a.shift + at)};
    lanes<N> var = read_weight<N>(a.var + at);
    for (int k = 0; k < N; k++)
        s.factor.v[k] = factor_of(s.factor.v[k], var.v[k], a.eps);
    return s;
}

template <int N>
static __device__ float normalised(const scales<N> &s, const lanes<N> &x, int k)
{
    return fmaf(x.v[k] - s.mean.v[k], s.factor.v[k], s.shift.v[k]);
}

/* The gradient behind the relu. */
template <int N>
static __device__ float behind_relu(const scales<N> &s, const lanes<N> &x,
                                    const lanes<N> &dy, int k, int relu)
{
    return relu && !(normalised(s, x, k) > 0) ? 0 : dy.v[k];
}

#endif
