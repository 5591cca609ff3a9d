#include "kernels/threads.h"

#include <omp.h>

void fn_threads_set(int n)
{
    omp_set_num_threads(n > 0 ? n : omp_get_num_procs());
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
