/* channels.cuh -- a tensor as rows of channels; a row is a pixel of N,H,W,C or a row of N,C.
 *
 * A thread keeps to its channels and walks down the rows: what belongs to a channel is read
 * once, and a sum over rows needs no other thread until its end. Threads lie along the
 * channels first, so that the rows of a block are one stretch of memory.
 *
 * N is how many channels a thread has: 16 bytes of them, or 1 where a row is no multiple of
 * 16 bytes. A "column" is N channels. */
#ifndef FN_KERNELS_CHANNELS_CUH
#define FN_KERNELS_CHANNELS_CUH

#include "kernels/launch.cuh"

template <int N> struct lanes {
    float v[N];
};

/* 16 bytes at a time where N > 1; then the address is 16-byte aligned. */
template <int N, typename T> static __device__ inline lanes<N> read(const T *from)
{
    lanes<N> out;
    if constexpr (N == 1)
        out.v[0] = as_float(*from);
    else
        for (int i = 0; i < N; i += pack<T>::SIZE) {
            pack<T> p = load(from + i);
            for (int k = 0; k < pack<T>::SIZE; k++)
                out.v[i + k] = p.v[k];
        }
    return out;
}

/* Of a weight, which lies in the optimizer's flat buffer and is aligned as a float. */
template <int N> static __device__ inline lanes<N> read_weight(const float *from)
{
    lanes<N> out;
    for (int k = 0; k < N; k++)
        out.v[k] = from[k];
    return out;
}

template <int N, typename T> static __device__ inline void write(T *to, lanes<N> from)
{
    if constexpr (N == 1)
        put(to, from.v[0]);
    else
        for (int i = 0; i < N; i += pack<T>::SIZE) {
            pack<T> p;
            for (int k = 0; k < pack<T>::SIZE; k++)
                p.v[k] = from.v[i + k];
            store(to + i, p);
        }
}

/* Runs the statement with T the storage type and N the channels of a column. */
#define FN_WITH_LANES(type, channels, ...)     \
    FN_WITH_TYPE(                              \
        type,                                  \
        if ((channels) % pack<T>::SIZE == 0) { \
            constexpr int N = pack<T>::SIZE;   \
            __VA_ARGS__;                       \
        } else {                               \
            constexpr int N = 1;               \
            __VA_ARGS__;                       \
        })

/* --- a block is `across` columns and `down` rows; its grid strides over rows --- */

struct layout {
    dim3 grid, block;
};

static inline layout layout_of(int64_t rows, int64_t columns)
{
    int64_t wide = (columns + BLOCK - 1) / BLOCK, across = (columns + wide - 1) / wide;
    int64_t down = BLOCK / across, high = (rows + down - 1) / down;
    int64_t most = MOST_BLOCKS / wide > 1 ? MOST_BLOCKS / wide : 1;
    layout l = {};
    l.grid = dim3((unsigned)wide, (unsigned)(high > most ? most : high));
    l.block = dim3((unsigned)across, (unsigned)down);
    return l;
}

static __device__ inline int64_t my_column()
{
    return (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
}

static __device__ inline int64_t my_row()
{
    return (int64_t)blockIdx.y * blockDim.y + threadIdx.y;
}

static __device__ inline int64_t row_stride()
{
    return (int64_t)gridDim.y * blockDim.y;
}

/* The thread's elements of a tensor [rows, channels], from its channel `first` on. */
struct walk {
    int64_t at, end, step;
};

static __device__ inline walk walk_rows(int64_t first, int64_t rows, int64_t channels)
{
    walk w = {my_row() * channels + first, rows * channels, row_stride() * channels};
    return w;
}

/* a / b, b > 0. Few numbers are past 32 bits, and those take several times as long. */
static __device__ inline int64_t quotient(int64_t a, int b)
{
    return a >> 32 ? a / b : (int64_t)((uint32_t)a / (uint32_t)b);
}

/* --- sums over rows, in an order that depends on nothing but the sizes: the block's in
 * shared memory, then the grid's from partial [parts][K][channels], in double --- */

/* At most `most` blocks down, all at work at once, with enough rows for each that the second step
 * is short: FN_SUM_PARTS are four on each processor of an H100. */
static inline layout sum_layout_of(int64_t rows, int64_t columns,
                                   int64_t most = FN_SUM_PARTS)
{
    layout l = layout_of(rows, columns);
    int64_t enough = 4 * (int64_t)l.block.y, parts = (rows + enough - 1) / enough;
    most = parts < most ? parts : most;
    if (l.grid.y > most)
        l.grid.y = (unsigned)most;
    return l;
}

/* For every thread of the block, those without a column too: their sums are 0. */
template <int N, int K>
static __device__ void give_sums(float *partial, const float (&sum)[K][N], int64_t channels)
{
    __shared__ float all[K * N][BLOCK];
    int across = (int)blockDim.x, me = (int)(threadIdx.y * blockDim.x + threadIdx.x);
    for (int k = 0; k < K * N; k++)
        all[k][me] = sum[k / N][k % N];
    __syncthreads();
    for (int of = me; of < K * N * across; of += (int)(blockDim.x * blockDim.y)) {
        int k = of / across, column = of % across;
        int64_t channel = ((int64_t)blockIdx.x * across + column) * N + k % N;
        float total = 0;
        for (int row = 0; row < (int)blockDim.y; row++)
            total += all[k][row * across + column];
        if (channel < channels)
            partial[((int64_t)blockIdx.y * K + k / N) * channels + channel] = total;
    }
}

enum { SUM_ACROSS = 32, SUM_DOWN = BLOCK / SUM_ACROSS };

static inline layout finish_layout_of(int64_t channels)
{
    layout l = {};
    l.grid = dim3((unsigned)((channels + SUM_ACROSS - 1) / SUM_ACROSS));
    l.block = dim3(SUM_ACROSS, SUM_DOWN);
    return l;
}

/* The sums of channel my_column(), for the one thread that is told so. */
template <int K>
static __device__ bool take_sums(double (&sum)[K], const float *partial, int parts,
                                 int64_t channels)
{
    __shared__ double all[K][SUM_DOWN][SUM_ACROSS];
    int64_t channel = my_column();
    for (int k = 0; k < K; k++) {
        sum[k] = 0;
        for (int p = (int)threadIdx.y; p < parts && channel < channels; p += SUM_DOWN)
            sum[k] += (double)partial[((int64_t)p * K + k) * channels + channel];
        all[k][threadIdx.y][threadIdx.x] = sum[k];
    }
    __syncthreads();
    for (int k = 0; k < K; k++)
        for (int row = 1; row < SUM_DOWN; row++)
            sum[k] += all[k][row][threadIdx.x];
    return threadIdx.y == 0 && channel < channels;
}

#endif
