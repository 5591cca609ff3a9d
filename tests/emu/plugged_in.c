/* The emulated GPU is there from the start: for programs that are not tests themselves. */
#include "tests/emu/emu.h"

__attribute__((constructor)) static void plug_in(void)
{
    fn_emu_plug_in(true);
}
