/* emu.h -- for tests that run kernels of .cu files on the CPU. */
#ifndef FN_TESTS_EMU_EMU_H
#define FN_TESTS_EMU_EMU_H

#include <stdbool.h>
#include <stddef.h>

/* Whether there is a GPU; at first there is none, so that a test of something else meets none. */
void fn_emu_plug_in(bool yes);

/* In which order the threads of a block run, from now on: tests/emu/cuemu.hpp. */
void fn_emu_schedule(unsigned seed);

/* When what is queued is done. At first, at once. A real GPU's queues run apart from the host and
 * from each other: what a missing wait can come to is seen where they run as late as they may, or
 * one late and the other early. */
typedef enum fn_emu_pace {
    FN_EMU_AT_ONCE,
    FN_EMU_LATE,         /* nothing before somebody waits for it */
    FN_EMU_WORK_EARLY,   /* FN_QUEUE_WORK as soon as it may, uploads late */
    FN_EMU_UPLOADS_EARLY /* the other way round */
} fn_emu_pace;
void fn_emu_run(fn_emu_pace pace);

/* How much memory it has, at first 1 GB; returns how much of it is taken. */
size_t fn_emu_memory(size_t bytes);

/* What makes a host wait for its GPU, since the last question: waits, copies from it, memory
 * claimed and given back. */
int fn_emu_waits(void);

/* How often a recording was played since the last question. */
int fn_emu_played(void);

/* The GPU is lost: from the n-th copy, launch or wait on all of them are FN_EDEVICE. 0: it is
 * well. */
void fn_emu_lose(long n);

/* What happens to the n-th launch, convolution or product from now on (0: nothing): it cannot
 * start; or it breaks off, which is reported at the next wait, and from then on by every call. */
typedef enum fn_emu_fault { FN_EMU_NO_START, FN_EMU_BREAKS_OFF } fn_emu_fault;
void fn_emu_break(long n, fn_emu_fault how);

/* Whether the emulated cuDNN has the fusions that it compiles at run time; at first it has. */
void fn_emu_cudnn_compiles(bool yes);

#endif
