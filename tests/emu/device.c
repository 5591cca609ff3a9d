/* core/device.h on the CPU: the device's memory is malloc's, and its queue is empty at once. */
#include "core/device.h"

#include "core/mem.h"
#include "tests/emu/emu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fn_device {
    int allocations; /* neither freed nor unpinned yet */
};

unsigned fn_emu_schedule_seed;
static bool plugged_in;

void fn_emu_plug_in(bool yes)
{
    plugged_in = yes;
}

void fn_emu_schedule(unsigned seed)
{
    fn_emu_schedule_seed = seed;
}

fn_status fn_device_check(int error, const char *doing)
{
    return error ? fn_fail(FN_EDEVICE, "%s: the emulated GPU reports %d", doing, error)
                 : FN_OK;
}

fn_status fn_device_open(fn_device **out, int number)
{
    *out = NULL;
    if (!plugged_in)
        return fn_fail(FN_EUNSUPPORTED, "the emulated GPU is not plugged in");
    if (number != 0)
        return fn_fail(FN_EINVAL, "there is no GPU %d: they are 0 to 0", number);
    *out = fn_alloc(1, sizeof **out);
    return *out ? FN_OK : fn_fail(FN_ENOMEM, "no memory for a device");
}

/* What was not given back is reported by LeakSanitizer as well; here it is a mistake at once. */
void fn_device_close(fn_device *d)
{
    if (d && d->allocations)
        fprintf(stderr, "emulated GPU: %d allocations are left\n", d->allocations);
    if (d && d->allocations)
        abort();
    fn_free(d);
}

fn_status fn_device_ask(const fn_device *d, fn_device_facts *facts)
{
    (void)d;
    *facts = (fn_device_facts){.name = "emulated", .architecture = 80, .processors = 1};
    facts->memory = facts->free_memory = (size_t)1 << 30;
    return FN_OK;
}

void *fn_device_stream(const fn_device *d)
{
    (void)d;
    return NULL;
}

fn_status fn_device_wait(fn_device *d)
{
    (void)d;
    return FN_OK;
}

/* Filled with NaN: the device's memory is not zeroed. */
fn_status fn_device_alloc(fn_device *d, void **out, size_t bytes)
{
    *out = fn_alloc_aligned(bytes);
    if (!*out)
        return fn_fail(FN_ENOMEM, "%zu MB of the GPU's memory are wanted", bytes >> 20);
    memset(*out, 0xff, bytes);
    d->allocations++;
    return FN_OK;
}

void fn_device_free(fn_device *d, void *p)
{
    d->allocations -= p != NULL;
    fn_free(p);
}

fn_status fn_device_pin(fn_device *d, void **out, size_t bytes)
{
    return fn_device_alloc(d, out, bytes);
}

void fn_device_unpin(fn_device *d, void *p)
{
    fn_device_free(d, p);
}

fn_status fn_device_copy(fn_device *d, void *to, const void *from, size_t bytes)
{
    (void)d;
    memcpy(to, from, bytes);
    return FN_OK;
}

fn_status fn_device_upload(fn_device *d, void *to, const void *from, size_t bytes)
{
    return fn_device_copy(d, to, from, bytes);
}

fn_status fn_device_download(fn_device *d, void *to, const void *from, size_t bytes)
{
    return fn_device_copy(d, to, from, bytes);
}

fn_status fn_device_zero(fn_device *d, void *to, size_t bytes)
{
    (void)d;
    memset(to, 0, bytes);
    return FN_OK;
}
