/* threads.h -- how many threads the CPU kernels and oneDNN use (one OpenMP team). */
#ifndef FN_KERNELS_THREADS_H
#define FN_KERNELS_THREADS_H

#include <stddef.h>

void fn_threads_set(int n); /* 0: every core this process may use */
int fn_threads(void);

/* Of these, as many as have a slot in a workspace: prepare() made them for as many threads as
 * there were then. */
int fn_threads_with_slot(size_t workspace_bytes, size_t slot_bytes);

#endif
