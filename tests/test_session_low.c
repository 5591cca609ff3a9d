/* test_session_low.c -- sessions that compute in bf16 or u8, or refuse to. */
#include "infer/session.h"
#include "kernels/precision.h"
#include "tests/rig.h"

static fn_status embed(const rig *r, const fn_session_options *o, float *out)
{
    fn_session *s = NULL;
    fn_status rc = fn_session_over(&s, r->net, r->params, share, o);
    CHECK((rc == FN_OK) == !!s);
    if (rc == FN_OK)
        CHECK_OK(fn_embed(s, r->image, N, out));
    fn_session_close(s);
    return rc;
}

TEST(embeddings_are_near_whatever_the_batch)
{
    rig r;
    float low[N * DIM];
    if (fn_precision_accept(FN_PRECISION_BF16, FN_CPU, false) != FN_OK)
        SKIP("this processor has neither avx512_bf16 nor AMX's");
    rig_open(&r);
    for (int batch = 1; batch < 50; batch += 16) {
        fn_session_options o = {.size = sizeof o,
                                .threads = 1,
                                .max_batch = batch,
                                .precision = FN_PRECISION_BF16};
        CHECK_OK(embed(&r, &o, low));
        CHECK(worst(r.want, low, N) > 1e-4 && worst(r.want, low, N) < 2e-2);
    }
    rig_close(&r);
}

TEST(what_is_not_there_is_refused)
{
    rig r;
    float out[N * DIM];
    fn_session_options o = {.size = sizeof o, .threads = 1, .precision = FN_PRECISION_TF32};
    rig_open(&r);
    CHECK_FAILS(embed(&r, &o, out), FN_EUNSUPPORTED, "tf32");
    o.precision = FN_PRECISION_BF16;
    if (fn_precision_accept(FN_PRECISION_BF16, FN_CPU, false) != FN_OK)
        CHECK_FAILS(embed(&r, &o, out), FN_EUNSUPPORTED, "avx512_bf16");
    o.exact = 1;
    CHECK_FAILS(embed(&r, &o, out), FN_EINVAL, "exact");
    rig_close(&r);
}

TEST(a_caller_of_an_older_library_gets_float)
{
    rig r;
    float out[N * DIM], want[N * DIM];
    fn_session_options o = {.size = sizeof o, .threads = 1};
    rig_open(&r);
    CHECK_OK(embed(&r, &o, want));
    o.precision = FN_PRECISION_BF16;
    o.size = offsetof(fn_session_options, precision);
    CHECK_OK(embed(&r, &o, out));
    CHECK(memcmp(out, want, sizeof out) == 0);
    rig_close(&r);
}

/* --- u8 --- */

#define NEEDS_U8                                                          \
    do {                                                                  \
        if (fn_precision_accept(FN_PRECISION_U8, FN_CPU, false) != FN_OK) \
            SKIP("this processor has neither avx512_vnni nor avx_vnni");  \
    } while (0)

static fn_session *open_u8(const rig *r, int threads, int max_batch)
{
    fn_session_options o = {
        .size = sizeof o, threads, max_batch, .precision = FN_PRECISION_U8};
    fn_session *s = NULL;
    CHECK_OK(fn_session_over(&s, r->net, r->params, share, &o));
    return s;
}

TEST(a_calibrated_session_is_near_whatever_the_batch_and_the_threads)
{
    rig r;
    float first[N * DIM], low[N * DIM];
    NEEDS_U8;
    rig_open(&r);
    for (int i = 0; i < 3; i++) {
        fn_session *s = open_u8(&r, 1 + i, 1 + 16 * i);
        CHECK_FAILS(fn_embed(s, r.image, N, low), FN_EINVAL, "calibrated");
        CHECK_OK(fn_session_calibrate(s, r.image, N));
        CHECK_OK(fn_embed(s, r.image, N, low));
        CHECK(worst(r.want, low, N) > 1e-4 && worst(r.want, low, N) < 5e-2);
        if (i == 0)
            memcpy(first, low, sizeof low);
        CHECK(worst(first, low, N) < 5e-2);
        fn_session_close(s);
    }
    rig_close(&r);
}

TEST(calibrating_again_starts_anew)
{
    rig r;
    float first[N * DIM], low[N * DIM];
    NEEDS_U8;
    rig_open(&r);
    fn_session *s = open_u8(&r, 1, 8);
    CHECK_OK(fn_session_calibrate(s, r.image, N));
    CHECK_OK(fn_embed(s, r.image, N, first));
    CHECK_OK(fn_session_calibrate(s, r.image, 1));
    CHECK_OK(fn_embed(s, r.image, N, low));
    CHECK(memcmp(first, low, sizeof low) != 0);
    CHECK_OK(fn_session_calibrate(s, r.image, N));
    CHECK_OK(fn_embed(s, r.image, N, low));
    CHECK(memcmp(first, low, sizeof low) == 0);
    fn_session_close(s);
    rig_close(&r);
}

/* What embedding does not see has no part in the ranges. */
TEST(calibration_sees_what_embedding_sees)
{
    rig r;
    float first[N * DIM], low[N * DIM];
    NEEDS_U8;
    rig_open(&r);
    fn_session *s = open_u8(&r, 1, 8);
    int k = 0;
    while (r.face[k].width < 40 || r.face[k].height < 40)
        k++;
    fn_pixels *p = &r.face[k];
    CHECK_OK(fn_session_calibrate(s, &r.image[k], 1));
    CHECK_OK(fn_embed(s, r.image, N, first));
    for (int i = 0; i < 3 * p->width; i++) {
        p->rgb[i] ^= 255;
        p->rgb[3 * p->width * (p->height - 1) + i] ^= 255;
    }
    CHECK_OK(fn_session_calibrate(s, &r.image[k], 1));
    CHECK_OK(fn_embed(s, r.image, N, low));
    CHECK(memcmp(first, low, sizeof low) == 0);
    fn_session_close(s);
    rig_close(&r);
}

TEST(what_cannot_be_calibrated_says_so)
{
    rig r;
    float low[N * DIM];
    fn_image none = {NULL, 1, 1, 3};
    NEEDS_U8;
    rig_open(&r);
    fn_session *s = open_session(&r, 1, 8);
    CHECK_FAILS(fn_session_calibrate(s, r.image, N), FN_EINVAL, "u8");
    fn_session_close(s);
    s = open_u8(&r, 1, 8);
    CHECK_FAILS(fn_session_calibrate(s, r.image, 0), FN_EINVAL, "0 faces");
    CHECK_FAILS(fn_session_calibrate(s, &none, 1), FN_EINVAL, "image");
    CHECK_OK(fn_session_calibrate(s, r.image, N));
    r.params->value[r.params->param[r.params->n - 1].offset] = NAN;
    CHECK_FAILS(fn_session_calibrate(s, r.image, N), FN_ENUMERIC, "not finite");
    CHECK_FAILS(fn_embed(s, r.image, N, low), FN_EINVAL, "calibrated");
    fn_session_close(s);
    rig_close(&r);
}

TEST(failed_allocations)
{
    rig r;
    float low[N * DIM];
    fn_status rc = FN_ENOMEM;
    NEEDS_U8;
    rig_open(&r);
    fn_session *s = open_u8(&r, 1, 4);
    for (long k = 1; rc != FN_OK && k < 20000; k++) {
        fn_fail_alloc(k);
        rc = fn_session_calibrate(s, r.image, 2);
        if (rc == FN_OK)
            rc = fn_embed(s, r.image, 5, low);
        fn_fail_alloc(0);
        CHECK(rc == FN_OK || rc == FN_ENOMEM);
    }
    CHECK_OK(rc);
    fn_session_close(s);
    rig_close(&r);
}
