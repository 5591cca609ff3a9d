/* op_case.h -- one sample of an op, run in some way and watched.
 *
 * Outputs, scratch and whatever the call does not keep are filled with NaN, and every buffer
 * lies between guard bytes: a kernel that reads an output, leaves an element unwritten,
 * writes past an end or into its input is found out. Everything is run twice, and backward
 * once more: nothing may add up. The judge is the reference kernel, in double. */
#ifndef FN_TESTS_OP_CASE_H
#define FN_TESTS_OP_CASE_H

#include "core/rng.h"
#include "kernels/format.h"
#include "kernels/gpu.h"
#include "kernels/threads.h"
#include "tests/fence.h"
#include "tests/op_tensor.h"
#include "tests/test.h"

enum { MIXED = FN_FORMATS, OFFERS }; /* offers: a format for every x, or one for each */

/* How a sample is run. */
typedef struct way {
    fn_backend backend;
    bool training, inplace;
    int offer;
    const fn_format *forced;          /* of x and y, whatever choose() says; NULL: none */
    unsigned unwanted;                /* bit i: dx[i]; bit n_x + i: dw[i] */
    int prepare_threads, run_threads; /* 0: one */
    fn_precision precision;
    bool floats; /* x is floats, on FN_CPU, whatever the precision */
    bool bytes;  /* x is FN_U8 of x_range, if the kernel takes that */
    fn_range x_range, y_range;
    fn_gpu *gpu; /* FN_CUDA */
} way;

typedef struct subject {
    const fn_op *op;
    const fn_sample *sample;
    int number;
    fn_call oracle; /* in double; forward and backward have run */
} subject;

static char where[160];       /* what is being run, for complaints */
static double allowed = 1e-5; /* of the largest value that is right, or of 1 */

static void claim(bool holds, const char *what)
{
    if (!holds)
        FN_TEST_FAIL("%s: %s", where, what);
}

/* --- making a call --- */

static fn_status infer(fn_call *c, const subject *s, bool training)
{
    *c = (fn_call){.attr = s->sample->attr, .n_x = s->sample->n_x, .training = training};
    for (int i = 0; i < c->n_x; i++)
        c->x[i].shape = s->sample->x[i];
    return s->op->infer(c);
}

/* What nn/lower.c would offer. */
static void offer(fn_call *c, const fn_kernel *k, const way *w)
{
    bool low = w->backend == FN_CUDA || (k->choose && !w->floats);
    fn_precision p = low ? w->precision : FN_PRECISION_FP32;
    for (int i = 0; i < c->n_x && k->choose && c->x[i].shape.rank == 4; i++)
        c->x[i].format = (fn_format)(w->offer == MIXED ? (i + 1) % FN_FORMATS : w->offer);
    for (int i = 0; i < c->n_x; i++)
        c->x[i].type = fn_stored_as(p, c->x[i].shape);
    for (int i = 0; i < c->n_x && w->bytes && k->bytes; i++) {
        c->x[i].format = FN_PLAIN;
        fn_bytes_fit(&c->x[i], w->x_range);
    }
    c->x_range = w->x_range;
    c->y_range = w->y_range;
    for (int i = 0; i < c->n_y && w->backend == FN_CUDA; i++)
        c->y[i].type = fn_stored_as(p, c->y[i].shape);
    c->precision = w->precision;
    c->gpu = w->gpu;
    c->stream = w->gpu ? fn_gpu_stream(w->gpu) : NULL;
}

static void choose(fn_call *c, const fn_kernel *k, const way *w)
{
    offer(c, k, w);
    if (k->choose)
        k->choose(c);
    if (w->forced) {
        c->x[0].format = w->forced[0];
        c->y[0].format = w->forced[1];
    }
    for (int i = 0; i < c->n_x; i++) {
        claim(c->x[i].shape.rank == 4 || c->x[i].format == FN_PLAIN, "x is not plain");
        c->dx[i] = c->x[i];
    }
    for (int i = 0; i < c->n_w; i++)
        c->dw[i] = c->w[i];
    for (int i = 0; i < c->n_y; i++) {
        claim(c->y[i].shape.rank == 4 || c->y[i].format == FN_PLAIN, "y is not plain");
        c->dy[i] = c->y[i];
    }
}

static void bind(fn_call *c, const way *w)
{
    for (int role = 0; role < ROLES; role++) {
        int n;
        fn_tensor *t = tensors(c, role, &n);
        unsigned unwanted = role == DX   ? w->unwanted
                            : role == DW ? w->unwanted >> c->n_x
                                         : 0;
        bool weight = role == W || role == DW; /* somewhere in a flat buffer */
        bool used = w->training || role == X || role == W || role == Y;
        for (int i = 0; i < n; i++)
            if (used && !(unwanted >> i & 1))
                t[i].data = fn_fence_open(bytes_of(t[i], w->backend),
                                          w->backend == FN_CUDA && !weight);
    }
    if (w->inplace)
        c->y[0].data = c->x[0].data;
    c->saved = fn_fence_open(c->saved_bytes, true);
    c->workspace = fn_fence_open(c->workspace_bytes, true);
}

static void bring_inputs(fn_call *c, fn_backend b, fn_call *oracle)
{
    for (int role = X; role <= DY; role++) {
        int n;
        fn_tensor *t = tensors(c, role, &n), *from = tensors(oracle, role, &n);
        for (int i = 0; i < n && t[i].data; i++) {
            memset(t[i].data, 0, bytes_of(t[i], b));
            for (int64_t k = 0; k < fn_numel(t[i].shape); k++)
                put(t[i], b, k, get(from[i], FN_REF, k));
        }
    }
}

/* --- running it --- */

static void poison(fn_call *c, int role, fn_backend b)
{
    int n;
    fn_tensor *t = tensors(c, role, &n);
    for (int i = 0; i < n; i++)
        if (t[i].data)
            memset(t[i].data, 0xff, bytes_of(t[i], b));
}

static void check_written(fn_call *c, int role, fn_backend b)
{
    int n;
    fn_tensor *t = tensors(c, role, &n);
    for (int i = 0; i < n; i++) {
        int64_t bad = 0, all = t[i].data ? fn_format_numel(t[i].shape, t[i].format) : 0;
        for (int64_t k = 0; k < all; k++)
            bad += isnan(stored(t[i], b, k));
        claim(bad == 0, role == Y ? "NaN in y" : role == DX ? "NaN in dx" : "NaN in dw");
    }
}

/* Of all bytes of these tensors (FNV-1a). */
static uint64_t digest(fn_call *c, int role, fn_backend b)
{
    uint64_t hash = 14695981039346656037u;
    int n;
    fn_tensor *t = tensors(c, role, &n);
    for (int i = 0; i < n; i++)
        for (size_t k = 0; t[i].data && k < bytes_of(t[i], b); k++)
            hash = (hash ^ ((const unsigned char *)t[i].data)[k]) * 1099511628211u;
    return hash;
}

/* Before anybody looks at what a GPU was told to write. */
static fn_status settle(const way *w)
{
    return w->gpu ? fn_gpu_wait(w->gpu) : FN_OK;
}

static fn_status forward(fn_call *c, const fn_op *op, const way *w)
{
    uint64_t x = digest(c, X, w->backend), weights = digest(c, W, w->backend);
    if (!w->inplace)
        poison(c, Y, w->backend);
    memset(c->saved, 0xff, c->saved_bytes);
    memset(c->workspace, 0xff, c->workspace_bytes);
    FN_TRY(op->kernel[w->backend]->forward(c));
    FN_TRY(settle(w));
    check_written(c, Y, w->backend);
    claim(w->inplace || digest(c, X, w->backend) == x, "forward writes x");
    claim(digest(c, W, w->backend) == weights, "forward writes w");
    claim(fn_fence_holds(), "forward writes past an end");
    return FN_OK;
}

static fn_status backward(fn_call *c, const fn_op *op, const way *w)
{
    if (!(c->keep & FN_KEEP_X) && !w->inplace)
        poison(c, X, w->backend);
    if (!(c->keep & FN_KEEP_Y))
        poison(c, Y, w->backend);
    poison(c, DX, w->backend);
    poison(c, DW, w->backend);
    memset(c->workspace, 0xff, c->workspace_bytes);
    uint64_t before[DX], once;
    for (int role = X; role < DX; role++)
        before[role] = digest(c, role, w->backend);
    FN_TRY(op->kernel[w->backend]->backward(c));
    FN_TRY(settle(w));
    check_written(c, DX, w->backend);
    check_written(c, DW, w->backend);
    once = digest(c, DX, w->backend) ^ digest(c, DW, w->backend);
    FN_TRY(op->kernel[w->backend]->backward(c));
    FN_TRY(settle(w));
    claim(once == (digest(c, DX, w->backend) ^ digest(c, DW, w->backend)),
          "a second backward gives other gradients");
    for (int role = X; role < DX; role++)
        claim(digest(c, role, w->backend) == before[role], "backward writes its inputs");
    claim(fn_fence_holds(), "backward writes past an end");
    return FN_OK;
}

/* As many as are stored: a blocked tensor's padding is not among the N,H,W,C elements. */
static int64_t count_nonzero(fn_tensor t, fn_backend b, bool padding)
{
    int64_t count = 0,
            all = padding ? fn_format_numel(t.shape, t.format) : fn_numel(t.shape);
    for (int64_t i = 0; i < all; i++)
        count += (padding ? stored(t, b, i) : get(t, b, i)) != 0;
    return count;
}

static void compare_one(fn_tensor t, fn_backend b, fn_tensor oracle, const char *what)
{
    double worst = 0, scale = 1;
    for (int64_t k = 0; k < fn_numel(t.shape); k++) {
        double right = get(oracle, FN_REF, k), e = fabs(get(t, b, k) - right);
        worst = e > worst || isnan(e) ? e : worst;
        scale = fmax(scale, fabs(right));
    }
    if (!(worst <= allowed * scale))
        FN_TEST_FAIL("%s: %s is off by %.3g", where, what, worst);
    claim(count_nonzero(t, b, true) == count_nonzero(t, b, false), "padding is not zero");
}

static void compare(fn_call *c, int role, fn_backend b, fn_call *oracle)
{
    int n;
    fn_tensor *t = tensors(c, role, &n), *right = tensors(oracle, role, &n);
    for (int i = 0; i < n; i++)
        if (t[i].data)
            compare_one(t[i], b, right[i], role_name[role]);
}

/* --- a sample, in one way --- */

static fn_status run(fn_call *c, const subject *s, const way *w, uint64_t *result)
{
    fn_call oracle = s->oracle;
    bring_inputs(c, w->backend, &oracle);
    FN_TRY(forward(c, s->op, w));
    compare(c, Y, w->backend, &oracle);
    *result = digest(c, Y, w->backend);
    if (!w->training)
        return FN_OK;
    FN_TRY(backward(c, s->op, w));
    compare(c, DX, w->backend, &oracle);
    compare(c, DW, w->backend, &oracle);
    *result ^= 3 * digest(c, DX, w->backend) ^ 5 * digest(c, DW, w->backend);
    return FN_OK;
}

/* The weights are loaded twice, first as NaN: what a kernel keeps of them must be renewed. */
static fn_status load_and_run(fn_call *c, const subject *s, const way *w)
{
    const fn_kernel *k = s->op->kernel[w->backend];
    fn_call oracle = s->oracle;
    uint64_t first, second;
    if (k->load)
        FN_TRY(k->load(c));
    FN_TRY(settle(w));
    bring_inputs(c, w->backend, &oracle);
    if (k->load)
        FN_TRY(k->load(c));
    fn_threads_set(w->run_threads + !w->run_threads);
    FN_TRY(run(c, s, w, &first));
    FN_TRY(run(c, s, w, &second));
    claim(first == second, "a second run gives other results");
    return FN_OK;
}

static void describe(const subject *s, const way *w)
{
    static const char *const offer[OFFERS] = {"plain", "block8", "block16", "mixed"};
    static const char *const backend[FN_BACKENDS] = {"ref", "cpu", "cuda"};
    snprintf(where, sizeof where, "%s, sample %d, %s, %s%s, %s%s, without %#x", s->op->name,
             s->number, backend[w->backend], w->training ? "training" : "inference",
             w->inplace ? " in place" : "", w->forced ? "forced " : "",
             offer[w->forced ? (int)w->forced[0] : w->offer], w->unwanted);
}

static void try(const subject *s, way w)
{
    const fn_kernel *k = s->op->kernel[w.backend];
    int fences = fn_fence_count;
    fn_call c;
    w.training = s->oracle.training;
    describe(s, &w);
    fn_status rc = infer(&c, s, w.training);
    choose(&c, k, &w);
    fn_threads_set(w.prepare_threads + !w.prepare_threads);
    if (rc == FN_OK && k->prepare)
        rc = k->prepare(&c);
    bind(&c, &w);
    if (rc == FN_OK)
        rc = load_and_run(&c, s, &w);
    if (rc != FN_OK)
        claim(false, fn_last_error());
    if (k->release)
        k->release(&c);
    fn_threads_set(0);
    fn_fence_close(fences);
}

static void fill(fn_tensor t, fn_fill how, double low, double high, fn_rng *r)
{
    for (int64_t i = 0; i < fn_numel(t.shape); i++)
        fn_f64(t)[i] = how == FN_FILL_TIES ? (double)fn_rng_below(r, 3) - 1
                                           : (double)(float)fn_rng_range(r, low, high);
}

static void fill_inputs(fn_call *c, const subject *s)
{
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, (uint64_t)s->number, 0);
    for (int i = 0; i < c->n_x; i++)
        fill(c->x[i], s->sample->fill, -1, 1, &r);
    for (int i = 0; i < c->n_w; i++) {
        bool trained = s->op->weight[i].trained; /* a running variance is above 0 */
        fill(c->w[i], FN_FILL_UNIFORM, trained ? -1 : 0.5, trained ? 1 : 1.5, &r);
    }
    for (int i = 0; i < c->n_y && c->training; i++)
        fill(c->dy[i], FN_FILL_UNIFORM, -1, 1, &r);
}

/* So that both backends start from the same numbers. */
static inline void round_inputs(fn_call *c, fn_precision p)
{
    for (int role = X; role <= DY; role++) {
        int n;
        fn_tensor *t = tensors(c, role, &n);
        for (int i = 0; i < n && t[i].data && role != W; i++)
            if (fn_stored_as(p, t[i].shape) == FN_BF16)
                round_tensor(t[i]);
    }
}

/* The reference's call, with random inputs. */
static fn_status open_oracle(subject *s, bool training)
{
    const fn_kernel *k = s->op->kernel[FN_REF];
    fn_call *c = &s->oracle;
    way w = {.training = training};
    FN_TRY(infer(c, s, training));
    choose(c, k, &w);
    if (k->prepare)
        FN_TRY(k->prepare(c));
    bind(c, &w);
    fill_inputs(c, s);
    return FN_OK;
}

static fn_status ask_oracle(subject *s)
{
    const fn_kernel *k = s->op->kernel[FN_REF];
    FN_TRY(k->forward(&s->oracle));
    return s->oracle.training ? k->backward(&s->oracle) : FN_OK;
}

static inline void each_sample_in(fn_precision p, bool training, void (*visit)(subject *s))
{
    for (const fn_op *const *op = fn_ops; *op; op++)
        for (int i = 0; (*op)->sample && (*op)->sample[i].attr; i++) {
            subject s = {.op = *op, .sample = &(*op)->sample[i], .number = i};
            snprintf(where, sizeof where, "%s, sample %d", s.op->name, i);
            CHECK_OK(open_oracle(&s, training));
            round_inputs(&s.oracle, p);
            CHECK_OK(ask_oracle(&s));
            visit(&s);
            fn_fence_close(0);
        }
}

#endif
