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
