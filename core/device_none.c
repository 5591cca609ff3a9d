/* device.h in a build without CUDA: there is no device to be opened, and nobody gets as far as
 * asking one. */
#include "core/device.h"

fn_status fn_device_open(fn_device **out, int number)
{
    (void)number;
    *out = NULL;
    return fn_fail(FN_ENODEVICE,
                   "no GPU can be used, because this program was built without CUDA: use "
                   "the CPU, or build it where the CUDA toolkit and cuDNN are installed");
}

void fn_device_close(fn_device *d)
{
    (void)d;
}

fn_status fn_device_ask(const fn_device *d, fn_device_facts *facts)
{
    (void)d;
    *facts = (fn_device_facts){.number = 0};
    return fn_fail(FN_EINTERNAL, "a GPU is asked for its facts that was never opened");
}
