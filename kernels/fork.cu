/* fork on the GPU: everything is read and written once, however many readers there are. */
#include "kernels/fork.cuh"

template <typename T> static __global__ void forward(readers y, const T *x, int64_t count)
{
    enum { SIZE = pack<T>::SIZE };
    int64_t whole = count / SIZE;
    for (int64_t i = first_item(); i < whole; i += stride()) {
        pack<T> p = load(x + i * SIZE);
        UNROLL
        for (int r = 0; r < FN_MAX_OUT; r++)
            if (r < y.count)
                store((T *)y.at[r] + i * SIZE, p);
    }
    for (int64_t i = whole * SIZE + first_item(); i < count; i += stride()) {
        UNROLL
        for (int r = 0; r < FN_MAX_OUT; r++)
            if (r < y.count)
                ((T *)y.at[r])[i] = x[i];
    }
}

/* In the order of the readers, for every element. */
template <typename T> static __global__ void backward(T *dx, readers dy, int64_t count)
{
    enum { SIZE = pack<T>::SIZE };
    int64_t whole = count / SIZE;
    for (int64_t i = first_item(); i < whole; i += stride()) {
        pack<T> sum = load((const T *)dy.at[0] + i * SIZE);
        UNROLL
        for (int r = 1; r < FN_MAX_OUT; r++)
            if (r < dy.count) {
                pack<T> p = load((const T *)dy.at[r] + i * SIZE);
                for (int k = 0; k < SIZE; k++)
                    sum.v[k] += p.v[k];
            }
        store(dx + i * SIZE, sum);
    }
    for (int64_t i = whole * SIZE + first_item(); i < count; i += stride()) {
        float sum = 0;
        UNROLL
        for (int r = 0; r < FN_MAX_OUT; r++)
            if (r < dy.count)
                sum += as_float(((const T *)dy.at[r])[i]);
        put(dx + i, sum);
    }
}

int fn_launch_fork(const fn_tensor *y, int n, const void *x, int64_t count, void *stream)
{
    FN_WITH_TYPE(y[0].type, LAUNCH(forward<T>, blocks_for(count / pack<T>::SIZE), BLOCK, 0,
                                   stream, readers_of(y, n), (const T *)x, count));
    return (int)cudaGetLastError();
}

int fn_launch_fork_back(void *dx, const fn_tensor *dy, int n, int64_t count, void *stream)
{
    FN_WITH_TYPE(dy[0].type, LAUNCH(backward<T>, blocks_for(count / pack<T>::SIZE), BLOCK,
                                    0, stream, (T *)dx, readers_of(dy, n), count));
    return (int)cudaGetLastError();
}
