/* mine -- mining and loss over a batch on the GPU: train/mine.c and the sums of train/loss.c, with
 * a block for each anchor, and a warp for each of its pairs.
 *
 * What a pair chooses goes to its place in a matrix [anchor, positive], so no anchor waits for
 * another's count. Additions to c are of integers, and every sum of floating-point numbers has
 * its order: the same bits in every run. A comparison with NaN is false here as there. */
#include "kernels/launch_train.h"
#include "kernels/philox.cuh"
#include "kernels/reduce.cuh"

#include <float.h>
#include <limits.h>
#include <math.h>

/* --- one anchor's view of the batch, in shared memory --- */

struct view {
    const float *d;    /* [n], from the anchor */
    const float *away; /* [n]: d of negatives; NaN, which is never chosen, of the others */
    const int *same;   /* [faces]: those of the anchor's person, itself too, upwards */
    int n, anchor, faces;
};

/* By one warp: the same[] of the anchor. */
static __device__ int list_same(int *same, const int32_t *label, int n, int32_t own)
{
    int faces = 0, lane = lane_of_warp();
    for (int first = 0; first < n; first += WARP_SIZE) {
        bool is = first + lane < n && label[first + lane] == own;
        unsigned who = __ballot_sync(WHOLE_WARP, is);
        if (is)
            same[faces + __popc(who & ((1u << lane) - 1))] = first + lane;
        faces += __popc(who);
    }
    return faces;
}

/* --- one negative, by a whole warp; -1: there is none --- */

static const unsigned NOBODY = UINT_MAX;

/* Distances are not below 0: their bits compare as they do. The lowest of equal ones. */
static __device__ int nearest_of_warp(float far, unsigned at)
{
    unsigned bits = at == NOBODY ? NOBODY : __float_as_uint(far);
    unsigned best = __reduce_min_sync(WHOLE_WARP, bits);
    unsigned who = __reduce_min_sync(WHOLE_WARP, bits == best ? at : NOBODY);
    return who == NOBODY ? -1 : (int)who;
}

static __device__ int farthest_of_warp(float far, unsigned at)
{
    unsigned bits = at == NOBODY ? 0 : __float_as_uint(far);
    unsigned best = __reduce_max_sync(WHOLE_WARP, bits);
    unsigned who = __reduce_min_sync(WHOLE_WARP, bits == best ? at : NOBODY);
    return who == NOBODY ? -1 : (int)who;
}

/* The nearest negative that is farther than `floor`. */
static __device__ int nearest_beyond(const view &v, float floor)
{
    float far = 0;
    unsigned at = NOBODY;
    for (int k = lane_of_warp(); k < v.n; k += WARP_SIZE)
        if (v.away[k] > floor && (at == NOBODY || v.away[k] < far)) {
            far = v.away[k];
            at = (unsigned)k;
        }
    return nearest_of_warp(far, at);
}

static __device__ int farthest_negative(const view &v)
{
    float far = -1;
    unsigned at = NOBODY;
    for (int k = lane_of_warp(); k < v.n; k += WARP_SIZE)
        if (v.away[k] > far) {
            far = v.away[k];
            at = (unsigned)k;
        }
    return farthest_of_warp(far, at);
}

static __device__ int farthest_positive(const view &v)
{
    float far = -1;
    unsigned at = NOBODY;
    for (int i = lane_of_warp(); i < v.faces; i += WARP_SIZE) {
        int k = v.same[i];
        if (k != v.anchor && v.d[k] > far) {
            far = v.d[k];
            at = (unsigned)k;
        }
    }
    return farthest_of_warp(far, at);
}

/* What pairs take that do not look for themselves. */
static __device__ int negative_of_all(const view &v, const fn_triplet_rule &r)
{
    if (r.mining == FN_TRIPLET_HARDEST_NEGATIVE || r.mining == FN_TRIPLET_HARDEST)
        return nearest_beyond(v, -1);
    if (r.mining != FN_TRIPLET_SEMIHARD || r.fallback == FN_TRIPLET_SKIP)
        return -1;
    return r.fallback == FN_TRIPLET_FARTHEST_NEGATIVE ? farthest_negative(v)
                                                      : nearest_beyond(v, -1);
}

/* The window's end is exact in double, and the loss says the same. */
static __device__ int semihard_negative(const view &v, int positive, float margin,
                                        int otherwise)
{
    int n = nearest_beyond(v, v.d[positive]);
    bool inside = n >= 0 && (double)v.away[n] < (double)v.d[positive] + (double)margin;
    return inside ? n : otherwise;
}

/* Negative number i of them upwards: as many places on as there are own faces before it. */
static __device__ int negative_number(const view &v, int i)
{
    for (int k = 0; k < v.faces && v.same[k] <= i; k++)
        i++;
    return i;
}

/* The draws of an anchor are one walk: its positives find theirs in the places of `negative`. */
static __device__ void draw_negatives(int32_t *negative, const view &v, const fn_told *told)
{
    philox_walk walk = philox_at(told->seed, FN_RNG_MINE, told->step, (uint32_t)v.anchor);
    for (int i = 0; i < v.faces; i++)
        if (v.same[i] != v.anchor)
            negative[v.same[i]] = (int32_t)philox_below(&walk, (uint32_t)(v.n - v.faces));
}

/* --- sums of an anchor: a warp's are its lane 0's --- */

/* As add_term of train/loss.c. Returns whether the term is above 0. */
static __device__ bool add_term(fn_triplet_sums *s, float d_ap, float d_an, float margin)
{
    double ap = (double)d_ap, an = (double)d_an, term = ap - an + (double)margin;
    s->d_ap += ap;
    s->d_an += an;
    s->loss += term <= 0 ? 0 : term; /* so NaN is not taken for 0 */
    s->above += term > 0;
    s->count++;
    return term > 0;
}

static __device__ void add_sums(fn_triplet_sums *to, const fn_triplet_sums &s)
{
    to->loss += s.loss;
    to->d_ap += s.d_ap;
    to->d_an += s.d_an;
    to->count += s.count;
    to->above += s.above;
    to->pairs += s.pairs;
    to->most += s.most;
    to->sick += s.sick;
}

/* Where every lane has sums of its own. */
static __device__ fn_triplet_sums sum_of_lanes(const fn_triplet_sums &s)
{
    return {warp_sum(s.loss),  warp_sum(s.d_ap),  warp_sum(s.d_an), warp_sum(s.count),
            warp_sum(s.above), warp_sum(s.pairs), warp_sum(s.most), warp_sum(s.sick)};
}

/* For thread 0. With a barrier. */
static __device__ fn_triplet_sums sum_of_warps(const fn_triplet_sums &s)
{
    __shared__ fn_triplet_sums of[WARPS];
    fn_triplet_sums all = {};
    if (lane_of_warp() == 0)
        of[warp_of_block()] = s;
    __syncthreads();
    for (int i = 0; threadIdx.x == 0 && i < WARPS; i++)
        add_sums(&all, of[i]);
    return all;
}

static __device__ int64_t count_sick(const float *e, int dim)
{
    int sick = 0;
    for (int first = warp_of_block() * WARP_SIZE; first < dim; first += BLOCK) {
        int k = first + lane_of_warp();
        sick += __popc(__ballot_sync(WHOLE_WARP, k < dim && !(fabsf(e[k]) <= FLT_MAX)));
    }
    return lane_of_warp() == 0 ? sick : 0;
}

static __device__ fn_triplet_sums begin_sums(const fn_triplet_batch &b, const view &v,
                                             int mining)
{
    fn_triplet_sums s = {};
    int64_t positives = v.faces - 1;
    s.sick = count_sick(b.e + (int64_t)v.anchor * b.dim, b.dim);
    if (threadIdx.x > 0)
        return s;
    s.pairs = positives;
    s.most = mining == FN_TRIPLET_ALL       ? positives * (v.n - v.faces)
             : mining == FN_TRIPLET_HARDEST ? positives > 0
                                            : positives;
    return s;
}

/* --- mining --- */

static __device__ int choose(const view &v, const fn_triplet_rule &r, int positive,
                             int drawn, int otherwise)
{
    if (r.mining == FN_TRIPLET_SEMIHARD)
        return semihard_negative(v, positive, r.margin, otherwise);
    return r.mining == FN_TRIPLET_RANDOM ? negative_number(v, drawn) : otherwise;
}

/* Each warp takes every WARPS-th positive. `c` and `negative` are the anchor's rows. */
static __device__ void mine_pairs(fn_triplet_sums *s, int32_t *c, int32_t *negative,
                                  const view &v, const fn_triplet_rule &r)
{
    int otherwise = negative_of_all(v, r);
    int only = r.mining == FN_TRIPLET_HARDEST ? farthest_positive(v) : -1;
    for (int i = warp_of_block(); i < v.faces; i += WARPS) {
        int p = v.same[i];
        if (p == v.anchor || (r.mining == FN_TRIPLET_HARDEST && p != only))
            continue;
        int drawn = lane_of_warp() == 0 ? negative[p] : 0; /* who will write there, too */
        int n = choose(v, r, p, drawn, otherwise);
        if (lane_of_warp() > 0)
            continue;
        negative[p] = n;
        if (n < 0 || !add_term(s, v.d[p], v.away[n], r.margin))
            continue;
        c[p] = 1;
        atomicAdd(&c[n], -1);
    }
}

static __global__ void mine(fn_triplet_batch b, fn_triplet_rule r)
{
    __shared__ int faces;
    FN_SHARED(float, away);
    int *same = reinterpret_cast<int *>(away + b.n);
    int64_t row = (int64_t)blockIdx.x * b.n;
    const float *d = b.d + row;
    int32_t own = b.label[blockIdx.x];
    for (int k = (int)threadIdx.x; k < b.n; k += BLOCK) {
        away[k] = b.label[k] == own ? NAN : d[k];
        b.negative[row + k] = -1;
        b.weight[row + k] = 0;
    }
    if (warp_of_block() == 0) {
        int listed = list_same(same, b.label, b.n, own);
        if (lane_of_warp() == 0)
            faces = listed;
    }
    __syncthreads();
    view v = {d, away, same, b.n, (int)blockIdx.x, faces};
    fn_triplet_sums s = begin_sums(b, v, r.mining);
    if (r.mining == FN_TRIPLET_RANDOM && threadIdx.x == 0 && faces < b.n)
        draw_negatives(b.negative + row, v, b.told);
    __syncthreads();
    if (faces < b.n)
        mine_pairs(&s, b.weight + row, b.negative + row, v, r);
    s = sum_of_warps(s);
    if (threadIdx.x == 0)
        b.part[blockIdx.x] = s;
}

/* --- every triplet: a thread for each negative --- */

/* `up` [faces] counts for the positives. Every thread of the block takes every turn. */
static __device__ void take_all(fn_triplet_sums *s, int *up, int32_t *c, const view &v,
                                const fn_triplet_batch &b, float margin)
{
    int32_t own = b.label[v.anchor];
    for (int first = 0; first < v.n; first += BLOCK) {
        int k = first + (int)threadIdx.x, down = 0;
        bool negative = k < v.n && b.label[k] != own;
        for (int i = 0; i < v.faces; i++) {
            int p = v.same[i];
            bool above = negative && p != v.anchor && add_term(s, v.d[p], v.d[k], margin);
            unsigned who = __ballot_sync(WHOLE_WARP, above);
            down += above;
            if (who && lane_of_warp() == 0)
                atomicAdd(&up[i], __popc(who));
        }
        if (negative)
            c[k] = -down;
    }
}

static __global__ void mine_all(fn_triplet_batch b, fn_triplet_rule r)
{
    __shared__ int faces;
    FN_SHARED(int, same);
    int *up = same + b.n;
    int64_t row = (int64_t)blockIdx.x * b.n;
    for (int k = (int)threadIdx.x; k < b.n; k += BLOCK)
        up[k] = 0;
    if (warp_of_block() == 0) {
        int listed = list_same(same, b.label, b.n, b.label[blockIdx.x]);
        if (lane_of_warp() == 0)
            faces = listed;
    }
    __syncthreads();
    view v = {b.d + row, NULL, same, b.n, (int)blockIdx.x, faces};
    fn_triplet_sums s = begin_sums(b, v, r.mining);
    take_all(&s, up, b.weight + row, v, b, r.margin);
    s = sum_of_warps(sum_of_lanes(s)); /* with its barrier: `up` is complete */
    for (int i = (int)threadIdx.x; i < faces; i += BLOCK)
        b.weight[row + same[i]] = up[i];
    if (threadIdx.x == 0)
        b.part[blockIdx.x] = s;
}

/* --- the batch --- */

static __device__ double one_over(int64_t count)
{
    return count > 0 ? 1 / (double)count : 0;
}

static __global__ void conclude(fn_triplet_result *to, const fn_triplet_sums *part, int n,
                                int reduce)
{
    fn_triplet_sums s = {};
    for (int i = (int)threadIdx.x; i < n; i += BLOCK)
        add_sums(&s, part[i]);
    s = sum_of_warps(sum_of_lanes(s));
    if (threadIdx.x > 0)
        return;
    double mean = one_over(s.count);
    double scale = reduce == FN_TRIPLET_MEAN     ? mean
                   : reduce == FN_TRIPLET_ACTIVE ? one_over(s.above)
                                                 : 1;
    /* Mining passes over NaN, and a loss of 0 would hide it. What fn_mine refuses is no loss. */
    bool refused = s.pairs == 0 || s.pairs == (int64_t)n * (n - 1);
    to->loss = s.sick || refused ? NAN : s.loss * scale;
    to->active = (double)s.above * one_over(s.most);
    to->d_ap = s.d_ap * mean;
    to->d_an = s.d_an * mean;
    to->sums = s;
    to->scale = (float)(2 * scale);
}

int fn_launch_mine(const fn_triplet_batch *b, const fn_triplet_rule *r, void *stream)
{
    auto kernel = r->mining == FN_TRIPLET_ALL ? mine_all : mine;
    size_t shared = (size_t)b->n * 8;
    cudaError_t e = FN_ALLOW_SHARED(kernel, shared);
    if (e != cudaSuccess)
        return (int)e;
    LAUNCH(kernel, (unsigned)b->n, BLOCK, shared, stream, *b, *r);
    LAUNCH(conclude, 1, BLOCK, 0, stream, b->result, b->part, b->n, r->reduce);
    return (int)cudaGetLastError();
}
