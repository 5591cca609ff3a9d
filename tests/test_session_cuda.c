/* test_session_cuda.c -- embeddings of a session on the device against a plain run of the plan on
 * the CPU. Linked to tests/emu/, or to fn_gpu on a GPU. */
#include "infer/session.h"
#include "kernels/gpu.h"
#include "tests/emu/emu.h"
#include "tests/rig.h"

/* Of a number of an embedding, whose rows have unit norm. */
static const double near_fp32 = 2e-5, near_bf16 = 0.03;

static fn_session_options there(int max_batch, fn_precision p)
{
    return (fn_session_options){.size = sizeof(fn_session_options),
                                .threads = 2,
                                .max_batch = max_batch,
                                .precision = p,
                                .device = FN_DEVICE_CUDA};
}

static fn_session *open_there(const rig *r, int max_batch, fn_precision p)
{
    fn_session_options o = there(max_batch, p);
    fn_session *s = NULL;
    fn_emu_plug_in(true);
    MUST(fn_session_over(&s, r->net, r->params, share, &o));
    return s;
}

/* Faces from `first` on, and nothing behind the last row. */
static void check_count(fn_session *s, const rig *r, int first, int n, double limit)
{
    float out[(N + 1) * DIM];
    memset(out, 0xff, sizeof out);
    CHECK_OK(fn_embed(s, r->image + first, n, out));
    double off = worst(out, r->want + first * DIM, n);
    if (!(off < limit))
        FN_TEST_FAIL("%d faces from %d on are off by %.3g", n, first, off);
    CHECK(isnan(out[n * DIM]));
}

/* Whole batches, one that is filled up, one face alone. */
static void check_precision(fn_precision p, double limit)
{
    static const int batch[] = {1, 3, 16, 64};
    rig r;
    rig_open(&r);
    for (size_t i = 0; i < sizeof batch / sizeof *batch; i++) {
        fn_session *s = open_there(&r, batch[i], p);
        check_count(s, &r, 0, N, limit);
        check_count(s, &r, N - 2, 2, limit);
        check_count(s, &r, 7, 1, limit);
        fn_session_close(s);
    }
    rig_close(&r);
}

TEST(embeddings_are_those_of_the_cpu)
{
    check_precision(FN_PRECISION_FP32, near_fp32);
}

TEST(embeddings_in_bf16_are_near)
{
    check_precision(FN_PRECISION_BF16, near_bf16);
}

TEST(mirror_images_are_added)
{
    rig r;
    float here[N * DIM], out[N * DIM];
    rig_open(&r);
    fn_embed_source source = {copy_face, &r};
    fn_session *cpu = open_session(&r, 2, 16), *s = open_there(&r, 16, FN_PRECISION_FP32);
    CHECK_OK(fn_embed_many(cpu, source, N, true, here, NULL, NULL));
    CHECK_OK(fn_embed_many(s, source, N, true, out, NULL, NULL));
    CHECK(worst(out, here, N) < near_fp32);
    CHECK(worst(here, r.want, N) > apart);
    fn_session_close(cpu);
    fn_session_close(s);
    rig_close(&r);
}

/* As a validator has it: the GPU is another's, and weights change on the host. */
TEST(on_a_gpu_that_is_lent_and_with_new_weights)
{
    rig r;
    char where[160];
    fn_gpu *gpu = NULL;
    fn_session_options o = there(16, FN_PRECISION_FP32);
    fn_session *s = NULL;
    o.device = FN_DEVICE_CPU;
    rig_open(&r);
    fn_emu_plug_in(true);
    MUST(fn_gpu_open(&gpu, 0));
    MUST(fn_session_on(&s, gpu, r.net, r.params, share, &o));
    fn_session_describe(s, where, sizeof where);
    CHECK(strstr(where, "cuda, ") == where);
    check_count(s, &r, 0, N, near_fp32);
    check_count(s, &r, 0, 1, near_fp32);
    for (int64_t i = 0; i < r.params->count; i++)
        r.params->value[i] *= 1 + 0.1F * (float)(i % 7);
    run_images(&r, r.image, r.want);
    CHECK_OK(fn_session_reload(s));
    check_count(s, &r, 0, N, near_fp32);
    check_count(s, &r, 0, 1, near_fp32);
    fn_session_close(s);
    CHECK_OK(fn_gpu_wait(gpu));
    fn_gpu_close(gpu);
    rig_close(&r);
}

/* The device that a session with such options runs on. */
static void check_place(const rig *r, const char *place, fn_session_options o)
{
    char where[160];
    fn_session *s = NULL;
    MUST(fn_session_over(&s, r->net, r->params, share, &o));
    fn_session_describe(s, where, sizeof where);
    if (strstr(where, place) != where)
        FN_TEST_FAIL("a session runs on '%s', expected '%s'", where, place);
    check_count(s, r, 0, 3, near_fp32);
    fn_session_close(s);
}

TEST(where_a_session_runs)
{
    rig r;
    fn_session_options o = there(4, FN_PRECISION_FP32);
    rig_open(&r);
    fn_emu_plug_in(true);
    check_place(&r, "cuda, ", o);
    o.device = FN_DEVICE_AUTO;
    check_place(&r, "cuda, ", o);
    o.exact = 1;
    check_place(&r, "cpu, 2 threads", o);
    o = (fn_session_options){.size = sizeof o, .threads = 1};
    check_place(&r, "cpu, 1 thread", o);
    rig_close(&r);
}

static fn_status refused(const rig *r, fn_session_options o)
{
    fn_session *s = NULL;
    fn_status rc = fn_session_over(&s, r->net, r->params, share, &o);
    CHECK(!s);
    return rc;
}

TEST(what_a_gpu_does_not_do)
{
    rig r;
    rig_open(&r);
    fn_session *s = open_there(&r, 4, FN_PRECISION_TF32);
    CHECK_FAILS(fn_session_calibrate(s, r.image, 4), FN_EINVAL, "only a session in u8");
    fn_session_close(s);
    fn_session_options o = there(4, FN_PRECISION_U8);
    CHECK_FAILS(refused(&r, o), FN_EUNSUPPORTED, "u8 is for CPUs");
    o = there(4, FN_PRECISION_FP32);
    o.exact = 1;
    CHECK_FAILS(refused(&r, o), FN_EUNSUPPORTED, "exact is for CPUs");
    o.exact = 0;
    o.device = (fn_device_choice)7;
    CHECK_FAILS(refused(&r, o), FN_EINVAL, "7 is no device");
    rig_close(&r);
}

/* The host's memory, and in the emulation the device's. */
TEST(a_session_survives_each_failed_allocation)
{
    rig r;
    float out[DIM];
    long n = 0;
    rig_open(&r);
    fn_emu_plug_in(true);
    fn_session_options o = there(4, FN_PRECISION_BF16);
    o.threads = 1;
    for (fn_status rc = FN_ENOMEM; rc != FN_OK;) {
        fn_session *s = NULL;
        fn_fail_alloc(++n);
        rc = fn_session_over(&s, r.net, r.params, share, &o);
        if (rc == FN_OK)
            rc = fn_embed(s, r.image, 1, out);
        fn_fail_alloc(0);
        fn_session_close(s);
        if (rc != FN_OK)
            CHECK_INT(rc, FN_ENOMEM);
    }
    CHECK(n > 100);
    rig_close(&r);
}
