/* lrn.cuh -- a row's channels normalised by their neighbours, in registers: for the kernels that
 * do nothing else and for those that pool as well. */
#ifndef FN_KERNELS_LRN_CUH
#define FN_KERNELS_LRN_CUH

#include "kernels/channels.cuh"
#include "kernels/lrn.h"

struct constants {
    float k, scale, beta, slope; /* scale: alpha/size; slope: 2 alpha beta/size */
    int half;
    int64_t rows, channels;
};

static inline constants constants_of(const fn_lrn *a, int64_t rows, int64_t channels)
{
    constants c = {};
    c.k = a->k;
    c.scale = a->alpha / (float)a->size;
    c.beta = a->beta;
    c.slope = 2 * a->alpha * a->beta / (float)a->size;
    c.half = a->size / 2;
    c.rows = rows;
    c.channels = channels;
    return c;
}

struct powers {
    float factor, inverse; /* base^-beta, 1 / base */
};

static __device__ inline powers powers_of(float squares, const constants &a)
{
    float base = a.k + a.scale * squares;
    powers p;
    if (a.beta == 0.75f) {
        float root = rsqrtf(base);
        p.inverse = root * root;
        p.factor = p.inverse * rsqrtf(root);
    } else {
        p.inverse = 1 / base;
        p.factor = powf(base, -a.beta);
    }
    return p;
}

/* --- windows of five --- */

enum { HALF = 2 };

/* A column and its neighbours on both sides, zeros beyond the ends of the row. */
template <int N> struct wide {
    float v[3 * N];
};

template <int N, typename T>
static __device__ wide<N> read_wide(const T *row, int64_t at, int64_t channels)
{
    wide<N> out;
    UNROLL
    for (int part = 0; part < 3; part++) {
        int64_t from = at + (part - 1) * N;
        lanes<N> v = {};
        if (from >= 0 && from < channels)
            v = read<N>(row + from);
        for (int k = 0; k < N; k++)
            out.v[part * N + k] = v.v[k];
    }
    return out;
}

/* Around element i of x. */
template <int N> static __device__ float squares_around(const wide<N> &x, int i)
{
    float sum = 0;
    UNROLL
    for (int m = i - HALF; m <= i + HALF; m++)
        sum += x.v[m] * x.v[m];
    return sum;
}

/* The column in the middle of x. */
template <int N> static __device__ lanes<N> normalised(const wide<N> &x, const constants &a)
{
    lanes<N> out;
    UNROLL
    for (int k = 0; k < N; k++)
        out.v[k] = x.v[N + k] * powers_of(squares_around(x, N + k), a).factor;
    return out;
}

template <int N>
static __device__ lanes<N> normalised_back(const wide<N> &dy, const wide<N> &x,
                                           const constants &a)
{
    float term[N + 2 * HALF]; /* dy x base^-(beta + 1), of HALF more on both sides */
    lanes<N> out;
    UNROLL
    for (int i = 0; i < N + 2 * HALF; i++) {
        int on = N - HALF + i;
        powers p = powers_of(squares_around(x, on), a);
        term[i] = dy.v[on] * x.v[on] * p.factor * p.inverse;
        if (i >= HALF && i < N + HALF)
            out.v[i - HALF] = dy.v[on] * p.factor;
    }
    UNROLL
    for (int k = 0; k < N; k++) {
        float sum = 0;
        UNROLL
        for (int i = k; i <= k + 2 * HALF; i++)
            sum += term[i];
        out.v[k] -= a.slope * x.v[N + k] * sum;
    }
    return out;
}

#endif
