/* test_sick_cuda.c -- the first node on the device whose numbers are not finite. */
#include "kernels/gpu.h"
#include "nn/sick.h"
#include "tests/emu/emu.h"
#include "tests/sick.h"

TEST(the_first_node_is_found)
{
    fn_gpu *gpu = NULL;
    fn_emu_plug_in(true);
    MUST(fn_gpu_open(&gpu, 0));
    check_sick((fn_plan_options){.backend = FN_CUDA, .gpu = gpu});
    check_sick(
        (fn_plan_options){.backend = FN_CUDA, .gpu = gpu, .precision = FN_PRECISION_BF16});
    fn_gpu_close(gpu);
}
