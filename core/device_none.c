/* device.h in a build without CUDA: there is no device, and only opening one can be asked for. */
#include "core/device.h"

fn_status fn_device_open(fn_device **out, int number)
{
    (void)number;
    *out = NULL;
    return fn_fail(FN_EUNSUPPORTED,
                   "this program was built without CUDA: use the CPU, or build "
                   "it where the CUDA toolkit and cuDNN are installed");
}

void fn_device_close(fn_device *d)
{
    (void)d;
}
