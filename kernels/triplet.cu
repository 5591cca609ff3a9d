/* triplet -- what leads from embeddings to mining and back, on the GPU: squared distances, as
 * train/distance.c finishes them, and the gradient of train/loss.c. */
#include "kernels/launch.cuh"
#include "kernels/launch_train.h"

/* --- distances --- */

static const int TILE = 32, TILE_ROWS = BLOCK / TILE;

static __device__ float from_products(float a, float b, float ab)
{
    float far = a + b - 2 * ab;
    return far < 0 ? 0 : far; /* a NaN stays */
}

/* A tile of the upper half, and its mirror image. */
static __global__ void distances(float *d, const float *product, int64_t n)
{
    __shared__ float tile[TILE][TILE + 1];
    int64_t row = (int64_t)blockIdx.y * TILE, column = (int64_t)blockIdx.x * TILE;
    int x = (int)threadIdx.x % TILE, y = (int)threadIdx.x / TILE;
    if (column < row)
        return;
    for (int r = y; r < TILE; r += TILE_ROWS) {
        int64_t i = row + r, j = column + x;
        if (i < n && j < n && i < j)
            tile[r][x] = from_products(product[i * n + i], product[j * n + j],
                                       product[i * n + j]);
    }
    __syncthreads();
    for (int r = y; r < TILE; r += TILE_ROWS) {
        int64_t i = row + r, j = column + x;
        if (i < n && j < n && i <= j)
            d[i * n + j] = i == j ? 0 : tile[r][x];
        i = row + x;
        j = column + r;
        if (i < n && j < n && i < j)
            d[j * n + i] = tile[x][r];
    }
}

int fn_launch_distances(float *d, const float *product, int n, void *stream)
{
    unsigned tiles = (unsigned)((n + TILE - 1) / TILE);
    LAUNCH(distances, dim3(tiles, tiles), BLOCK, 0, stream, d, product, (int64_t)n);
    return (int)cudaGetLastError();
}

/* --- the gradient: train/loss.c's, j upwards for every i --- */

static const int ROWS = 16, DIMS = 64, OTHERS = 32;           /* of a block */
static const int GROUPS = BLOCK / DIMS, MINE = ROWS / GROUPS; /* MINE rows of a thread */

struct pairs {
    float e[OTHERS][DIMS];
    int32_t out[ROWS][OTHERS + 1], in[OTHERS][ROWS + 1]; /* c(i, j); c(j, i) */
};

static __device__ void load_pairs(pairs *to, const fn_triplet_batch &b, int row, int other,
                                  int from)
{
    for (int i = (int)threadIdx.x; i < OTHERS * DIMS; i += BLOCK) {
        int j = other + i / DIMS, k = from + i % DIMS;
        to->e[i / DIMS][i % DIMS] = j < b.n && k < b.dim ? b.e[(int64_t)j * b.dim + k] : 0;
    }
    for (int i = (int)threadIdx.x; i < OTHERS * ROWS; i += BLOCK) {
        int r = row + i / OTHERS, j = other + i % OTHERS;
        to->out[i / OTHERS][i % OTHERS] = r < b.n && j < b.n
                                              ? b.weight[(int64_t)r * b.n + j]
                                              : 0;
        r = row + i % ROWS;
        j = other + i / ROWS;
        to->in[i / ROWS][i % ROWS] = r < b.n && j < b.n ? b.weight[(int64_t)j * b.n + r]
                                                        : 0;
    }
}

static __global__ void gradient(fn_triplet_batch b)
{
    __shared__ pairs near;
    int row = (int)blockIdx.x * ROWS, from = (int)blockIdx.y * DIMS;
    int place = (int)threadIdx.x % DIMS, k = from + place;
    int mine = (int)threadIdx.x / DIMS * MINE; /* my first row of the block's */
    float own[MINE], sum[MINE];
    for (int r = 0; r < MINE; r++) {
        bool there = row + mine + r < b.n && k < b.dim;
        own[r] = there ? b.e[(int64_t)(row + mine + r) * b.dim + k] : 0;
        sum[r] = 0;
    }
    for (int other = 0; other < b.n; other += OTHERS) {
        __syncthreads();
        load_pairs(&near, b, row, other, from);
        __syncthreads();
        for (int j = 0; j < OTHERS; j++)
            for (int r = 0; r < MINE; r++) {
                int32_t both = near.out[mine + r][j] + near.in[j][mine + r];
                if (both != 0)
                    sum[r] += (float)both * (own[r] - near.e[j][place]);
            }
    }
    for (int r = 0; r < MINE; r++)
        if (row + mine + r < b.n && k < b.dim)
            b.de[(int64_t)(row + mine + r) * b.dim + k] = sum[r] * b.result->scale;
}

int fn_launch_triplet_back(const fn_triplet_batch *b, void *stream)
{
    dim3 tiles((unsigned)((b->n + ROWS - 1) / ROWS),
               (unsigned)((b->dim + DIMS - 1) / DIMS));
    LAUNCH(gradient, tiles, BLOCK, 0, stream, *b);
    return (int)cudaGetLastError();
}
