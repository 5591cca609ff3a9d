/* queue.h -- the two queues of the emulated GPU, for tests/emu/device.c and cuemu.hpp. */
#ifndef FN_TESTS_EMU_QUEUE_H
#define FN_TESTS_EMU_QUEUE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Queues run(ctx), and drop(ctx) after it: at FN_EMU_AT_ONCE both have run when this returns. Under
 * fn_emu_record it is run with each replay instead. */
void fn_emu_queue(int queue, void (*run)(void *ctx), void (*drop)(void *ctx), void *ctx);
/* Does everything that is queued there, and what that waits for. */
void fn_emu_finish(int queue);

/* Behind what is queued there: from then on, *done is at least `number`. Or: what is queued there
 * later waits until it is. */
void fn_emu_mark(int queue, long *done, long number);
void fn_emu_follow(int queue, const long *done, long number);
/* Does what is in front of that mark. */
void fn_emu_reach(int queue, const long *done, long number);

/* From here on what goes to queue 0 is kept. fn_emu_recorded ends that; what it gives can be queued
 * again and again, and outlives that. */
typedef struct fn_emu_list fn_emu_list;
void fn_emu_record(void);
fn_emu_list *fn_emu_recorded(void);
void fn_emu_replay(const fn_emu_list *l);
void fn_emu_drop(fn_emu_list *l); /* accepts NULL */

#ifdef __cplusplus
}
#endif

#endif
