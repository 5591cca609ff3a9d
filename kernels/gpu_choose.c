#include "kernels/gpu.h"

const char *const fn_device_names[] = {"cpu", "cuda", "auto", NULL};

fn_status fn_gpu_choose(fn_gpu **out, fn_device_choice choice)
{
    *out = NULL;
    if (choice == FN_DEVICE_CPU)
        return FN_OK;
    if (choice != FN_DEVICE_CUDA && choice != FN_DEVICE_AUTO)
        return fn_fail(FN_EINVAL, "%d is no device", (int)choice);
    fn_status rc = fn_gpu_open(out, 0);
    return rc == FN_ENODEVICE && choice == FN_DEVICE_AUTO ? FN_OK : rc;
}
