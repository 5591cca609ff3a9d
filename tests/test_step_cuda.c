/* test_step_cuda.c -- ten steps of a network that is one matrix, e = x w', on the GPU and on the
 * CPU: the same losses, triplets, gradients and weights. */
#include "core/mem.h"
#include "core/rng.h"
#include "kernels/gemm.h"
#include "tests/cuda_rig.h"
#include "train/step_cuda.h"

enum { N = 42, IN = 24, DIM = 16, STEPS = 10, PEOPLE = 6, FACES = 6 };

static fn_param layout[] = {{.name = "w",
                             .shape = {2, {DIM, IN, 1, 1}},
                             .offset = 0,
                             .count = DIM * IN,
                             .trained = true}};

/* The CPU's side, and places of the device. */
typedef struct rig {
    fn_params p;
    fn_optim *optim, *host;
    fn_step_options o;
    fn_triplets t;
    fn_loss loss;
    int label[N];
    float x[N * IN], e[N * DIM], d[N * N], de[N * DIM];
    float *gpu_x, *gpu_e, *gpu_w, *gpu_g;
    fn_cublas *cublas;
    fn_step_cuda *step;
} rig;

static void open_gpu(rig *t)
{
    t->gpu_x = on_device(NULL, sizeof t->x);
    t->gpu_e = on_device(NULL, sizeof t->e);
    t->gpu_w = on_device(t->p.value, DIM * IN * sizeof(float));
    t->gpu_g = on_device(NULL, DIM * IN * sizeof(float));
    CHECK_OK(fn_cublas_open(&t->cublas, fn_device_stream(device)));
    CHECK_OK(fn_step_cuda_open(&t->step, device, t->cublas, &t->p, t->host,
                               (fn_step_place){t->gpu_e, t->gpu_w, t->gpu_g}, &t->o));
}

static void open_rig(rig *t, const fn_step_options *o)
{
    memset(t, 0, sizeof *t);
    t->o = *o;
    t->p = (fn_params){.param = layout, .n = 1, .count = DIM * IN};
    t->p.value = fn_alloc(DIM * IN, sizeof(float));
    t->p.grad = fn_alloc(DIM * IN, sizeof(float));
    fn_rng r = fn_rng_at(2, FN_RNG_TEST, 0, 0);
    for (int i = 0; i < DIM * IN; i++)
        t->p.value[i] = (float)fn_rng_normal(&r) / 16;
    CHECK_OK(fn_optim_open(&t->optim, &t->p, o->optim));
    CHECK_OK(fn_optim_open(&t->host, &t->p, o->optim));
    open_gpu(t);
}

static void close_rig(rig *t)
{
    fn_step_cuda_close(t->step);
    fn_cublas_close(t->cublas);
    off_device(t->gpu_x);
    off_device(t->gpu_e);
    off_device(t->gpu_w);
    off_device(t->gpu_g);
    fn_optim_close(t->optim);
    fn_optim_close(t->host);
    fn_free(t->p.value);
    fn_free(t->p.grad);
    fn_triplets_free(&t->t);
}

/* --- a batch: people's faces, and behind them faces of nobody else --- */

static void draw_batch(rig *t, int step)
{
    for (int i = 0; i < N; i++) {
        t->label[i] = i < PEOPLE * FACES ? i / FACES : 100 + i;
        fn_rng own = fn_rng_at(3, FN_RNG_TEST, (uint64_t)step, (uint32_t)i);
        fn_rng person = fn_rng_at(4, FN_RNG_TEST, 0, (uint32_t)t->label[i]);
        for (int k = 0; k < IN; k++)
            t->x[i * IN + k] = (float)(fn_rng_normal(&person) + fn_rng_normal(&own));
    }
}

static float rate_of(int step)
{
    return 0.01f / (float)(step + 1);
}

static fn_status step_cpu(rig *t, int step)
{
    fn_faces faces = {t->e, t->d, t->label, N, DIM};
    fn_mine_options o = t->o.mine;
    o.step = (uint64_t)step;
    FN_TRY(fn_gemm(false, true, N, DIM, IN, 1, t->x, IN, t->p.value, IN, 0, t->e, DIM));
    FN_TRY(fn_distances(t->d, t->e, N, DIM));
    FN_TRY(fn_mine(&t->t, &faces, &o));
    FN_TRY(fn_triplet_loss(&t->loss, t->de, &faces, &t->t, o.margin, t->o.reduce));
    FN_TRY(fn_gemm(true, false, DIM, IN, N, 1, t->de, DIM, t->x, IN, 0, t->p.grad, IN));
    fn_optim_step(t->optim, rate_of(step),
                  fn_optim_clip(fn_optim_norm(t->optim), t->o.clip));
    return FN_OK;
}

static fn_status step_gpu(rig *t, int step)
{
    fn_cublas_product forward = {.transpose_b = true,
                                 .m = N,
                                 .n = DIM,
                                 .k = IN,
                                 .alpha = 1,
                                 .a = t->gpu_x,
                                 .b = t->gpu_w,
                                 .c = t->gpu_e,
                                 .lda = IN,
                                 .ldb = IN,
                                 .ldc = DIM};
    fn_cublas_product back = {.transpose_a = true,
                              .m = DIM,
                              .n = IN,
                              .k = N,
                              .alpha = 1,
                              .a = fn_step_cuda_gradient(t->step),
                              .b = t->gpu_x,
                              .c = t->gpu_g,
                              .lda = DIM,
                              .ldb = IN,
                              .ldc = IN};
    FN_TRY(fn_device_upload(device, t->gpu_x, t->x, sizeof t->x));
    FN_TRY(fn_step_cuda_tell(t->step, step, t->label, rate_of(step)));
    FN_TRY(fn_cublas_multiply(t->cublas, &forward));
    FN_TRY(fn_step_cuda_loss(t->step));
    FN_TRY(fn_cublas_multiply(t->cublas, &back));
    return fn_step_cuda_update(t->step);
}

/* --- what they came to --- */

static double farthest(const float *a, const float *b, int n)
{
    double most = 0;
    for (int i = 0; i < n; i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

static void check_report(rig *t, int step)
{
    fn_step_report r;
    CHECK_OK(fn_step_cuda_ask(t->step, &r));
    CHECK_NEAR(r.loss.loss, t->loss.loss, 1e-5 * t->loss.loss);
    CHECK_NEAR(r.loss.active, t->loss.active, 1e-12);
    CHECK_NEAR(r.loss.d_ap, t->loss.d_ap, 1e-5 * t->loss.d_ap);
    CHECK_NEAR(r.loss.d_an, t->loss.d_an, 1e-5 * t->loss.d_an);
    CHECK_NEAR(r.gradient, fn_optim_norm(t->optim), 1e-4 * r.gradient);
    CHECK_INT(r.triplets, t->t.count);
    CHECK_INT(r.steps, step + 1);
    CHECK_INT(r.skipped, 0);
    CHECK(t->loss.loss > 0 && r.gradient > 0);
}

static void check_triplets(rig *t)
{
    fn_triplets got = {.triplet = NULL};
    CHECK_OK(fn_step_cuda_triplets(t->step, &got));
    CHECK_INT(got.n, t->t.n);
    CHECK_INT(got.pairs, t->t.pairs);
    CHECK_INT(got.most, t->t.most);
    CHECK(got.every == t->t.every);
    CHECK(got.n == 0 ||
          (got.n == t->t.n &&
           memcmp(got.triplet, t->t.triplet, (size_t)got.n * sizeof *got.triplet) == 0));
    fn_triplets_free(&got);
}

static void check_distances(rig *t)
{
    float d[N * N];
    CHECK_OK(fn_step_cuda_distances(t->step, d));
    CHECK_NEAR(farthest(d, t->d, N * N), 0, 1e-5);
}

static void check_weights(rig *t)
{
    float w[DIM * IN];
    fetch(w, t->gpu_w, sizeof w);
    CHECK_NEAR(farthest(w, t->p.value, DIM * IN), 0, 1e-5);
    CHECK_OK(fn_step_cuda_fetch(t->step));
    CHECK_NEAR(farthest(fn_optim_state(t->host, 0), fn_optim_state(t->optim, 0), DIM * IN),
               0, 1e-4);
}

static const fn_step_options options[] = {
    {.mine = {.fallback = FN_FALLBACK_FARTHEST}, .optim = {FN_ADAGRAD, .initial = 0.1f}},
    {.mine = {.fallback = FN_FALLBACK_SKIP},
     .reduce = FN_REDUCE_ACTIVE,
     .optim = {FN_SGD, .momentum = 0.9f, .decay = 1e-3f},
     .clip = 0.5f},
    {.mine = {.kind = FN_MINE_HARDEST},
     .optim = {FN_ADAM, .momentum = 0.9f, .beta2 = 0.99f, .eps = 0.1f}},
    {.mine = {.kind = FN_MINE_RANDOM},
     .optim = {FN_ADAMW, 0.9f, 0.99f, .eps = 0.1f, .decay = 1e-2f}},
    {.mine = {.kind = FN_MINE_ALL}, .optim = {FN_ADAGRAD, .initial = 0.1f}, .clip = 0.1f},
};

TEST(ten_steps_are_the_cpus)
{
    open_device();
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        rig t;
        fn_step_options o = options[i];
        o.n = N;
        o.dim = DIM;
        o.mine.margin = 0.2f;
        o.mine.seed = 7;
        fn_emu_schedule((unsigned)i % SCHEDULES);
        open_rig(&t, &o);
        for (int step = 0; step < STEPS; step++) {
            draw_batch(&t, step);
            CHECK_OK(step_cpu(&t, step));
            CHECK_OK(step_gpu(&t, step));
            check_report(&t, step);
            check_triplets(&t);
            check_distances(&t);
        }
        check_weights(&t);
        close_rig(&t);
    }
    close_device();
}

/* --- what goes wrong --- */

static void open_first(rig *t)
{
    fn_step_options o = options[0];
    o.n = N;
    o.dim = DIM;
    o.mine.margin = 0.2f;
    open_rig(t, &o);
    draw_batch(t, 0);
}

TEST(a_batch_that_mining_refuses_moves_nothing)
{
    rig t;
    fn_step_report r;
    float w[DIM * IN];
    open_device();
    open_first(&t);
    for (int i = 0; i < N; i++)
        t.label[i] = i;
    CHECK_OK(step_gpu(&t, 0));
    CHECK_FAILS(fn_step_cuda_ask(t.step, &r), FN_EINVAL, "no positive pair in a batch");
    for (int i = 0; i < N; i++)
        t.label[i] = 3;
    CHECK_OK(step_gpu(&t, 1));
    CHECK_FAILS(fn_step_cuda_ask(t.step, &r), FN_EINVAL, "no negative in a batch of 42");
    CHECK_INT(r.skipped, 2);
    CHECK_INT(r.steps, 0);
    fetch(w, t.gpu_w, sizeof w);
    CHECK(memcmp(w, t.p.value, sizeof w) == 0);
    close_rig(&t);
    close_device();
}

TEST(numbers_that_are_not_finite_are_counted)
{
    rig t;
    fn_step_report r;
    open_device();
    open_first(&t);
    t.x[5] = NAN;
    for (int step = 0; step < 2; step++) {
        CHECK_OK(step_gpu(&t, step));
        CHECK_OK(fn_step_cuda_ask(t.step, &r));
        CHECK(isnan(r.loss.loss));
        CHECK_INT(r.skipped, step + 1);
    }
    t.x[5] = 0;
    CHECK_OK(step_gpu(&t, 2));
    CHECK_OK(fn_step_cuda_ask(t.step, &r));
    CHECK_INT(r.skipped, 0);
    CHECK_INT(r.steps, 1);
    CHECK_INT(r.step, 2);
    close_rig(&t);
    close_device();
}

/* More steps than there is room to tell of: whoever is not heard yet is not written over. */
TEST(steps_that_nobody_asks_about)
{
    rig t;
    fn_step_report r;
    open_device();
    fn_emu_run(FN_EMU_LATE);
    open_first(&t);
    for (int step = 0; step < 2 * FN_STEPS_AHEAD + 1; step++) {
        draw_batch(&t, step);
        CHECK_OK(step_cpu(&t, step));
        CHECK_OK(step_gpu(&t, step));
    }
    CHECK_OK(fn_step_cuda_ask(t.step, &r));
    CHECK_INT(r.steps, 2 * FN_STEPS_AHEAD + 1);
    CHECK_NEAR(r.loss.loss, t.loss.loss, 1e-4 * t.loss.loss);
    CHECK(t.loss.loss > 0);
    check_weights(&t);
    close_rig(&t);
    fn_emu_run(FN_EMU_AT_ONCE);
    close_device();
}

TEST(a_step_survives_each_failed_allocation)
{
    rig t;
    int failures = 0;
    open_device();
    open_first(&t);
    fn_step_place place = {t.gpu_e, t.gpu_w, t.gpu_g};
    for (long n = 1;; n++) {
        fn_step_cuda *s;
        fn_fail_alloc(n);
        fn_status rc = fn_step_cuda_open(&s, device, t.cublas, &t.p, t.host, place, &t.o);
        fn_fail_alloc(0);
        fn_step_cuda_close(s);
        if (rc == FN_OK)
            break;
        CHECK_INT(rc, FN_ENOMEM);
        failures++;
    }
    CHECK_INT(failures, 9);
    close_rig(&t);
    close_device();
}

TEST(more_faces_than_a_block_has_room_for)
{
    rig t;
    fn_step_cuda *s;
    open_device();
    open_first(&t);
    t.o.n = FN_TRIPLET_FACES + 1;
    CHECK_FAILS(fn_step_cuda_open(&s, device, t.cublas, &t.p, t.host,
                                  (fn_step_place){t.gpu_e, t.gpu_w, t.gpu_g}, &t.o),
                FN_EINVAL, "a GPU mines up to 20000");
    CHECK(fn_step_cuda_bytes(1800, 128) > 3 * 4 * (size_t)1800 * 1800);
    close_rig(&t);
    close_device();
}
