/* tests/emu/emu.h where the GPU is a real one: it is plugged in, orders its threads and
 * queues itself, and is not lost. */
#include "tests/emu/emu.h"

void fn_emu_plug_in(bool yes)
{
    (void)yes;
}

void fn_emu_schedule(unsigned seed)
{
    (void)seed;
}

void fn_emu_run(fn_emu_pace pace)
{
    (void)pace;
}

size_t fn_emu_memory(size_t bytes)
{
    return bytes;
}

int fn_emu_waits(void)
{
    return 0;
}

int fn_emu_played(void)
{
    return 0;
}

void fn_emu_lose(long n)
{
    (void)n;
}

void fn_emu_cudnn_compiles(bool yes)
{
    (void)yes;
}
