/* fork.cuh -- the readers of one value, as a launch takes them. */
#ifndef FN_KERNELS_FORK_CUH
#define FN_KERNELS_FORK_CUH

#include "kernels/launch.cuh"

/* Loops over them go to FN_MAX_OUT, so that `at` is indexed by constants and stays where the
 * launch put it. */
struct readers {
    void *at[FN_MAX_OUT];
    int count;
};

static inline readers readers_of(const fn_tensor *t, int n)
{
    readers r = {};
    r.count = n;
    for (int i = 0; i < n; i++)
        r.at[i] = t[i].data;
    return r;
}

#endif
