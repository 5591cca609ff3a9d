/* concat on the GPU: copies of 16 bytes, or of one element where an input's rows are no multiple
 * of that. A thread keeps its place in y's rows, and so the input that it copies from or to. */
#include "kernels/concat.cuh"

template <typename U>
static __global__ void join(U *y, inputs in, int64_t rows, int64_t columns)
{
    int64_t column = my_column();
    place p;
    if (column >= columns)
        return;
    const U *x = (const U *)in.at[input_at(in, column, &p)];
    for (int64_t row = my_row(); row < rows; row += row_stride())
        y[row * columns + column] = x[row * p.width + column - p.first];
}

template <typename U>
static __global__ void split(inputs in, const U *dy, int64_t rows, int64_t columns)
{
    int64_t column = my_column();
    place p;
    if (column >= columns)
        return;
    U *dx = (U *)in.at[input_at(in, column, &p)];
    for (int64_t row = my_row(); dx && row < rows; row += row_stride())
        dx[row * p.width + column - p.first] = dy[row * columns + column];
}

/* Runs the statement with U what is copied at a time, `in` and `columns` in its units. */
#define WITH_UNITS(x, n, type, ...)                                   \
    do {                                                              \
        const int element = (type) == FN_BF16 ? 2 : 4;                \
        bool packs = true;                                            \
        for (int i = 0; i < (n); i++)                                 \
            packs = packs && (x)[i].shape.dim[1] * element % 16 == 0; \
        const int unit = packs ? 16 : element;                        \
        const inputs in = inputs_of((x), (n), unit, element);         \
        const int64_t columns = in.end[(n)-1];                        \
        if (packs) {                                                  \
            typedef uint4 U;                                          \
            __VA_ARGS__;                                              \
        } else if (element == 2) {                                    \
            typedef uint16_t U;                                       \
            __VA_ARGS__;                                              \
        } else {                                                      \
            typedef uint32_t U;                                       \
            __VA_ARGS__;                                              \
        }                                                             \
    } while (0)

int fn_launch_concat(void *y, const fn_tensor *x, int n, int64_t rows, void *stream)
{
    WITH_UNITS(x, n, x[0].type, {
        layout l = layout_of(rows, columns);
        LAUNCH(join<U>, l.grid, l.block, 0, stream, (U *)y, in, rows, columns);
    });
    return (int)cudaGetLastError();
}

int fn_launch_concat_back(const fn_tensor *dx, const void *dy, int n, int64_t rows,
                          void *stream)
{
    WITH_UNITS(dx, n, dx[0].type, {
        layout l = layout_of(rows, columns);
        LAUNCH(split<U>, l.grid, l.block, 0, stream, in, (const U *)dy, rows, columns);
    });
    return (int)cudaGetLastError();
}
