/* update -- train/optim.c on the GPU: every weight in one launch, over the flat buffers cut into
 * pieces that lie within one parameter.
 *
 * The norm before it is a sum of the pieces' sums, both in a fixed order. Whether the step is
 * taken, and with which numbers, is decided on the GPU: the host need not know. */
#include "kernels/launch_train.h"
#include "kernels/reduce.cuh"

#include <float.h>
#include <math.h>

/* --- the rules, for one element --- */

struct numbers {
    float rate, scale, momentum, beta2, eps;
    float decay; /* 0 where the weight is no kernel */
    float fix_m, fix_v;
};

struct element {
    float w, a, b; /* weight; adagrad: s; sgd: m; adam, adamw: m, v */
};

struct adagrad {
    enum { STATES = 1 };
    static __device__ void step(element *x, float g, const numbers &r)
    {
        float by = r.scale * g;
        x->a += by * by;
        x->w -= r.rate * (by / (sqrtf(x->a) + r.eps) + r.decay * x->w);
    }
};

struct sgd {
    enum { STATES = 1 };
    static __device__ void step(element *x, float g, const numbers &r)
    {
        x->a = r.momentum * x->a + r.scale * g;
        x->w -= r.rate * (x->a + r.decay * x->w);
    }
};

static __device__ float adam_move(element *x, float by, const numbers &r)
{
    x->a = r.momentum * x->a + (1 - r.momentum) * by;
    x->b = r.beta2 * x->b + (1 - r.beta2) * by * by;
    return x->a * r.fix_m / (sqrtf(x->b * r.fix_v) + r.eps);
}

struct adam {
    enum { STATES = 2 };
    static __device__ void step(element *x, float g, const numbers &r)
    {
        x->w -= r.rate * adam_move(x, r.scale * g + r.decay * x->w, r);
    }
};

struct adamw {
    enum { STATES = 2 };
    static __device__ void step(element *x, float g, const numbers &r)
    {
        x->w -= r.rate * (adam_move(x, r.scale * g, r) + r.decay * x->w);
    }
};

/* --- a piece, by a block --- */

template <typename RULE>
static __device__ void step_four(const fn_update &u, int64_t at, const numbers &r)
{
    pack<float> w = load(u.w + at), g = load(u.g + at), a = load(u.state[0] + at), b = {};
    if (RULE::STATES > 1)
        b = load(u.state[1] + at);
    for (int k = 0; k < pack<float>::SIZE; k++) {
        element x = {w.v[k], a.v[k], b.v[k]};
        RULE::step(&x, g.v[k], r);
        w.v[k] = x.w;
        a.v[k] = x.a;
        b.v[k] = x.b;
    }
    store(u.w + at, w);
    store(u.state[0] + at, a);
    if (RULE::STATES > 1)
        store(u.state[1] + at, b);
}

template <typename RULE>
static __device__ void step_one(const fn_update &u, int64_t at, const numbers &r)
{
    element x = {u.w[at], u.state[0][at], RULE::STATES > 1 ? u.state[1][at] : 0};
    RULE::step(&x, u.g[at], r);
    u.w[at] = x.w;
    u.state[0][at] = x.a;
    if (RULE::STATES > 1)
        u.state[1][at] = x.b;
}

template <typename RULE>
static __device__ void step_piece(const fn_update &u, const fn_update_piece &p,
                                  const numbers &r)
{
    int64_t end = p.at + p.count, whole = p.at + p.count / 4 * 4;
    for (int64_t at = p.at + 4 * (int)threadIdx.x; at < whole; at += 4 * BLOCK)
        step_four<RULE>(u, at, r);
    for (int64_t at = whole + (int)threadIdx.x; at < end; at += BLOCK)
        step_one<RULE>(u, at, r);
}

static __device__ void move_statistic(const fn_update &u, const fn_update_piece &p,
                                      float keep)
{
    for (int64_t at = p.at + (int)threadIdx.x; at < p.at + p.count; at += BLOCK)
        u.w[at] += (1 - keep) * (u.g[at] - u.w[at]);
}

template <typename RULE> static __global__ void step(fn_update u, fn_update_rule r)
{
    const fn_update_state *s = u.taken;
    if (!s->sound)
        return;
    for (int64_t i = blockIdx.x; i < u.pieces; i += gridDim.x) {
        fn_update_piece p = u.piece[i];
        numbers of = {u.told->rate, s->scale, r.momentum,
                      r.beta2,      r.eps,    p.decayed ? r.decay : 0,
                      s->fix_m,     s->fix_v};
        if (p.trained)
            step_piece<RULE>(u, p, of);
        else
            move_statistic(u, p, r.keep);
    }
}

/* --- before it: the norm, and what follows from it --- */

/* In double, as fn_optim_norm: no square overflows. Statistics do not count. */
static __global__ void square_pieces(fn_update u)
{
    for (int64_t i = blockIdx.x; i < u.pieces; i += gridDim.x) {
        fn_update_piece p = u.piece[i];
        double sum = 0;
        for (int k = (int)threadIdx.x; p.trained && k < p.count; k += BLOCK) {
            double g = (double)u.g[p.at + k];
            sum += g * g;
        }
        sum = block_sum(sum);
        if (threadIdx.x == 0)
            u.part[i] = sum;
    }
}

static __device__ bool is_finite(double x)
{
    return fabs(x) <= DBL_MAX;
}

/* As fn_optim_clip. */
static __device__ float clip(double norm, float most)
{
    return most > 0 && norm > (double)most ? (float)((double)most / norm) : 1;
}

static __device__ float fix(float beta, int64_t steps)
{
    return (float)(1 / (1 - pow((double)beta, (double)steps)));
}

static __global__ void decide(fn_update u, fn_update_rule r)
{
    double sum = 0;
    for (int64_t i = (int)threadIdx.x; i < u.pieces; i += BLOCK)
        sum += u.part[i];
    sum = block_sum(sum);
    fn_update_state *s = u.taken;
    if (threadIdx.x > 0 || s->skipped >= r.patience)
        return;
    s->step = u.told->step;
    s->loss = *u.loss;
    s->norm = sqrt(sum);
    s->scale = clip(s->norm, r.clip);
    s->sound = is_finite(s->norm) && is_finite(s->loss);
    s->skipped = s->sound ? 0 : s->skipped + 1;
    s->steps += s->sound;
    s->fix_m = fix(r.momentum, s->steps);
    s->fix_v = fix(r.beta2, s->steps);
}

/* --- the gradients of a batch in chunks --- */

static __global__ void add_gradients(float *sum, const float *g,
                                     const fn_update_piece *piece, int64_t pieces,
                                     float share)
{
    for (int64_t i = blockIdx.x; i < pieces; i += gridDim.x) {
        fn_update_piece p = piece[i];
        float by = p.trained ? 1 : share;
        for (int64_t k = p.at + (int)threadIdx.x; k < p.at + p.count; k += BLOCK)
            sum[k] += by * g[k];
    }
}

/* --- launches --- */

static unsigned blocks_of(int64_t pieces)
{
    return (unsigned)(pieces < MOST_BLOCKS ? pieces : MOST_BLOCKS);
}

int fn_launch_update(const fn_update *u, const fn_update_rule *r, void *stream)
{
    static void (*const steps[])(fn_update, fn_update_rule) = {
        step<adagrad>, step<sgd>, step<adam>, step<adamw>}; /* FN_UPDATE_* */
    auto kernel = steps[r->kind];
    LAUNCH(square_pieces, blocks_of(u->pieces), BLOCK, 0, stream, *u);
    LAUNCH(decide, 1, BLOCK, 0, stream, *u, *r);
    LAUNCH(kernel, blocks_of(u->pieces), BLOCK, 0, stream, *u, *r);
    return (int)cudaGetLastError();
}

int fn_launch_add_gradients(float *sum, const float *g, const fn_update_piece *piece,
                            int64_t pieces, float share, void *stream)
{
    LAUNCH(add_gradients, blocks_of(pieces), BLOCK, 0, stream, sum, g, piece, pieces,
           share);
    return (int)cudaGetLastError();
}
