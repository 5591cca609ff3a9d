#include "core/rng.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

enum { ROUNDS = 10, BLOCK_BITS = 28, BLOCK_MASK = (1 << BLOCK_BITS) - 1 };

void fn_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t p0 = UINT64_C(0xD2511F53) * c0, p1 = UINT64_C(0xCD9E8D57) * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* The counter spells the place, so no two places share a block:
 * index (32 bits), purpose (4), number of the block within the place (28), step (64). */
fn_rng fn_rng_at(uint64_t seed, fn_purpose purpose, uint64_t step, uint32_t index)
{
    assert((uint32_t)purpose < 16);
    return (fn_rng){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .counter = {index, (uint32_t)purpose << BLOCK_BITS, (uint32_t)step,
                    (uint32_t)(step >> 32)},
    };
}

uint32_t fn_rng_u32(fn_rng *r)
{
    if (r->left == 0) {
        fn_philox(r->key, r->counter, r->out);
        assert((r->counter[1] & BLOCK_MASK) != BLOCK_MASK);
        r->counter[1]++;
        r->left = 4;
    }
    return r->out[4 - r->left--];
}

/* 53 bits, as many as a double between 1/2 and 1 resolves. */
double fn_rng_uniform(fn_rng *r)
{
    uint64_t high = fn_rng_u32(r) >> 5, low = fn_rng_u32(r) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

double fn_rng_range(fn_rng *r, double low, double high)
{
    double v = low + fn_rng_uniform(r) * (high - low);
    return v < high ? v : low; /* the sum may round up to `high` */
}

/* 2^32 mod n of the smallest draws are thrown away: what is left divides evenly. */
uint32_t fn_rng_below(fn_rng *r, uint32_t n)
{
    assert(n > 0);
    uint32_t excess = (0u - n) % n, v;
    do {
        v = fn_rng_u32(r);
    } while (v < excess);
    return v % n;
}

/* Box and Muller (1958). 1 - u is never 0, so the logarithm is finite. */
double fn_rng_normal(fn_rng *r)
{
    const double turn = 6.283185307179586;
    double radius = sqrt(-2 * log(1 - fn_rng_uniform(r)));
    return radius * cos(turn * fn_rng_uniform(r));
}

void fn_rng_choose(fn_rng *r, int *pick, int n, int k)
{
    assert(0 <= k && k <= n);
    for (int i = 0; i < n; i++)
        pick[i] = i;
    for (int i = 0; i < k; i++) {
        int j = i + (int)fn_rng_below(r, (uint32_t)(n - i));
        int chosen = pick[j];
        pick[j] = pick[i];
        pick[i] = chosen;
    }
}
