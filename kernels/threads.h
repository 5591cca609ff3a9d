/* threads.h -- how many threads the CPU kernels and oneDNN use (one OpenMP team). Both cut their
 * work for the number that is asked for, and where OpenMP gives fewer, part of it is not done:
 * so nobody asks for more than there is. All of it is about the calling thread's teams. */
#ifndef FN_KERNELS_THREADS_H
#define FN_KERNELS_THREADS_H

#include <stddef.h>

/* Of n threads (0: every core this process may use), as many as there are here: under
 * OMP_THREAD_LIMIT fewer, and one in a parallel region of the program's own. */
int fn_threads_given(int n);

void fn_threads_set(int n); /* to fn_threads_given(n) */
int fn_threads(void);

/* The same for a while, in a thread that is not ours: what was set comes back. */
typedef struct fn_team {
    int threads, dynamic;
} fn_team;
fn_team fn_threads_enter(int n);
void fn_threads_leave(fn_team before);

/* Of these, as many as have a slot in a workspace: prepare() made them for as many threads as
 * there were then. */
int fn_threads_with_slot(size_t workspace_bytes, size_t slot_bytes);

#endif
