"""energy.py -- what bench/energy.h does, for Python: the energy that a GPU has taken, by the driver's
management library."""
import ctypes


def meter(number=0):
    """A function that gives joules since the driver was loaded; None where they are not counted."""
    device, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        total = nvml.nvmlDeviceGetTotalEnergyConsumption
        if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByIndex_v2(number, ctypes.byref(device)) \
                or total(device, ctypes.byref(millijoules)):
            return None
    except (OSError, AttributeError):
        return None

    def joules():
        total(device, ctypes.byref(millijoules))
        return 1e-3 * millijoules.value
    return joules
