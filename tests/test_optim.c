/* test_optim.c -- every rule against its formula in double over some steps; decay, statistics,
 * threads, and an optimizer that goes on from another's state. */
#include "core/mem.h"
#include "core/rng.h"
#include "kernels/threads.h"
#include "tests/flat.h"
#include "tests/test.h"
#include "train/optim.h"

enum { STEPS = 7 };

static const fn_optim_options some[] = {
    {.kind = FN_ADAGRAD, .eps = 1e-8f, .initial = 0.1f, .decay = 0.3f},
    {.kind = FN_ADAGRAD, .eps = 1e-3f, .initial = 0},
    {.kind = FN_SGD, .momentum = 0.9f, .initial = 0.7f, .decay = 0.3f},
    {.kind = FN_SGD},
    {.kind = FN_ADAMW, .momentum = 0.9f, .beta2 = 0.99f, .eps = 1e-8f, .decay = 0.3f},
    {.kind = FN_ADAM, .momentum = 0.9f, .beta2 = 0.99f, .eps = 1e-4f, .decay = 0.3f},
    {.kind = FN_ADAMW, .momentum = 0, .beta2 = 0.5f, .eps = 1e-2f, .initial = 0.7f},
};

enum { SOME = sizeof some / sizeof *some };

static fn_params open_params(void)
{
    fn_params p = {.n = PARAMS, .count = COUNT};
    p.param = fn_alloc(PARAMS, sizeof *p.param);
    memcpy(p.param, layout, sizeof layout);
    p.value = fn_alloc(COUNT, sizeof *p.value);
    p.grad = fn_alloc(COUNT, sizeof *p.grad);
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    for (int i = 0; i < PARAMS; i++)
        for (int64_t k = 0; k < layout[i].count; k++)
            p.value[layout[i].offset + k] = (float)fn_rng_normal(&r);
    return p;
}

static void close_params(fn_params *p)
{
    fn_free(p->param);
    fn_free(p->value);
    fn_free(p->grad);
}

/* Gradients of a step; every fifth is 0, always. The gaps are filled to be found. */
static void draw_gradient(fn_params *p, int step)
{
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, (uint64_t)step, 1);
    for (int64_t i = 0; i < COUNT; i++)
        p->grad[i] = i % 5 ? (float)fn_rng_normal(&r) : 0;
}

static float rate_of(int step)
{
    return 0.05f / (float)step;
}

static void take_steps(fn_optim *o, fn_params *p, int from, int to)
{
    for (int step = from; step <= to; step++) {
        draw_gradient(p, step);
        fn_optim_step(o, rate_of(step), 1);
    }
}

/* --- the formulas --- */

typedef struct state {
    double w, a, b;
} state;

static void plain_step(state *s, double g, double rate, const fn_optim_options *o, int step,
                       double decay)
{
    double momentum = (double)o->momentum, beta2 = (double)o->beta2, eps = (double)o->eps;
    double by = 0;
    switch (o->kind) {
    case FN_ADAGRAD:
        s->a = s->a + g * g;
        by = g / (sqrt(s->a) + eps);
        break;
    case FN_SGD:
        s->a = momentum * s->a + g;
        by = s->a;
        break;
    case FN_ADAM:
        g += decay * s->w;
        decay = 0; /* fall through */
    case FN_ADAMW:
        s->a = momentum * s->a + (1 - momentum) * g;
        s->b = beta2 * s->b + (1 - beta2) * g * g;
        by = s->a / (1 - pow(momentum, step)) / (sqrt(s->b / (1 - pow(beta2, step))) + eps);
        break;
    }
    s->w = s->w - rate * by - rate * decay * s->w;
}

static void plain_param(state *s, const fn_param *q, const fn_params *p,
                        const fn_optim_options *o, int step)
{
    for (int64_t i = q->offset; i < q->offset + q->count; i++) {
        double g = (double)p->grad[i];
        if (q->trained)
            plain_step(&s[i], g, (double)rate_of(step), o, step,
                       q->shape.rank > 1 ? (double)o->decay : 0);
        else
            s[i].w = 0.9 * s[i].w + 0.1 * g;
    }
}

static void check_formula(const fn_optim_options *options)
{
    fn_params p = open_params();
    fn_optim *o;
    state *s = fn_alloc(COUNT, sizeof *s);
    for (int i = 0; i < COUNT; i++)
        s[i] = (state){(double)p.value[i],
                       options->kind == FN_ADAGRAD ? (double)options->initial : 0, 0};
    CHECK_OK(fn_optim_open(&o, &p, *options));
    for (int step = 1; step <= STEPS; step++) {
        double worst = 0;
        take_steps(o, &p, step, step);
        for (int i = 0; i < PARAMS; i++)
            plain_param(s, &layout[i], &p, options, step);
        for (int i = 0; i < COUNT; i++) {
            double wrong = fabs((double)p.value[i] - s[i].w);
            worst = wrong > worst || isnan(wrong) ? wrong : worst;
        }
        CHECK_NEAR(worst, 0, 3e-6);
        CHECK_INT(*fn_optim_steps(o), step);
    }
    fn_optim_close(o);
    fn_free(s);
    close_params(&p);
}

TEST(optim_follows_its_formula)
{
    for (int i = 0; i < SOME; i++)
        check_formula(&some[i]);
}

/* --- what must not move --- */

TEST(optim_leaves_gaps_alone)
{
    for (int i = 0; i < SOME; i++) {
        fn_params p = open_params();
        fn_optim *o;
        bool used[COUNT] = {false};
        CHECK_OK(fn_optim_open(&o, &p, some[i]));
        take_steps(o, &p, 1, 3);
        for (int k = 0; k < PARAMS; k++)
            memset(used + layout[k].offset, true, (size_t)layout[k].count);
        for (int k = 0; k < COUNT; k++)
            if (!used[k])
                CHECK(p.value[k] == 0);
        fn_optim_close(o);
        close_params(&p);
    }
}

TEST(optim_decays_kernels_only)
{
    for (int i = 0; i < SOME; i++) {
        fn_params p = open_params(), before = open_params();
        fn_optim *o;
        CHECK_OK(fn_optim_open(&o, &p, some[i]));
        fn_optim_step(o, 0.5f, 1); /* the gradient is 0 */
        for (int k = 0; k < PARAMS; k++) {
            const fn_param *q = &layout[k];
            if (some[i].kind == FN_ADAM)
                continue; /* its decay is part of the gradient */
            float keep = q->shape.rank > 1 ? 1 - 0.5f * some[i].decay : 1;
            keep = q->trained ? keep : 0.9f;
            for (int64_t at = q->offset; at < q->offset + q->count; at++)
                CHECK_NEAR(p.value[at], keep * before.value[at], keep == 1 ? 0 : 1e-6);
        }
        fn_optim_close(o);
        close_params(&p);
        close_params(&before);
    }
}

/* The batch's statistic is no gradient: the rate must not scale it. */
TEST(optim_moves_statistics_at_rate_zero)
{
    fn_params p = open_params();
    fn_optim *o;
    float before = p.value[layout[2].offset], other = p.value[0];
    CHECK_OK(fn_optim_open(&o, &p, some[0]));
    p.grad[layout[2].offset] = 100;
    p.grad[0] = 100;
    fn_optim_step(o, 0, 1);
    CHECK_NEAR(p.value[layout[2].offset], 0.9f * before + 10, 1e-5);
    CHECK(p.value[0] == other);
    fn_optim_close(o);
    close_params(&p);
}

/* A scaled step is the step of a scaled gradient; statistics are as they were. */
TEST(optim_scales_the_gradient)
{
    for (int i = 0; i < SOME; i++) {
        fn_params p = open_params(), q = open_params();
        fn_optim *o, *other;
        CHECK_OK(fn_optim_open(&o, &p, some[i]));
        CHECK_OK(fn_optim_open(&other, &q, some[i]));
        for (int step = 1; step < 4; step++) {
            draw_gradient(&p, step);
            draw_gradient(&q, step);
            for (int k = 0; k < PARAMS; k++)
                for (int64_t at = 0; layout[k].trained && at < layout[k].count; at++)
                    q.grad[layout[k].offset + at] *= 0.25f;
            fn_optim_step(o, 0.1f, 0.25f);
            fn_optim_step(other, 0.1f, 1);
        }
        CHECK(memcmp(p.value, q.value, BYTES) == 0);
        fn_optim_close(o);
        fn_optim_close(other);
        close_params(&p);
        close_params(&q);
    }
}

TEST(optim_norm_is_of_trained_weights)
{
    fn_params p = open_params();
    fn_optim *o;
    CHECK_OK(fn_optim_open(&o, &p, some[0]));
    p.grad[layout[0].offset] = 3;
    p.grad[layout[4].offset + 32] = -4;
    p.grad[layout[2].offset] = 100;
    CHECK_NEAR(fn_optim_norm(o), 5, 1e-12);
    fn_optim_close(o);
    close_params(&p);
}

/* A gradient of (3, -4, 12) is 13 long. */
TEST(optim_clips_a_gradient_by_its_length)
{
    static const float grad[] = {3, -4, 12};
    for (int i = 0; i < 3; i++) {
        const float most = i == 0 ? 6.5f : i == 1 ? 13 : 0, left = i == 0 ? 0.5f : 1;
        fn_params p = open_params(), before = open_params();
        fn_optim *o;
        CHECK_OK(fn_optim_open(&o, &p, (fn_optim_options){.kind = FN_SGD}));
        for (int k = 0; k < 3; k++)
            p.grad[k] = grad[k];
        CHECK_NEAR(fn_optim_norm(o), 13, 1e-12);
        fn_optim_step(o, 2, fn_optim_clip(fn_optim_norm(o), most));
        for (int k = 0; k < 3; k++)
            CHECK_NEAR(p.value[k], before.value[k] - 2 * left * grad[k], 1e-5);
        fn_optim_close(o);
        close_params(&p);
        close_params(&before);
    }
    CHECK(fn_optim_clip(13, 12) == (float)(12. / 13) && fn_optim_clip(0, 12) == 1);
}

/* --- bits --- */

TEST(optim_has_the_same_bits_for_any_number_of_threads)
{
    static const int teams[] = {1, 2, 3, 8};
    for (int i = 0; i < SOME; i++) {
        float *want = fn_alloc(COUNT, sizeof *want);
        for (int k = 0; k < 4; k++) {
            fn_params p = open_params();
            fn_optim *o;
            fn_threads_set(teams[k]);
            CHECK_OK(fn_optim_open(&o, &p, some[i]));
            take_steps(o, &p, 1, STEPS);
            if (k == 0)
                memcpy(want, p.value, BYTES);
            CHECK(memcmp(want, p.value, BYTES) == 0);
            fn_optim_close(o);
            close_params(&p);
        }
        fn_free(want);
    }
    fn_threads_set(0);
}

static void check_resume(const fn_optim_options *options)
{
    fn_params p = open_params(), q = open_params();
    fn_optim *o, *next;
    CHECK_OK(fn_optim_open(&o, &p, *options));
    CHECK_OK(fn_optim_open(&next, &q, *options));
    take_steps(o, &p, 1, 3);
    memcpy(q.value, p.value, BYTES);
    CHECK_INT(fn_optim_state_count(o), options->kind >= FN_ADAM ? 2 : 1);
    for (int i = 0; i < fn_optim_state_count(o); i++)
        memcpy(fn_optim_state(next, i), fn_optim_state(o, i), BYTES);
    *fn_optim_steps(next) = *fn_optim_steps(o);
    take_steps(o, &p, 4, STEPS);
    take_steps(next, &q, 4, STEPS);
    CHECK(memcmp(p.value, q.value, BYTES) == 0);
    fn_optim_close(o);
    fn_optim_close(next);
    close_params(&p);
    close_params(&q);
}

TEST(optim_goes_on_from_its_state)
{
    for (int i = 0; i < SOME; i++)
        check_resume(&some[i]);
}

/* --- opening --- */

TEST(optim_refuses_what_divides_by_zero)
{
    fn_params p = open_params();
    fn_optim *o = (fn_optim *)&p;
    CHECK_FAILS(fn_optim_open(&o, &p, (fn_optim_options){.kind = FN_ADAGRAD}), FN_ECONFIG,
                "optim.eps: 0 would divide by 0");
    CHECK(!o);
    CHECK_FAILS(fn_optim_open(&o, &p, (fn_optim_options){.kind = FN_ADAMW, .initial = 1}),
                FN_ECONFIG, "optim.eps");
    CHECK_OK(fn_optim_open(&o, &p, (fn_optim_options){.kind = FN_ADAGRAD, .initial = 1}));
    fn_optim_close(o);
    fn_optim_close(NULL);
    close_params(&p);
}

TEST(optim_survives_each_failed_allocation)
{
    for (int i = 0; i < SOME; i++) {
        fn_params p = open_params();
        fn_optim *o = NULL;
        fn_status rc = FN_ENOMEM;
        int failures = -1;
        for (long n = 1; rc == FN_ENOMEM; n++, failures++) {
            fn_fail_alloc(n);
            rc = fn_optim_open(&o, &p, some[i]);
            CHECK((rc == FN_OK) == (o != NULL));
        }
        fn_fail_alloc(0);
        CHECK_OK(rc);
        CHECK_INT(failures, some[i].kind >= FN_ADAM ? 3 : 2);
        fn_optim_close(o);
        close_params(&p);
    }
}
