/* queue.h -- the two queues of the emulated GPU, for tests/emu/device.c and cuemu.hpp. */
#ifndef FN_TESTS_EMU_QUEUE_H
#define FN_TESTS_EMU_QUEUE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Queues run(ctx): at FN_EMU_AT_ONCE it has run when this returns. */
void fn_emu_queue(int queue, void (*run)(void *ctx), void *ctx);
/* Does everything that is queued there, and what that waits for. */
void fn_emu_finish(int queue);

/* Behind what is queued there: from then on, *done is at least `number`. Or: what is queued there
 * later waits until it is. */
void fn_emu_mark(int queue, long *done, long number);
void fn_emu_follow(int queue, const long *done, long number);
/* Does what is in front of that mark. */
void fn_emu_reach(int queue, const long *done, long number);

#ifdef __cplusplus
}
#endif

#endif
