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

/* --- backward, with g the gradient behind the relu --- */

/* Of a channel, and how many values of it the means of backward are over. */
struct statistics {
    float mean, var, eps;
    int64_t count;
};

static __device__ inline double variance_of(const statistics &of)
{
    return (double)of.var + (double)of.eps;
}

/* From the sums of g and of g (x - mean); to channel k. */
static __device__ inline void give_gradients(const fn_batchnorm_gradients &to, int64_t k,
                                             const double (&sum)[2], const statistics &of)
{
    if (to.gain)
        to.gain[k] = (float)(sum[1] / sqrt(variance_of(of)));
    if (to.shift)
        to.shift[k] = (float)sum[0];
    if (to.mean)
        to.mean[k] = of.mean;
    if (to.var)
        to.var[k] = of.var;
}

/* What is taken from every g, by itself and by x - mean; they lie `apart`. */
static __device__ inline void give_shares(float *share, int64_t apart,
                                          const double (&sum)[2], const statistics &of)
{
    share[0] = (float)(sum[0] / (double)of.count);
    share[apart] = (float)(sum[1] / variance_of(of) / (double)of.count);
}

template <int N> struct shares {
    lanes<N> less, slope;
};

template <int N>
static __device__ inline shares<N> shares_of(const float *share, int64_t apart)
{
    shares<N> of = {read<N>(share), read<N>(share + apart)};
    return of;
}

template <int N>
static __device__ float gradient_of(const scales<N> &s, const shares<N> &of,
                                    const lanes<N> &x, float g, int k)
{
    float along = (x.v[k] - s.mean.v[k]) * of.slope.v[k];
    return s.factor.v[k] * (g - of.less.v[k] - along);
}

#endif
