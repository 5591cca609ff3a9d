/* threads.h -- how many threads the CPU kernels and oneDNN use (one OpenMP team). */
#ifndef FN_KERNELS_THREADS_H
#define FN_KERNELS_THREADS_H

void fn_threads_set(int n); /* 0: every core this process may use */
int fn_threads(void);

#endif
