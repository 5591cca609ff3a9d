/* test_session_bf16.c -- sessions that compute in bf16, or refuse to. */
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
