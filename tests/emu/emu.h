/* emu.h -- for tests that run kernels of .cu files on the CPU. */
#ifndef FN_TESTS_EMU_EMU_H
#define FN_TESTS_EMU_EMU_H

#include <stdbool.h>

/* Whether there is a GPU; at first there is none, so that a test of something else meets none. */
void fn_emu_plug_in(bool yes);

/* In which order the threads of a block run, from now on: tests/emu/cuemu.hpp. */
void fn_emu_schedule(unsigned seed);

/* Whether the emulated cuDNN has the fusions that it compiles at run time; at first it has. */
void fn_emu_cudnn_compiles(bool yes);

#endif
