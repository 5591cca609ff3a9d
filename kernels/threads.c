#include "kernels/threads.h"

#include <omp.h>

int fn_threads_given(int n)
{
    int most = omp_in_parallel() ? 1 : omp_get_thread_limit();
    if (n <= 0)
        n = omp_get_num_procs();
    return n < most ? n : most;
}

/* Under OMP_DYNAMIC a team is as small as OpenMP thinks fit. */
void fn_threads_set(int n)
{
    omp_set_dynamic(0);
    omp_set_num_threads(fn_threads_given(n));
}

fn_team fn_threads_enter(int n)
{
    fn_team before = {omp_get_max_threads(), omp_get_dynamic()};
    fn_threads_set(n);
    return before;
}

void fn_threads_leave(fn_team before)
{
    omp_set_num_threads(before.threads);
    omp_set_dynamic(before.dynamic);
}

int fn_threads(void)
{
    return omp_get_max_threads();
}

int fn_threads_with_slot(size_t workspace_bytes, size_t slot_bytes)
{
    size_t slots = workspace_bytes / slot_bytes, threads = (size_t)fn_threads();
    return (int)(slots < threads ? slots : threads);
}
