/* rows.cuh -- rows that some lanes of a warp share: sums and maxima over all of a row, which every
 * one of its lanes gets. */
#ifndef FN_KERNELS_ROWS_CUH
#define FN_KERNELS_ROWS_CUH

#include "kernels/launch.cuh"

/* Lanes for a row of this width: a power of two up to a warp, so that short rows leave few idle. */
static inline int lanes_for(int64_t width)
{
    int lanes = 1;
    while (lanes < WARP_SIZE && lanes < width)
        lanes *= 2;
    return lanes;
}

/* All lanes of a warp have to come: rows are counted in blocks' strides that do not differ
 * within a warp, and row_is_there() tells those beyond the end. */
struct row_walk {
    int64_t row, step; /* rows */
    int lane;          /* within the row's lanes */
};

static __device__ inline row_walk walk_rows(int lanes)
{
    row_walk w = {first_item() / lanes, stride() / lanes,
                  (int)(threadIdx.x % (unsigned)lanes)};
    return w;
}

/* Whether the warp still has a row: its first one is the lowest. */
static __device__ inline bool warp_has_rows(const row_walk &w, int lanes, int64_t rows)
{
    return w.row - (int)(threadIdx.x % WARP_SIZE) / lanes < rows;
}

template <typename V> static __device__ inline V row_sum(V v, int lanes)
{
    for (int by = lanes / 2; by > 0; by /= 2)
        v += __shfl_xor_sync(0xffffffffu, v, by);
    return v;
}

static __device__ inline float row_max(float v, int lanes)
{
    for (int by = lanes / 2; by > 0; by /= 2) {
        float other = __shfl_xor_sync(0xffffffffu, v, by);
        v = other > v ? other : v;
    }
    return v;
}

#endif
