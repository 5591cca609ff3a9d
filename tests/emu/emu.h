/* emu.h -- for tests that run kernels of .cu files on the CPU. */
#ifndef FN_TESTS_EMU_EMU_H
#define FN_TESTS_EMU_EMU_H

/* In which order the threads of a block run, from now on: tests/emu/cuemu.hpp. */
void fn_emu_schedule(unsigned seed);

#endif
