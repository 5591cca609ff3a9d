#include "tests/emu/fault.h"

#include "tests/emu/emu.h"

/* CUDA's numbers. */
enum { BROKEN_OFF = 700, CANNOT_START = 701 };

static long fuse; /* work until the fault; 0: none is to come */
static fn_emu_fault fault;
static bool broken_off, reported; /* a wait has reported it */

void fn_emu_break(long n, fn_emu_fault how)
{
    fuse = n;
    fault = how;
    broken_off = reported = false;
}

int fn_emu_work(void)
{
    if (fuse > 0 && --fuse == 0) {
        broken_off = fault == FN_EMU_BREAKS_OFF;
        return broken_off ? 0 : CANNOT_START;
    }
    return fn_emu_state();
}

int fn_emu_wait(void)
{
    reported = broken_off;
    return fn_emu_state();
}

int fn_emu_state(void)
{
    return reported ? BROKEN_OFF : 0;
}
