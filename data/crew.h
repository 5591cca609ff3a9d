/* crew.h -- the same work on every core. */
#ifndef FN_DATA_CREW_H
#define FN_DATA_CREW_H

/* Calls work(arg) on as many threads as there are cores, the caller's among them, and returns
 * when all have returned. Threads that cannot be started are not missed. */
void fn_crew_run(void *(*work)(void *arg), void *arg);

#endif
