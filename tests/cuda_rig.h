/* cuda_rig.h -- for tests of .cu files: memory of the device, and the schedules. */
#ifndef FN_TESTS_CUDA_RIG_H
#define FN_TESTS_CUDA_RIG_H

#include "core/device.h"
#include "kernels/launch_train.h"
#include "kernels/threads.h"
#include "tests/emu/emu.h"
#include "tests/test.h"

enum { SCHEDULES = 4 }; /* orders of a block's threads that a test is run in */

static fn_device *device;

/* The CPU's side runs alone: a team costs more than it brings. */
static inline void open_device(void)
{
    fn_threads_set(1);
    fn_emu_plug_in(true);
    MUST(fn_device_open(&device, 0));
}

static inline void close_device(void)
{
    fn_emu_schedule(0);
    fn_device_close(device);
    device = NULL;
}

static inline void *on_device(const void *from, size_t bytes)
{
    void *p = NULL;
    CHECK_OK(fn_device_alloc(device, &p, bytes));
    if (from)
        CHECK_OK(fn_device_upload(device, p, from, bytes));
    return p;
}

static inline void fetch(void *to, const void *from, size_t bytes)
{
    CHECK_OK(fn_device_download(device, to, from, bytes));
    CHECK_OK(fn_device_wait(device));
}

static inline void off_device(const void *p)
{
    fn_device_free(device, (void *)(uintptr_t)p);
}

#endif
