/* test_update_cuda.c -- kernels/update.cu against train/optim.c, step by step: every rule, decay,
 * statistics, clipping, steps that are skipped, a state that goes on. */
#include "core/mem.h"
#include "core/rng.h"
#include "tests/cuda_rig.h"
#include "tests/flat.h"
#include "train/optim.h"
#include "train/optim_cuda.h"

enum { STEPS = 7, ULPS = 4 };

/* Adam divides by eps what rounding leaves of a gradient that its decay cancels: eps is large
 * where both are there. */
static const fn_optim_options some[] = {
    {.kind = FN_ADAGRAD, .eps = 1e-8f, .initial = 0.1f, .decay = 0.3f},
    {.kind = FN_ADAGRAD, .eps = 1e-3f, .initial = 0},
    {.kind = FN_SGD, .momentum = 0.9f, .initial = 0.7f, .decay = 0.3f},
    {.kind = FN_SGD},
    {.kind = FN_ADAMW, .momentum = 0.9f, .beta2 = 0.99f, .eps = 1e-8f, .decay = 0.3f},
    {.kind = FN_ADAM, .momentum = 0.9f, .beta2 = 0.99f, .eps = 0.1f, .decay = 0.3f},
    {.kind = FN_ADAM, .momentum = 0.9f, .beta2 = 0.99f, .eps = 1e-4f},
    {.kind = FN_ADAMW, .momentum = 0, .beta2 = 0.5f, .eps = 1e-2f, .initial = 0.7f},
};

enum { SOME = sizeof some / sizeof *some };

/* The same optimizer twice; `host` is where the GPU's began, and is brought back. */
typedef struct pair {
    fn_params p;
    fn_optim *cpu, *host;
    float *w, *g; /* the device's, as the next */
    fn_told *told;
    double *loss;
    fn_optim_cuda *gpu;
    float clip;
} pair;

static void open_gpu(pair *t, fn_optim_options o)
{
    fn_optim_place place = {t->w, t->g, t->told, t->loss};
    CHECK_OK(fn_optim_cuda_open(&t->gpu, device, &t->p, t->host, o, t->clip, place));
}

static void open_pair(pair *t, fn_optim_options o, float clip)
{
    *t = (pair){.clip = clip};
    t->p = (fn_params){.param = layout, .n = PARAMS, .count = COUNT};
    t->p.value = fn_alloc(COUNT, sizeof(float));
    t->p.grad = fn_alloc(COUNT, sizeof(float));
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, 0, 0);
    for (int i = 0; i < PARAMS; i++)
        for (int64_t k = 0; k < layout[i].count; k++)
            t->p.value[layout[i].offset + k] = (float)fn_rng_normal(&r);
    CHECK_OK(fn_optim_open(&t->cpu, &t->p, o));
    CHECK_OK(fn_optim_open(&t->host, &t->p, o));
    t->w = on_device(t->p.value, BYTES);
    t->g = on_device(NULL, BYTES);
    t->told = on_device(NULL, sizeof *t->told);
    t->loss = on_device(NULL, sizeof *t->loss);
    open_gpu(t, o);
}

static void close_pair(pair *t)
{
    fn_optim_cuda_close(t->gpu);
    fn_optim_close(t->cpu);
    fn_optim_close(t->host);
    off_device(t->w);
    off_device(t->g);
    off_device(t->told);
    off_device(t->loss);
    fn_free(t->p.value);
    fn_free(t->p.grad);
}

/* --- one step, on both sides --- */

/* Every fifth gradient is 0, always. The gaps are filled to be found. */
static void draw_gradient(pair *t, int step)
{
    fn_rng r = fn_rng_at(1, FN_RNG_TEST, (uint64_t)step, 1);
    for (int64_t i = 0; i < COUNT; i++)
        t->p.grad[i] = i % 5 ? (float)fn_rng_normal(&r) : 0;
}

static void step_gpu(pair *t, int step, double loss)
{
    fn_told told = {.rate = 0.05f / (float)step, .step = (uint64_t)step};
    CHECK_OK(fn_device_upload(device, t->g, t->p.grad, BYTES));
    CHECK_OK(fn_device_upload(device, t->told, &told, sizeof told));
    CHECK_OK(fn_device_upload(device, t->loss, &loss, sizeof loss));
    CHECK_OK(fn_optim_cuda_step(t->gpu));
}

static void step_both(pair *t, int step)
{
    draw_gradient(t, step);
    step_gpu(t, step, 0.5);
    fn_optim_step(t->cpu, 0.05f / (float)step,
                  fn_optim_clip(fn_optim_norm(t->cpu), t->clip));
}

/* In units of the last place; of 1 where numbers are smaller: those that they are sums of are of
 * that size. (A compiler may round a product before it is added, or not.) */
static int64_t wrong_floats(const float *got, const float *want)
{
    int64_t wrong = 0;
    for (int i = 0; i < COUNT; i++) {
        float far = fabsf(got[i] - want[i]), of = fmaxf(fabsf(want[i]), 1);
        wrong += !(far <= ULPS * (nextafterf(of, INFINITY) - of));
    }
    return wrong;
}

static void check_same(pair *t)
{
    float *w = fn_alloc(COUNT, sizeof *w);
    fetch(w, t->w, BYTES);
    CHECK_INT(wrong_floats(w, t->p.value), 0);
    CHECK_OK(fn_optim_cuda_fetch(t->gpu));
    for (int i = 0; i < fn_optim_state_count(t->cpu); i++)
        CHECK_INT(wrong_floats(fn_optim_state(t->host, i), fn_optim_state(t->cpu, i)), 0);
    CHECK_INT(*fn_optim_steps(t->host), *fn_optim_steps(t->cpu));
    fn_free(w);
}

TEST(every_rule_takes_the_cpus_steps)
{
    open_device();
    for (unsigned schedule = 0; schedule < SCHEDULES; schedule++)
        for (int i = 0; i < SOME; i++) {
            pair t;
            fn_emu_schedule(schedule);
            open_pair(&t, some[i], 0);
            for (int step = 1; step <= STEPS; step++) {
                step_both(&t, step);
                check_same(&t);
            }
            close_pair(&t);
        }
    close_device();
}

static void check_clipping(const fn_optim_options *o, float most)
{
    pair t;
    fn_update_state taken;
    open_pair(&t, *o, most);
    for (int step = 1; step <= 3; step++) {
        step_both(&t, step);
        check_same(&t);
        CHECK_OK(fn_optim_cuda_ask(t.gpu, &taken));
        CHECK_NEAR(taken.norm / fn_optim_norm(t.cpu), 1, 1e-12);
        CHECK(taken.scale == fn_optim_clip(fn_optim_norm(t.cpu), t.clip));
    }
    close_pair(&t);
}

TEST(a_gradient_is_clipped_by_its_length)
{
    open_device();
    for (unsigned schedule = 0; schedule < 2 * SCHEDULES; schedule++)
        for (int i = 0; i < SOME; i++) {
            fn_emu_schedule(schedule);
            check_clipping(&some[i], i % 2 ? 10 : 1000);
        }
    close_device();
}

/* --- steps that are not taken --- */

static void check_skipped(pair *t, int skipped, double loss, int64_t sick, float grad)
{
    float *before = fn_alloc(COUNT, sizeof *before),
          *after = fn_alloc(COUNT, sizeof *after);
    fn_update_state taken;
    draw_gradient(t, 9);
    t->p.grad[sick] = grad;
    fetch(before, t->w, BYTES);
    step_gpu(t, 9, loss);
    fetch(after, t->w, BYTES);
    CHECK(memcmp(before, after, BYTES) == 0);
    CHECK_OK(fn_optim_cuda_ask(t->gpu, &taken));
    CHECK(!taken.sound);
    CHECK_INT(taken.skipped, skipped);
    CHECK_INT(taken.steps, *fn_optim_steps(t->cpu));
    fn_free(before);
    fn_free(after);
}

TEST(what_is_not_finite_moves_nothing)
{
    open_device();
    for (int i = 0; i < SOME; i++) {
        pair t;
        open_pair(&t, some[i], 0);
        step_both(&t, 1);
        check_skipped(&t, 1, (double)NAN, 0, 0);
        check_skipped(&t, 2, 0.5, layout[3].offset + BIG - 1, INFINITY);
        step_both(&t, 2); /* its number is 2 */
        check_skipped(&t, 1, (double)INFINITY, 0, 0);
        check_skipped(&t, 2, 0.5, layout[1].offset, NAN);
        step_both(&t, 3);
        check_same(&t);
        close_pair(&t);
    }
    close_device();
}

/* The host may ask much later: the third step in a row is what it hears of. */
TEST(after_three_in_a_row_nothing_moves_any_more)
{
    pair t;
    fn_update_state taken;
    open_device();
    open_pair(&t, some[0], 0);
    check_skipped(&t, 1, (double)NAN, 0, 0);
    check_skipped(&t, 2, (double)NAN, 0, 0);
    check_skipped(&t, 3, 0.25, layout[1].offset, NAN);
    for (int step = 10; step < 13; step++) {
        check_skipped(&t, 3, 0.5, 0, 0);
        CHECK_OK(fn_optim_cuda_ask(t.gpu, &taken));
        CHECK_INT(taken.step, 9);
        CHECK(taken.loss == 0.25 && isnan(taken.norm));
    }
    close_pair(&t);
    close_device();
}

/* As on the CPU: a statistic is no gradient. And a gap's gradient is nobody's. */
TEST(a_sick_statistic_does_not_stop_a_step)
{
    pair t;
    fn_update_state taken;
    open_device();
    open_pair(&t, some[0], 0);
    draw_gradient(&t, 1);
    t.p.grad[layout[2].offset] = 1e30f;
    t.p.grad[15] = NAN;
    step_gpu(&t, 1, 0.5);
    fn_optim_step(t.cpu, 0.05f, 1);
    CHECK_OK(fn_optim_cuda_ask(t.gpu, &taken));
    CHECK(taken.sound && taken.norm < 1e3);
    check_same(&t);
    close_pair(&t);
    close_device();
}

/* The square of a gradient may be more than a float holds. */
TEST(a_long_gradient_is_measured)
{
    pair t;
    fn_update_state taken;
    open_device();
    open_pair(&t, some[3], 1);
    draw_gradient(&t, 1);
    t.p.grad[3] = 1e30f;
    step_gpu(&t, 1, 0.5);
    CHECK_OK(fn_optim_cuda_ask(t.gpu, &taken));
    CHECK(taken.sound);
    CHECK_NEAR(taken.norm, (double)1e30f, 1e16);
    close_pair(&t);
    close_device();
}

/* --- a batch in chunks --- */

TEST(gradients_of_chunks_add_up_and_statistics_by_their_share)
{
    static const float share[] = {0.75f, 0.25f};
    pair t;
    float *sum, got[COUNT], want[COUNT] = {0};
    open_device();
    open_pair(&t, some[0], 0);
    for (unsigned schedule = 0; schedule < SCHEDULES; schedule++) {
        fn_emu_schedule(schedule);
        memset(want, 0, sizeof want);
        sum = on_device(want, BYTES);
        for (int chunk = 0; chunk < 2; chunk++) {
            draw_gradient(&t, chunk + 1);
            CHECK_OK(fn_device_upload(device, t.g, t.p.grad, BYTES));
            CHECK_OK(fn_optim_cuda_add(t.gpu, sum, t.g, share[chunk]));
            for (int i = 0; i < PARAMS; i++)
                for (int64_t k = 0; k < layout[i].count; k++)
                    want[layout[i].offset + k] += (layout[i].trained ? 1 : share[chunk]) *
                                                  t.p.grad[layout[i].offset + k];
        }
        fetch(got, sum, BYTES);
        for (int64_t i = 0; i < COUNT; i++) /* gaps stay 0 */
            CHECK(fabsf(got[i] - want[i]) <= 1e-6f * fabsf(want[i]));
        off_device(sum);
    }
    close_pair(&t);
    close_device();
}

/* --- going on --- */

TEST(an_optimizer_goes_on_where_another_stopped)
{
    open_device();
    for (int i = 0; i < SOME; i++) {
        pair t;
        open_pair(&t, some[i], 0);
        for (int step = 1; step <= 3; step++)
            step_both(&t, step);
        CHECK_OK(fn_optim_cuda_fetch(t.gpu));
        if (i % 2) {
            fn_optim_cuda_close(t.gpu);
            open_gpu(&t, some[i]);
        } else {
            check_skipped(&t, 1, (double)NAN, 0, 0); /* is forgotten */
            CHECK_OK(fn_optim_cuda_load(t.gpu));
        }
        for (int step = 4; step <= STEPS; step++)
            step_both(&t, step);
        check_same(&t);
        close_pair(&t);
    }
    close_device();
}

TEST(an_optimizer_survives_each_failed_allocation)
{
    pair t;
    int failures = 0;
    open_device();
    open_pair(&t, some[4], 0);
    for (long n = 1;; n++) {
        fn_optim_cuda *o;
        fn_optim_place place = {t.w, t.g, t.told, t.loss};
        fn_fail_alloc(n);
        fn_status rc = fn_optim_cuda_open(&o, device, &t.p, t.host, some[4], 0, place);
        fn_fail_alloc(0);
        fn_optim_cuda_close(o);
        if (rc == FN_OK)
            break;
        CHECK_INT(rc, FN_ENOMEM);
        CHECK(!o);
        failures++;
    }
    CHECK_INT(failures, 7);
    close_pair(&t);
    close_device();
}
