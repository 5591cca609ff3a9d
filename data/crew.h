/* crew.h -- the same work on every core. */
#ifndef FN_DATA_CREW_H
#define FN_DATA_CREW_H

/* Calls work(ctx, i) for every i of 0 .. n - 1, on as many threads as there are cores, the caller's
 * among them, and returns when all is done. Threads that cannot be started are not missed. */
void fn_crew_run(void (*work)(void *ctx, int i), void *ctx, int n);

#endif
