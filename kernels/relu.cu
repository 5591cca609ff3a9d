/* relu on the GPU. */
#include "kernels/launch.cuh"

static __device__ float cut(float x)
{
    return x < 0 ? 0 : x; /* a NaN stays */
}

static __device__ float masked(float dy, float y)
{
    return y > 0 ? dy : 0;
}

template <typename T> static __global__ void forward(T *y, const T *x, int64_t count)
{
    enum { SIZE = pack<T>::SIZE };
    int64_t whole = count / SIZE;
    for (int64_t i = first_item(); i < whole; i += stride()) {
        pack<T> p = load(x + i * SIZE);
        for (int k = 0; k < SIZE; k++)
            p.v[k] = cut(p.v[k]);
        store(y + i * SIZE, p);
    }
    for (int64_t i = whole * SIZE + first_item(); i < count; i += stride())
        put(y + i, cut(as_float(x[i])));
}

template <typename T>
static __global__ void backward(T *dx, const T *dy, const T *y, int64_t count)
{
    enum { SIZE = pack<T>::SIZE };
    int64_t whole = count / SIZE;
    for (int64_t i = first_item(); i < whole; i += stride()) {
        pack<T> p = load(dy + i * SIZE), mask = load(y + i * SIZE);
        for (int k = 0; k < SIZE; k++)
            p.v[k] = masked(p.v[k], mask.v[k]);
        store(dx + i * SIZE, p);
    }
    for (int64_t i = whole * SIZE + first_item(); i < count; i += stride())
        put(dx + i, masked(as_float(dy[i]), as_float(y[i])));
}

int fn_launch_relu(void *y, const void *x, int64_t count, int type, void *stream)
{
    FN_WITH_TYPE(type, LAUNCH(forward<T>, blocks_for(count / pack<T>::SIZE), BLOCK, 0,
                              stream, (T *)y, (const T *)x, count));
    return (int)cudaGetLastError();
}

int fn_launch_relu_back(void *dx, const void *dy, const void *y, int64_t count, int type,
                        void *stream)
{
    FN_WITH_TYPE(type, LAUNCH(backward<T>, blocks_for(count / pack<T>::SIZE), BLOCK, 0,
                              stream, (T *)dx, (const T *)dy, (const T *)y, count));
    return (int)cudaGetLastError();
}
