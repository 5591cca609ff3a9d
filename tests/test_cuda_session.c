/* test_cuda_session.c -- sessions on an emulated GPU that is missing, too small, or fails. */
#include "infer/session.h"
#include "kernels/gpu.h"
#include "tests/emu/emu.h"
#include "tests/rig.h"

static fn_status open_there(fn_session **s, const rig *r, int max_batch)
{
    fn_session_options o = {
        .size = sizeof o, .threads = 1, .max_batch = max_batch, .device = FN_DEVICE_CUDA};
    return fn_session_over(s, r->net, r->params, share, &o);
}

TEST(a_session_without_a_gpu)
{
    rig r;
    fn_session *s = NULL;
    rig_open(&r);
    fn_emu_plug_in(false);
    CHECK_FAILS(open_there(&s, &r, 4), FN_ENODEVICE, "the emulated GPU is not plugged in");
    CHECK(!s);
    rig_close(&r);
}

/* The batch that the sentence advises has room, and one of twice the size has not. */
static void check_advice(const rig *r, size_t memory)
{
    int fits = 0;
    fn_session *s = NULL;
    fn_emu_memory(memory);
    CHECK_FAILS(open_there(&s, r, 4096), FN_ENOMEM,
                " would fit: small at batch 4096 wants ");
    CHECK(sscanf(fn_last_error(), "batches of %d would fit: ", &fits) == 1);
    CHECK(fits > 3 && !s);
    CHECK_OK(open_there(&s, r, fits));
    fn_session_close(s);
    CHECK_FAILS(open_there(&s, r, 2 * fits), FN_ENOMEM, "would fit");
    CHECK(!s);
}

TEST(a_session_that_the_gpu_has_no_memory_for)
{
    rig r;
    fn_session *s = NULL;
    rig_open(&r);
    fn_emu_plug_in(true);
    check_advice(&r, 4 << 20);
    check_advice(&r, 16 << 20);
    fn_emu_memory(1 << 10);
    CHECK_FAILS(open_there(&s, &r, 4), FN_ENOMEM,
                "not even one image at a time has room: small: one/conv: ");
    fn_emu_memory((size_t)1 << 30);
    rig_close(&r);
}

/* Each launch of a pass in turn; the node is in the sentence. */
TEST(a_session_whose_kernels_cannot_start)
{
    rig r;
    float out[DIM];
    fn_session *s = NULL;
    int failures = 0;
    rig_open(&r);
    fn_emu_plug_in(true);
    MUST(open_there(&s, &r, 1));
    CHECK_OK(fn_embed(s, r.image, 1, out));
    for (fn_status rc = FN_EDEVICE; rc != FN_OK && failures < 1000;
         failures += rc != FN_OK) {
        fn_emu_break(failures + 1, FN_EMU_NO_START);
        rc = fn_embed(s, r.image, 1, out);
        if (rc == FN_OK)
            break;
        CHECK_INT(rc, FN_EDEVICE);
        if (strstr(fn_last_error(), "small: ") != fn_last_error() ||
            !strstr(fn_last_error(), " forward: ") || !strstr(fn_last_error(), "701"))
            FN_TEST_FAIL("launch %d: %s", failures + 1, fn_last_error());
    }
    CHECK(failures > 20 && failures < 1000);
    fn_emu_break(0, FN_EMU_NO_START);
    CHECK_OK(fn_embed(s, r.image, 1, out)); /* the GPU is as it was */
    CHECK(worst(out, r.want, 1) < 2e-5);
    fn_session_close(s);
    rig_close(&r);
}

TEST(a_session_whose_gpu_breaks_off)
{
    rig r;
    float out[DIM];
    fn_session *s = NULL;
    rig_open(&r);
    fn_emu_plug_in(true);
    MUST(open_there(&s, &r, 1));
    CHECK_OK(fn_embed(s, r.image, 1, out));
    fn_emu_break(7, FN_EMU_BREAKS_OFF);
    CHECK_FAILS(fn_embed(s, r.image, 1, out), FN_EDEVICE, "700");
    CHECK_FAILS(fn_embed(s, r.image, 1, out), FN_EDEVICE, "700");
    CHECK_FAILS(fn_session_reload(s), FN_EDEVICE, "700");
    fn_session_close(s);
    fn_emu_break(0, FN_EMU_BREAKS_OFF);
    rig_close(&r);
}
