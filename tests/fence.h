/* fence.h -- buffers between guard bytes, for tests of code that fills buffers.
 *
 * The guard differs from buffer to buffer, so that a guard copied together with its buffer
 * onto another's still shows. All buffers are given back together. */
#ifndef FN_TESTS_FENCE_H
#define FN_TESTS_FENCE_H

#include "core/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FN_FENCE = 128, FN_FENCES = 128 };

typedef struct fn_fenced {
    unsigned char *data;
    size_t bytes;
    int front; /* guard bytes before the data; always FN_FENCE after it */
} fn_fenced;

static fn_fenced fn_fence_list[FN_FENCES];
static int fn_fence_count;

/* Where the memory is from: a GPU's test wants some that the GPU reads, too. */
static void *(*fn_fence_get)(size_t bytes) = fn_alloc_aligned;
static void (*fn_fence_put)(void *p) = fn_free;

static inline unsigned char fn_fence_byte(int buffer, size_t i)
{
    return (unsigned char)(37 * (size_t)buffer + 11 * i + 1);
}

/* Bytes of ones: NaN as a float and as a double. `aligned`: to 64 bytes; if not, just well
 * enough for a double, as a weight somewhere in the flat buffer. */
static inline void *fn_fence_open(size_t bytes, bool aligned)
{
    int id = fn_fence_count++;
    int front = aligned ? FN_FENCE : FN_FENCE - 56;
    if (id >= FN_FENCES)
        abort();
    unsigned char *all = fn_fence_get(bytes + 2 * FN_FENCE);
    for (size_t i = 0; i < bytes + 2 * FN_FENCE; i++)
        all[i] = fn_fence_byte(id, i);
    fn_fence_list[id] = (fn_fenced){all + front, bytes, front};
    return memset(all + front, 0xff, bytes);
}

/* Has nobody written outside of the buffers? */
static inline bool fn_fence_holds(void)
{
    for (int id = 0; id < fn_fence_count; id++) {
        const fn_fenced *f = &fn_fence_list[id];
        const unsigned char *all = f->data - f->front;
        size_t after = (size_t)f->front + f->bytes;
        for (size_t i = 0; i < after + FN_FENCE; i++)
            if ((i < (size_t)f->front || i >= after) && all[i] != fn_fence_byte(id, i))
                return false;
    }
    return true;
}

/* Gives back the buffers opened since fn_fence_count was `count`. */
static inline void fn_fence_close(int count)
{
    while (fn_fence_count > count) {
        fn_fence_count--;
        fn_fence_put(fn_fence_list[fn_fence_count].data -
                     fn_fence_list[fn_fence_count].front);
    }
}

#endif
