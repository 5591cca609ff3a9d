/* optim -- the update of every weight. Elements do not know each other, and they are cut into
 * blocks at fixed places: the same bits for any number of threads. */
#include "train/optim.h"

#include "core/mem.h"

#include <assert.h>
#include <math.h>

enum { BLOCK = 4096, MAX_STATE = 2 };

struct fn_optim {
    fn_params *p;
    fn_optim_options o;
    int64_t steps;
    int n_state;
    float *state[MAX_STATE]; /* adagrad: s; sgd: m; adam, adamw: m, v */
};

/* The numbers of one step. */
typedef struct rule {
    float rate, scale, momentum, beta2, eps;
    float decay;        /* 0 where the weight is no kernel */
    float fix_m, fix_v; /* adam, adamw: 1 / (1 - beta^steps) */
} rule;

/* A piece of the flat buffers. */
typedef struct piece {
    float *w, *state[MAX_STATE];
    const float *g;
    int64_t n;
} piece;

static void adagrad(const piece *p, const rule *r)
{
    float *w = p->w, *s = p->state[0];
    const float *g = p->g;
#pragma omp simd
    for (int64_t i = 0; i < p->n; i++) {
        float by = r->scale * g[i];
        s[i] += by * by;
        w[i] -= r->rate * (by / (sqrtf(s[i]) + r->eps) + r->decay * w[i]);
    }
}

static void sgd(const piece *p, const rule *r)
{
    float *w = p->w, *m = p->state[0];
    const float *g = p->g;
#pragma omp simd
    for (int64_t i = 0; i < p->n; i++) {
        m[i] = r->momentum * m[i] + r->scale * g[i];
        w[i] -= r->rate * (m[i] + r->decay * w[i]);
    }
}

static void adam(const piece *p, const rule *r)
{
    float *w = p->w, *m = p->state[0], *v = p->state[1];
    const float *g = p->g;
#pragma omp simd
    for (int64_t i = 0; i < p->n; i++) {
        float by = r->scale * g[i] + r->decay * w[i];
        m[i] = r->momentum * m[i] + (1 - r->momentum) * by;
        v[i] = r->beta2 * v[i] + (1 - r->beta2) * by * by;
        w[i] -= r->rate * (m[i] * r->fix_m / (sqrtf(v[i] * r->fix_v) + r->eps));
    }
}

static void adamw(const piece *p, const rule *r)
{
    float *w = p->w, *m = p->state[0], *v = p->state[1];
    const float *g = p->g;
#pragma omp simd
    for (int64_t i = 0; i < p->n; i++) {
        float by = r->scale * g[i];
        m[i] = r->momentum * m[i] + (1 - r->momentum) * by;
        v[i] = r->beta2 * v[i] + (1 - r->beta2) * by * by;
        w[i] -= r->rate *
                (m[i] * r->fix_m / (sqrtf(v[i] * r->fix_v) + r->eps) + r->decay * w[i]);
    }
}

static void move_statistic(const piece *p, const rule *r)
{
    (void)r;
#pragma omp simd
    for (int64_t i = 0; i < p->n; i++)
        p->w[i] += (1 - FN_STAT_KEEP) * (p->g[i] - p->w[i]);
}

static const struct {
    void (*update)(const piece *p, const rule *r);
    int n_state;
} kinds[] = {[FN_ADAGRAD] = {adagrad, 1},
             [FN_SGD] = {sgd, 1},
             [FN_ADAM] = {adam, 2},
             [FN_ADAMW] = {adamw, 2}};

static piece cut(const fn_optim *o, const fn_param *q, int64_t at)
{
    int64_t offset = q->offset + at, left = q->count - at;
    piece p = {.w = o->p->value + offset, .g = o->p->grad + offset};
    for (int i = 0; i < o->n_state; i++)
        p.state[i] = o->state[i] + offset;
    p.n = left < BLOCK ? left : BLOCK;
    return p;
}

static void update_param(const fn_optim *o, const fn_param *q, rule r)
{
    void (*update)(const piece *, const rule *) = q->trained ? kinds[o->o.kind].update
                                                             : move_statistic;
    r.decay = q->shape.rank > 1 ? r.decay : 0;
#pragma omp parallel for schedule(static) if (q->count > BLOCK)
    for (int64_t at = 0; at < q->count; at += BLOCK) {
        piece p = cut(o, q, at);
        update(&p, &r);
    }
}

/* One sum after another would wait for every addition; simd keeps several, always the same. */
static double sum_of_squares(const float *g, int64_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t k = 0; k < n; k++)
        sum += (double)g[k] * (double)g[k];
    return sum;
}

double fn_optim_norm(const fn_optim *o)
{
    const fn_params *p = o->p;
    double sum = 0;
    for (int i = 0; i < p->n; i++)
        if (p->param[i].trained)
            sum += sum_of_squares(p->grad + p->param[i].offset, p->param[i].count);
    return sqrt(sum);
}

float fn_optim_clip(double norm, float most)
{
    return most > 0 && norm > (double)most ? (float)((double)most / norm) : 1;
}

void fn_optim_step(fn_optim *o, float rate, float scale)
{
    double steps = (double)++o->steps;
    rule r = {.rate = rate,
              .scale = scale,
              .momentum = o->o.momentum,
              .beta2 = o->o.beta2,
              .eps = o->o.eps,
              .decay = o->o.decay,
              .fix_m = (float)(1 / (1 - pow((double)o->o.momentum, steps))),
              .fix_v = (float)(1 / (1 - pow((double)o->o.beta2, steps)))};
    for (int i = 0; i < o->p->n; i++)
        update_param(o, &o->p->param[i], r);
}

/* --- life --- */

static fn_status allocate(fn_optim *o, float start)
{
    o->n_state = kinds[o->o.kind].n_state;
    for (int i = 0; i < o->n_state; i++) {
        o->state[i] = fn_alloc_aligned((size_t)o->p->count * sizeof(float));
        if (!o->state[i])
            return fn_fail(FN_ENOMEM, "no memory for the optimizer's state of %lld floats",
                           (long long)o->p->count);
        for (int64_t k = 0; k < o->p->count; k++)
            o->state[i][k] = start;
    }
    return FN_OK;
}

/* A weight whose gradient has always been 0 must not become 0 / 0. */
static fn_status check(const fn_optim_options *o)
{
    bool safe = o->kind == FN_SGD || o->eps > 0 ||
                (o->kind == FN_ADAGRAD && o->initial > 0);
    if (safe)
        return FN_OK;
    return fn_fail(FN_ECONFIG,
                   "optim.eps: %g would divide by 0 where a gradient is 0; use "
                   "a number above 0, such as 1e-8",
                   (double)o->eps);
}

fn_status fn_optim_open(fn_optim **out, fn_params *p, fn_optim_options options)
{
    assert(p->grad);
    *out = NULL;
    FN_TRY(check(&options));
    fn_optim *o = fn_alloc(1, sizeof *o);
    if (!o)
        return fn_fail(FN_ENOMEM, "no memory for an optimizer");
    o->p = p;
    o->o = options;
    fn_status rc = allocate(o, options.kind == FN_ADAGRAD ? options.initial : 0);
    if (rc == FN_OK)
        *out = o;
    else
        fn_optim_close(o);
    return rc;
}

void fn_optim_close(fn_optim *o)
{
    if (!o)
        return;
    for (int i = 0; i < o->n_state; i++)
        fn_free(o->state[i]);
    fn_free(o);
}

int fn_optim_state_count(const fn_optim *o)
{
    return o->n_state;
}

float *fn_optim_state(fn_optim *o, int i)
{
    assert(i >= 0 && i < o->n_state);
    return o->state[i];
}

int64_t *fn_optim_steps(fn_optim *o)
{
    return &o->steps;
}
