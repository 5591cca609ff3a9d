/* concat.cuh -- tensors side by side along the channels: which of them a channel is in. */
#ifndef FN_KERNELS_CONCAT_CUH
#define FN_KERNELS_CONCAT_CUH

#include "kernels/channels.cuh"

struct inputs {
    void *at[FN_MAX_IN];
    int64_t end[FN_MAX_IN]; /* in y's row, in units */
    int count;
};

/* Where the thread's input lies in y's row. */
struct place {
    int64_t first, width;
};

static __device__ inline int input_at(const inputs &in, int64_t column, place *p)
{
    int i = 0;
    while (i < in.count - 1 && column >= in.end[i])
        i++;
    p->first = i ? in.end[i - 1] : 0;
    p->width = in.end[i] - p->first;
    return i;
}

static inline inputs inputs_of(const fn_tensor *x, int count, int unit, int element)
{
    inputs in = {};
    in.count = count;
    for (int64_t i = 0, end = 0; i < count; i++) {
        end += x[i].shape.dim[1] * element / unit;
        in.at[i] = x[i].data;
        in.end[i] = end;
    }
    return in;
}

/* A multiple of what all their channels are, as far as powers of two go. */
static inline int64_t together(const fn_tensor *x, int n)
{
    int64_t bits = 0;
    for (int i = 0; i < n; i++)
        bits |= x[i].shape.dim[1];
    return bits;
}

/* --- sums over rows of what lies side by side: the second step of channels.cuh's --- */

static __global__ void finish_each(inputs to, inputs where, const float *partial, int parts,
                                   int64_t channels)
{
    double sum[1];
    if (!take_sums(sum, partial, parts, channels))
        return;
    place p;
    float *at = (float *)to.at[input_at(where, my_column(), &p)];
    if (at)
        at[my_column() - p.first] = (float)sum[0];
}

/* To to.at[i] [width of i of `where`], or nowhere if that is NULL. */
static inline void finish_sums(inputs to, inputs where, const float *partial,
                               unsigned parts, int64_t channels, void *stream)
{
    layout f = finish_layout_of(channels);
    LAUNCH(finish_each, f.grid, f.block, 0, stream, to, where, partial, (int)parts,
           channels);
}

#endif
