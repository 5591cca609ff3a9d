/* What a fully connected layer on the GPU does around cuBLAS: its weights count their inputs as
 * C,H,W, its input lies as H,W,C. */
#include "kernels/launch.cuh"

/* [count / (a b), a, b] becomes [., b, a]. */
template <typename T, typename From>
static __global__ void turn(T *to, const From *from, int64_t count, int64_t a, int64_t b)
{
    for (int64_t i = first_item(); i < count; i += stride()) {
        int64_t in = i % (a * b), each = i - in;
        put(to + i, as_float(from[each + in % a * b + in / a]));
    }
}

static __global__ void repeat(float *to, const float *row, int64_t count, int64_t width)
{
    for (int64_t i = first_item(); i < count; i += stride())
        to[i] = row[i % width];
}

int fn_launch_linear_pack(void *to, const float *w, int64_t count, int64_t channels,
                          int64_t plane, int type, void *stream)
{
    FN_WITH_TYPE(type, LAUNCH((turn<T, float>), blocks_for(count), BLOCK, 0, stream,
                              (T *)to, w, count, channels, plane));
    return (int)cudaGetLastError();
}

int fn_launch_linear_unpack(float *dw, const float *from, int64_t count, int64_t channels,
                            int64_t plane, void *stream)
{
    LAUNCH((turn<float, float>), blocks_for(count), BLOCK, 0, stream, dw, from, count,
           plane, channels);
    return (int)cudaGetLastError();
}

int fn_launch_repeat(float *to, const float *row, int64_t rows, int64_t width, void *stream)
{
    LAUNCH(repeat, blocks_for(rows * width), BLOCK, 0, stream, to, row, rows * width,
           width);
    return (int)cudaGetLastError();
}
