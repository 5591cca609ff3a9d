/* energy.h -- the energy that a GPU has taken, by NVIDIA's management library, which is part of the
 * driver and of nothing else: it is looked for when it is wanted. */
#ifndef FN_BENCH_ENERGY_H
#define FN_BENCH_ENERGY_H

#include <stdbool.h>
#include <string.h>

#include <dlfcn.h>

/* docs.nvidia.com/deploy/nvml-api, group Device Queries: 0 is success, energy is in mJ. */
typedef struct fn_energy {
    void *library, *device; /* NULL: it is not known here */
    int (*total)(void *device, unsigned long long *millijoules);
} fn_energy;

/* ISO C has no cast from dlsym's pointer to that of a function. */
static inline bool fn_energy_find(void *function, void *library, const char *name)
{
    void *at = dlsym(library, name);
    memcpy(function, &at, sizeof at);
    return at != NULL;
}

/* `number` as the driver counts; with CUDA_VISIBLE_DEVICES the two may count differently. */
static inline void fn_energy_open(fn_energy *e, int number)
{
    int (*init)(void);
    int (*device)(unsigned index, void **device);
    *e = (fn_energy){.library = dlopen("libnvidia-ml.so.1", RTLD_NOW)};
    if (!e->library || !fn_energy_find(&init, e->library, "nvmlInit_v2") ||
        !fn_energy_find(&device, e->library, "nvmlDeviceGetHandleByIndex_v2") ||
        !fn_energy_find(&e->total, e->library, "nvmlDeviceGetTotalEnergyConsumption") ||
        init() != 0 || device((unsigned)number, &e->device) != 0)
        e->device = NULL;
}

static inline void fn_energy_close(fn_energy *e)
{
    if (e->library)
        dlclose(e->library);
}

/* Joules since the driver was loaded; false where they are not counted. */
static inline bool fn_energy_read(const fn_energy *e, double *joules)
{
    unsigned long long millijoules;
    if (!e->device || e->total(e->device, &millijoules) != 0)
        return false;
    *joules = 1e-3 * (double)millijoules;
    return true;
}

#endif
