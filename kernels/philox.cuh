/* philox.cuh -- core/rng.h on the GPU: the same draws from the same place. */
#ifndef FN_KERNELS_PHILOX_CUH
#define FN_KERNELS_PHILOX_CUH

#include "kernels/launch.cuh"

extern "C" {
#include "core/rng.h" /* the purposes */
}

struct philox_walk {
    uint32_t key[2], counter[4], out[4];
    int left;
};

static __device__ inline philox_walk philox_at(uint64_t seed, fn_purpose purpose,
                                               uint64_t step, uint32_t index)
{
    philox_walk w = {};
    w.key[0] = (uint32_t)seed;
    w.key[1] = (uint32_t)(seed >> 32);
    w.counter[0] = index;
    w.counter[1] = (uint32_t)purpose << 28;
    w.counter[2] = (uint32_t)step;
    w.counter[3] = (uint32_t)(step >> 32);
    return w;
}

/* fn_philox of the walk's counter. */
static __device__ inline void philox_block(philox_walk *w)
{
    uint32_t k0 = w->key[0], k1 = w->key[1], *c = w->out;
    for (int i = 0; i < 4; i++)
        c[i] = w->counter[i];
    for (int i = 0; i < 10; i++) {
        uint64_t p0 = UINT64_C(0xD2511F53) * c[0], p1 = UINT64_C(0xCD9E8D57) * c[2];
        c[0] = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
        c[1] = (uint32_t)p1;
        c[2] = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[3] = (uint32_t)p0;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
}

static __device__ inline uint32_t philox_next(philox_walk *w)
{
    if (w->left == 0) {
        philox_block(w);
        w->counter[1]++;
        w->left = 4;
    }
    return w->out[4 - w->left--];
}

/* 0 .. n-1, as fn_rng_below. */
static __device__ inline uint32_t philox_below(philox_walk *w, uint32_t n)
{
    uint32_t excess = (0u - n) % n, v;
    do {
        v = philox_next(w);
    } while (v < excess);
    return v % n;
}

#endif
