/* From one storage type to another. */
#include "kernels/launch.cuh"

template <typename To, typename From>
static __global__ void cast(To *to, const From *from, int64_t count)
{
    for (int64_t i = first_item(); i < count; i += stride())
        put(to + i, as_float(from[i]));
}

/* Any kernel of ours will do: all are compiled for the same GPUs. */
int fn_launch_probe(void)
{
    cudaFuncAttributes unused;
    return (int)cudaFuncGetAttributes(&unused, (cast<float, float>));
}

int fn_launch_cast(void *to, int to_type, const void *from, int from_type, int64_t count,
                   void *stream)
{
    if (to_type == FN_BF16)
        FN_WITH_TYPE(from_type, LAUNCH((cast<bf16, T>), blocks_for(count), BLOCK, 0, stream,
                                       (bf16 *)to, (const T *)from, count));
    else
        FN_WITH_TYPE(from_type, LAUNCH((cast<float, T>), blocks_for(count), BLOCK, 0,
                                       stream, (float *)to, (const T *)from, count));
    return (int)cudaGetLastError();
}
