/* kernels/cudnn.h by plain loops: the formulas of its table, in double. */
#include "kernels/cudnn.h"

#include "core/device.h"
#include "core/mem.h"
#include "kernels/bf16.h"
#include "tests/emu/emu.h"
#include "tests/emu/fault.h"
#include "tests/emu/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fn_cudnn {
    int plans; /* open ones */
    const fn_engines *chosen;
    void (*seen)(void *ctx, const fn_cudnn_conv *what);
    void *seen_ctx;
};

struct fn_cudnn_plan {
    fn_cudnn *of;
    fn_cudnn_conv what;
    fn_engine engine;
};

static bool compiles = true;

void fn_emu_cudnn_compiles(bool yes)
{
    compiles = yes;
}

fn_status fn_cudnn_open(fn_cudnn **out, void *stream)
{
    (void)stream;
    *out = fn_alloc(1, sizeof **out);
    return *out ? FN_OK : fn_fail(FN_ENOMEM, "no memory for cuDNN");
}

void fn_cudnn_close(fn_cudnn *c)
{
    if (c && c->plans)
        fprintf(stderr, "emulated cuDNN: %d plans are left open\n", c->plans);
    fn_free(c);
}

void fn_cudnn_choose_from(fn_cudnn *c, const fn_engines *chosen)
{
    c->chosen = chosen;
}

void fn_cudnn_listen(fn_cudnn *c, void (*seen)(void *ctx, const fn_cudnn_conv *what),
                     void *ctx)
{
    c->seen = seen;
    c->seen_ctx = ctx;
}

const char *fn_cudnn_where(const fn_cudnn *c)
{
    (void)c;
    return "emulated";
}

fn_status fn_cudnn_device(char **json, const fn_cudnn *c)
{
    (void)c;
    *json = fn_strdup("{\"deviceName\": \"emulated\", \"multiProcessorCount\": 1}");
    return *json ? FN_OK : fn_fail(FN_ENOMEM, "no memory for a description");
}

void fn_cudnn_text(char text[FN_CUDNN_TEXT], const fn_cudnn_conv *a)
{
    snprintf(text, FN_CUDNN_TEXT, "[%lld,%lld,%lld,%lld] %dx%d/%d pad %d to %lld, pass %d",
             (long long)a->n, (long long)a->h, (long long)a->w, (long long)a->c, a->kernel,
             a->kernel, a->stride, a->pad, (long long)a->k, a->pass);
}

/* No clock: numbers that a test knows. */
fn_status fn_cudnn_tune(fn_cudnn_tuned *t, fn_cudnn *c, const fn_cudnn_conv *what,
                        size_t workspace, double seconds)
{
    (void)c, (void)what, (void)workspace, (void)seconds;
    *t = (fn_cudnn_tuned){
        .fastest = {77, 1, {{2, 1}}}, .ms = 0.5F, .first_ms = 1, .timed = 3};
    return FN_OK;
}

fn_status fn_cudnn_can_compile(fn_cudnn *c)
{
    (void)c;
    return compiles ? FN_OK : fn_fail(FN_EUNSUPPORTED, "the emulation was told not to");
}

static bool wants_compiler(fn_cudnn_pass p)
{
    return p == FN_CUDNN_DGRAD_RELU || p == FN_CUDNN_DGRAD_RELU_BIAS ||
           p == FN_CUDNN_WGRAD_F32;
}

fn_status fn_cudnn_plan_open(fn_cudnn_plan **out, fn_cudnn *c, const fn_cudnn_conv *what)
{
    char text[FN_CUDNN_TEXT];
    *out = NULL;
    if (c->seen)
        c->seen(c->seen_ctx, what);
    if (what->c % 8 || what->k % 8)
        return fn_fail(FN_EUNSUPPORTED, "channels %lld and %lld are no multiples of 8",
                       (long long)what->c, (long long)what->k);
    if (wants_compiler(what->pass))
        FN_TRY(fn_cudnn_can_compile(c));
    fn_cudnn_plan *p = *out = fn_alloc(1, sizeof *p);
    if (!p)
        return fn_fail(FN_ENOMEM, "no memory for a plan");
    p->of = c;
    p->what = *what;
    c->plans++;
    fn_cudnn_text(text, what);
    const fn_engine *choice = c->chosen
                                  ? fn_engines_find(c->chosen, text, fn_cudnn_where(c))
                                  : NULL;
    if (choice)
        p->engine = *choice;
    return FN_OK;
}

void fn_cudnn_plan_close(fn_cudnn_plan *p)
{
    fn_emu_finish(0); /* it may still have to run */
    if (p)
        p->of->plans--;
    fn_free(p);
}

size_t fn_cudnn_plan_workspace(const fn_cudnn_plan *p)
{
    (void)p;
    return 512;
}

const fn_engine *fn_cudnn_plan_engine(const fn_cudnn_plan *p)
{
    return &p->engine;
}

/* --- running --- */

static fn_type stored(const fn_cudnn_plan *p)
{
    return p->what.precision == FN_PRECISION_BF16 ? FN_BF16 : FN_F32;
}

static double get(const void *from, int64_t i, fn_type t)
{
    return (double)(t == FN_BF16 ? fn_bf16_float(((const uint16_t *)from)[i])
                                 : ((const float *)from)[i]);
}

static void put(void *to, int64_t i, double v, fn_type t)
{
    if (t == FN_BF16)
        ((uint16_t *)to)[i] = fn_bf16_of((float)v);
    else
        ((float *)to)[i] = (float)v;
}

static int64_t out_size(const fn_cudnn_conv *a, int64_t in)
{
    return (in + 2 * a->pad - a->kernel) / a->stride + 1;
}

/* One product x[x] w[w] of y[y]. */
typedef struct product {
    int64_t x, w, y;
} product;

/* Calls `visit` for every product of the convolution. */
static void each_product(const fn_cudnn_conv *a, void (*visit)(void *ctx, product p),
                         void *ctx)
{
    int64_t high = out_size(a, a->h), wide = out_size(a, a->w), r = a->kernel;
    int64_t all = a->n * high * wide * a->k;
    for (int64_t y = 0; y < all; y++)
        for (int64_t t = 0; t < r * r * a->c; t++) {
            int64_t pixel = y / a->k, n = pixel / wide / high;
            int64_t row = pixel / wide % high * a->stride - a->pad + t / a->c / r;
            int64_t column = pixel % wide * a->stride - a->pad + t / a->c % r;
            if (row < 0 || row >= a->h || column < 0 || column >= a->w)
                continue;
            visit(ctx, (product){((n * a->h + row) * a->w + column) * a->c + t % a->c,
                                 y % a->k * r * r * a->c + t, y});
        }
}

typedef struct sums {
    const fn_cudnn_data *d;
    fn_type type;
    double *to;
} sums;

static void add_y(void *ctx, product p)
{
    sums *s = ctx;
    s->to[p.y] += get(s->d->x, p.x, s->type) * get(s->d->w, p.w, s->type);
}

static void add_x(void *ctx, product p)
{
    sums *s = ctx;
    s->to[p.x] += get(s->d->y, p.y, s->type) * get(s->d->w, p.w, s->type);
}

static void add_w(void *ctx, product p)
{
    sums *s = ctx;
    s->to[p.w] += get(s->d->y, p.y, s->type) * get(s->d->x, p.x, s->type);
}

static void finish_forward(const fn_cudnn_plan *p, const fn_cudnn_data *d, const double *y,
                           int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        double v = y[i];
        if (p->what.pass != FN_CUDNN_FORWARD)
            v += get(d->b, i % p->what.k, stored(p));
        if (p->what.pass == FN_CUDNN_FORWARD_BIAS_RELU && v < 0)
            v = 0;
        put(d->y, i, v, stored(p));
    }
}

static void finish_back(const fn_cudnn_plan *p, const fn_cudnn_data *d, double *dx,
                        int64_t count)
{
    float *sum = p->what.pass == FN_CUDNN_DGRAD_RELU_BIAS ? d->b : NULL;
    for (int64_t c = 0; sum && c < p->what.c; c++)
        sum[c] = 0;
    for (int64_t i = 0; i < count; i++) {
        bool open = p->what.pass == FN_CUDNN_DGRAD || get(d->x, i, stored(p)) > 0;
        put(d->dx, i, open ? dx[i] : 0, stored(p));
        if (sum && open)
            sum[i % p->what.c] += (float)dx[i];
    }
}

static void finish(const fn_cudnn_plan *p, const fn_cudnn_data *d, double *to,
                   int64_t count)
{
    if (p->what.pass <= FN_CUDNN_FORWARD_BIAS_RELU)
        finish_forward(p, d, to, count);
    else if (p->what.pass <= FN_CUDNN_DGRAD_RELU_BIAS)
        finish_back(p, d, to, count);
    for (int64_t i = 0; p->what.pass >= FN_CUDNN_WGRAD && i < count; i++)
        put(d->w, i, to[i], p->what.pass == FN_CUDNN_WGRAD_F32 ? FN_F32 : stored(p));
}

/* A run that is queued. */
typedef struct pass {
    const fn_cudnn_plan *plan;
    fn_cudnn_data data;
} pass;

static void run_pass(void *ctx)
{
    const fn_cudnn_plan *p = ((pass *)ctx)->plan;
    const fn_cudnn_data *d = &((pass *)ctx)->data;
    const fn_cudnn_conv *a = &p->what;
    bool forward = a->pass <= FN_CUDNN_FORWARD_BIAS_RELU, back = a->pass < FN_CUDNN_WGRAD;
    int64_t count = forward ? a->n * out_size(a, a->h) * out_size(a, a->w) * a->k
                    : back  ? a->n * a->h * a->w * a->c
                            : a->k * a->kernel * a->kernel * a->c;
    sums s = {d, stored(p), calloc((size_t)count, sizeof(double))};
    if (!s.to)
        abort();
    memset(d->workspace, 0xff, fn_cudnn_plan_workspace(p)); /* it is cuDNN's to spoil */
    each_product(a, forward ? add_y : back ? add_x : add_w, &s);
    finish(p, d, s.to, count);
    free(s.to);
}

fn_status fn_cudnn_plan_run(fn_cudnn_plan *p, const fn_cudnn_data *d)
{
    FN_TRY(fn_device_check(fn_emu_work(), "a convolution"));
    pass *own = malloc(sizeof *own); /* not one that a test fails */
    if (!own)
        abort();
    *own = (pass){p, *d};
    fn_emu_queue(0, run_pass, free, own);
    return FN_OK;
}
