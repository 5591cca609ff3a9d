/* cuemu.hpp -- runs CUDA kernels on the CPU: a fiber for each thread of a block, blocks one after
 * another. Included in front of a .cu file that g++ compiles as C++.
 *
 * What it finds: a missing barrier (under one schedule or another: fn_emu_schedule), threads
 * that wait at different barriers or for a lane that never comes, with AddressSanitizer reads
 * and writes outside of a buffer, with UBSan vectors that are not aligned, and whatever differs
 * from the reference. Dynamic shared memory starts as NaN; static has what the block before left.
 * What it cannot find: races between blocks, missing fences, spilt registers, everything about
 * time, and instructions that C++ does not have (wgmma, cp.async, clusters).
 *
 * A mistake in a kernel ends the process by abort(), after a line on stderr. */
#ifndef FN_TESTS_EMU_CUEMU_HPP
#define FN_TESTS_EMU_CUEMU_HPP

#include "tests/emu/fault.h"
#include "tests/emu/queue.h"

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cuda_bf16.h>
#include <cuda_runtime_api.h>
#include <functional>
#include <memory>
#include <ucontext.h>
#include <vector>
#ifdef __SANITIZE_ADDRESS__
#    include <sanitizer/common_interface_defs.h>
#endif

#undef __global__
#undef __device__
#undef __host__
#undef __forceinline__
#undef __shared__
#undef __launch_bounds__
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__      static
#define __launch_bounds__(...)

namespace emu
{

enum { WARP = 32, STACK = 256 << 10, MOST_THREADS = 1024, MOST_SHARED = 227 << 10 };

/* Where a thread stands. ARRIVED: at a shuffle, its value given; READ: has read the others'. */
enum state { RUNNING, AT_BARRIER, ARRIVED, READ, DONE };

struct thread {
    uint3 index;
    state at;
    int line; /* of the barrier or the shuffle */
    bool started;
    unsigned mask;  /* of the shuffle */
    uint64_t value; /* given to it */
    ucontext_t begin;
    jmp_buf here;
    char *stack;
    void *fake; /* AddressSanitizer's */
};

struct block {
    dim3 grid, size;
    uint3 index;
    std::vector<thread> threads;
    std::vector<uint64_t> shared; /* dynamic; 16-byte aligned by at() */
    std::function<void()> body;
    thread *current;
    jmp_buf scheduler;
    void *fake;        /* AddressSanitizer's, of the scheduler */
    const void *stack; /* the scheduler's */
    size_t stack_size;
    std::vector<std::unique_ptr<char[]>> stacks; /* kept from launch to launch */
};

/* One launch at a time. A template's static data is one object in all .cu files. */
template <typename T> struct one {
    static T it;
};
template <typename T> T one<T>::it;

inline block &now()
{
    return one<block>::it;
}

extern "C" unsigned fn_emu_schedule_seed;

[[noreturn]] inline void fail(const char *what, int line)
{
    fprintf(stderr, "cuemu: %s (line %d)\n", what, line);
    abort();
}

inline int number_of(const thread *t)
{
    return (int)(t - now().threads.data());
}

/* --- switching; setjmp instead of swapcontext, which asks the kernel each time --- */

/* AddressSanitizer is told of every switch; elsewhere these are nothing. */
inline void switching(void **fake, const void *stack, size_t size)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(fake, stack, size);
#else
    (void)fake, (void)stack, (void)size;
#endif
}

inline void switched(void *fake, const void **from, size_t *size)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake, from, size);
#else
    (void)fake, (void)from, (void)size;
#endif
}

inline void leave()
{
    thread *t = now().current;
    switching(t->at == DONE ? nullptr : &t->fake, now().stack, now().stack_size);
    if (!_setjmp(t->here))
        _longjmp(now().scheduler, 1);
    switched(t->fake, nullptr, nullptr);
}

inline void begin()
{
    switched(nullptr, &now().stack, &now().stack_size);
    now().body();
    now().current->at = DONE;
    leave();
}

inline void resume(thread *t)
{
    now().current = t;
    switching(&now().fake, t->stack, STACK);
    if (_setjmp(now().scheduler)) {
        switched(now().fake, nullptr, nullptr);
        return;
    }
    if (t->started)
        _longjmp(t->here, 1);
    t->started = true;
    setcontext(&t->begin);
}

/* --- meeting points --- */

inline void barrier(int line)
{
    thread *t = now().current;
    t->at = AT_BARRIER;
    t->line = line;
    leave();
}

/* What the lanes of a warp gave. */
struct gathered {
    uint64_t value[WARP];
    unsigned mask;
    int lane;
};

/* All lanes of the mask give a value, and read each other's. */
template <typename T> gathered gather(unsigned mask, T value, int line)
{
    static_assert(sizeof(T) <= 8, "a shuffle moves at most 8 bytes");
    thread *t = now().current;
    int first = number_of(t) / WARP * WARP;
    gathered g = {{0}, mask, number_of(t) - first};
    if (!(mask >> g.lane & 1))
        fail("a lane shuffles that its mask does not name", line);
    t->value = 0;
    memcpy(&t->value, &value, sizeof value);
    t->mask = mask;
    t->line = line;
    t->at = ARRIVED;
    leave();
    for (int i = 0; i < WARP && first + i < (int)now().threads.size(); i++)
        g.value[i] = now().threads[(size_t)(first + i)].value;
    t->at = READ;
    leave();
    return g;
}

template <typename T> T value_of(const gathered &g, int lane, int line)
{
    T out;
    int first = number_of(now().current) / WARP * WARP;
    if (!(g.mask >> lane & 1) || first + lane >= (int)now().threads.size())
        fail("a shuffle reads a lane that its mask does not name, or that is not there",
             line);
    memcpy(&out, &g.value[lane], sizeof out);
    return out;
}

template <typename T> T shuffle(unsigned mask, T value, int from, int line)
{
    gathered g = gather(mask, value, line);
    return value_of<T>(g, from < 0 || from >= WARP ? g.lane : from, line);
}

inline int lane()
{
    return number_of(now().current) % WARP;
}

template <typename T, typename F> T reduce(unsigned mask, T value, int line, F both)
{
    gathered g = gather(mask, value, line);
    T sum = value_of<T>(g, g.lane, line);
    bool first = true;
    for (int i = 0; i < WARP; i++)
        if (mask >> i & 1) {
            T v = value_of<T>(g, i, line);
            sum = first ? v : both(sum, v);
            first = false;
        }
    return sum;
}

inline unsigned ballot(unsigned mask, bool holds, int line)
{
    gathered g = gather(mask, (int)holds, line);
    unsigned bits = 0;
    for (int i = 0; i < WARP; i++)
        if (mask >> i & 1 && value_of<int>(g, i, line))
            bits |= 1u << i;
    return bits;
}

/* --- the scheduler --- */

/* Lets everybody go on once all that still run stand at one barrier. */
inline bool open_barrier()
{
    int alive = 0, waiting = 0, line = -1;
    for (const thread &t : now().threads) {
        alive += t.at != DONE;
        waiting += t.at == AT_BARRIER;
    }
    if (alive == 0 || waiting < alive)
        return false;
    for (thread &t : now().threads) {
        if (t.at != AT_BARRIER)
            continue;
        if (line >= 0 && t.line != line)
            fail("threads of one block wait at different barriers", t.line);
        line = t.line;
        t.at = RUNNING;
    }
    if (alive < (int)now().threads.size() && line >= 0)
        fail("some threads of the block have ended before a barrier that others wait at",
             line);
    return true;
}

/* Whether the lanes that t's mask names all stand where t does. */
inline bool all_there(const thread &t, int first)
{
    for (int i = 0; i < WARP; i++) {
        if (!(t.mask >> i & 1) || first + i >= (int)now().threads.size())
            continue;
        const thread &o = now().threads[(size_t)(first + i)];
        if (o.at != t.at || o.mask != t.mask || o.line != t.line)
            return false;
    }
    return true;
}

inline bool open_shuffles()
{
    bool moved = false;
    std::vector<thread> &all = now().threads;
    for (size_t i = 0; i < all.size(); i++) {
        int first = (int)i / WARP * WARP;
        if ((all[i].at != ARRIVED && all[i].at != READ) || !all_there(all[i], first))
            continue;
        unsigned mask = all[i].mask;
        for (int k = 0; k < WARP && first + k < (int)all.size(); k++)
            if (mask >> k & 1)
                all[(size_t)(first + k)].at = RUNNING;
        moved = true;
    }
    return moved;
}

/* Schedule 0: in order; 1: from the end; others: shuffled anew each round. */
inline void order(std::vector<thread *> *of, unsigned *seed)
{
    if (*seed == 1)
        std::reverse(of->begin(), of->end());
    for (size_t i = of->size() - 1; *seed > 1 && i > 0; i--) {
        *seed = (*seed * 1664525u + 1013904223u) | 2u;
        std::swap((*of)[i], (*of)[(*seed >> 8) % (i + 1)]);
    }
}

inline void start(thread *t)
{
    getcontext(&t->begin);
    t->begin.uc_stack.ss_sp = t->stack;
    t->begin.uc_stack.ss_size = STACK;
    t->begin.uc_link = nullptr;
    makecontext(&t->begin, begin, 0);
}

inline void start_threads(std::vector<thread *> *turn)
{
    const dim3 size = now().size;
    for (unsigned i = 0; i < now().threads.size(); i++) {
        thread &t = now().threads[i];
        t.index = {i % size.x, i / size.x % size.y, i / (size.x * size.y)};
        t.at = RUNNING;
        t.started = false;
        start(&t);
        (*turn)[i] = &t;
    }
}

inline void run_block()
{
    std::vector<thread *> turn(now().threads.size());
    unsigned seed = fn_emu_schedule_seed;
    std::fill(now().shared.begin(), now().shared.end(), ~(uint64_t)0);
    start_threads(&turn);
    for (bool done = false; !done;) {
        bool ran = false;
        order(&turn, &seed);
        for (thread *t : turn)
            if (t->at == RUNNING) {
                resume(t);
                ran = true;
            }
        done = true;
        for (const thread &t : now().threads)
            done = done && t.at == DONE;
        if (!done && !open_barrier() && !open_shuffles() && !ran)
            fail("some threads wait for others that never come", now().threads[0].line);
    }
}

inline void check_launch(dim3 grid, dim3 size, size_t shared)
{
    size_t threads = (size_t)size.x * size.y * size.z;
    if (threads < 1 || threads > MOST_THREADS || size.z > 64)
        fail("a launch with too many threads in a block, or none", 0);
    if (grid.x < 1 || grid.y < 1 || grid.z < 1 || grid.y > 65535 || grid.z > 65535)
        fail("a launch with too many blocks, or none", 0);
    if (shared > MOST_SHARED)
        fail("a launch with more shared memory than a block may have", 0);
}

template <typename F> void run(dim3 grid, dim3 size, size_t shared, F body)
{
    block &b = now();
    b.grid = grid;
    b.size = size;
    b.body = body;
    b.threads.assign((size_t)size.x * size.y * size.z, thread());
    b.shared.resize(shared / 8 + 3);
    while (b.stacks.size() < b.threads.size())
        b.stacks.emplace_back(new char[STACK]);
    for (size_t i = 0; i < b.threads.size(); i++)
        b.threads[i].stack = b.stacks[i].get();
    for (b.index.z = 0; b.index.z < grid.z; b.index.z++)
        for (b.index.y = 0; b.index.y < grid.y; b.index.y++)
            for (b.index.x = 0; b.index.x < grid.x; b.index.x++)
                run_block();
}

inline void run_queued(void *ctx)
{
    (*(std::function<void()> *)ctx)();
}

inline void drop_queued(void *ctx)
{
    delete (std::function<void()> *)ctx;
}

template <typename F> void launch(dim3 grid, dim3 size, size_t shared, F body)
{
    check_launch(grid, size, shared);
    fn_emu_queue(0, run_queued, drop_queued,
                 new std::function<void()>([=] { run(grid, size, shared, body); }));
}

inline void *shared_memory()
{
    return (void *)(((uintptr_t)now().shared.data() + 15) / 16 * 16);
}

/* As on a GPU, arguments are made now, whenever the kernel runs. */
template <typename... P>
auto prepare(void (*kernel)(P...), dim3 grid, dim3 size, size_t shared)
{
    return [=](P... p) { launch(grid, size, shared, [=] { kernel(p...); }); };
}

} // namespace emu

#define FN_BLOCK       64 /* kernels/launch.cuh */
#define FN_MOST_BLOCKS 3

#define threadIdx (emu::now().current->index)
#define blockIdx  (emu::now().index)
#define blockDim  (emu::now().size)
#define gridDim   (emu::now().grid)
#define warpSize  32

#define __syncthreads()            emu::barrier(__LINE__)
#define __syncwarp(...)            ((void)emu::gather(0xffffffffu, 0, __LINE__))
#define __shfl_sync(mask, v, from) emu::shuffle((mask), (v), (from), __LINE__)
#define __shfl_down_sync(mask, v, by) \
    emu::shuffle((mask), (v), emu::lane() + (int)(by), __LINE__)
#define __shfl_up_sync(mask, v, by) \
    emu::shuffle((mask), (v), emu::lane() - (int)(by), __LINE__)
#define __shfl_xor_sync(mask, v, by) \
    emu::shuffle((mask), (v), emu::lane() ^ (int)(by), __LINE__)
#define __ballot_sync(mask, holds) emu::ballot((mask), (holds), __LINE__)
#define __any_sync(mask, holds)    (emu::ballot((mask), (holds), __LINE__) != 0)
#define __all_sync(mask, holds)    (emu::ballot((mask), (holds), __LINE__) == (mask))
#define __reduce_add_sync(mask, v) \
    emu::reduce((mask), (v), __LINE__, [](auto a, auto b) { return a + b; })
#define __reduce_min_sync(mask, v) \
    emu::reduce((mask), (v), __LINE__, [](auto a, auto b) { return b < a ? b : a; })
#define __reduce_max_sync(mask, v) \
    emu::reduce((mask), (v), __LINE__, [](auto a, auto b) { return a < b ? b : a; })

template <typename T> static inline T atomicAdd(T *p, T v)
{
    T before = *p;
    *p = before + v;
    return before;
}

static inline float rsqrtf(float x)
{
    return 1.0f / sqrtf(x);
}

static inline float __fdividef(float a, float b)
{
    return a / b;
}

static inline int __popc(unsigned x)
{
    return __builtin_popcount(x);
}

static inline int __ffs(int x)
{
    return __builtin_ffs(x);
}

static inline unsigned __float_as_uint(float x)
{
    unsigned bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float __uint_as_float(unsigned bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#define cudaGetLastError()               ((cudaError_t)fn_emu_work()) /* once a launch */
#define cudaFuncSetAttribute(...)        cudaSuccess
#define cudaFuncGetAttributes(a, kernel) ((void)(a), (void)(kernel), cudaSuccess)

#define LAUNCH(kernel, grid, block, shared, stream, ...)                \
    do {                                                                \
        (void)(stream);                                                 \
        emu::prepare((kernel), (grid), (block), (shared))(__VA_ARGS__); \
    } while (0)
#define FN_SHARED(T, name) T *name = (T *)emu::shared_memory() /* dynamic */

#endif
