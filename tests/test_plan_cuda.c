/* test_plan_cuda.c -- a whole network on the device, fused and node by node, against the oracle
 * in double on the CPU. Linked to tests/emu/, or to fn_gpu on a GPU. */
#include "core/mem.h"
#include "kernels/gpu.h"
#include "nn/plan.h"
#include "tests/emu/emu.h"
#include "tests/net_run.h"
#include "tests/test.h"

/* The same network on the device, and how far it may be from the oracle. */
static void check_run(const run *ref, const char *text, bool training, fn_plan_options o,
                      double out_limit, double grad_limit)
{
    run r;
    fn_gpu *gpu = NULL;
    fn_emu_plug_in(true);
    MUST(fn_gpu_open(&gpu, 0));
    o.backend = FN_CUDA;
    o.gpu = gpu;
    run_net(&r, text, training, o);
    double out = worst(r.out, ref->out, BATCH * DIM);
    double grad = training ? worst(r.grad, ref->grad, ref->count) : 0;
    if (!(out < out_limit && grad < grad_limit))
        FN_TEST_FAIL("%s, precision %d, %s: embeddings off by %.3g, gradients by %.3g",
                     training ? "training" : "inference", (int)o.precision,
                     o.no_fuse ? "not fused" : "fused", out, grad);
    fn_free(r.grad);
    fn_gpu_close(gpu);
}

static void check_net(const char *text, bool training)
{
    run ref;
    run_net(&ref, text, training, (fn_plan_options){.backend = FN_REF});
    for (int no_fuse = 0; no_fuse < 2; no_fuse++) {
        check_run(&ref, text, training, (fn_plan_options){.no_fuse = no_fuse}, 2e-5, 2e-4);
        check_run(&ref, text, training,
                  (fn_plan_options){.no_fuse = no_fuse, .precision = FN_PRECISION_BF16},
                  0.03, 0.1);
    }
    fn_free(ref.grad);
}

TEST(inference_agrees_with_the_oracle)
{
    check_net(FN_TEST_NET("none"), false);
    check_net(FN_TEST_NET("batch"), false);
}

TEST(training_agrees_with_the_oracle)
{
    check_net(FN_TEST_NET("none"), true);
    check_net(FN_TEST_NET("batch"), true);
}
