#include "core/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE = 64, HUGE_PAGE = 2 << 20 };

static atomic_long fail_at; /* of the process: the loader's threads allocate too */

void fn_fail_alloc(long n)
{
    atomic_store(&fail_at, n);
}

static bool refuse(void)
{
    return atomic_load_explicit(&fail_at, memory_order_relaxed) > 0 &&
           atomic_fetch_sub(&fail_at, 1) == 1;
}

void *fn_alloc(size_t count, size_t size)
{
    return refuse() ? NULL : calloc(count ? count : 1, size);
}

/* A network's values are read and written from end to end, and pages of 4 KiB make that wait for
 * the tables of addresses. Advice only: where the kernel does not follow it, nothing is lost. */
static void *alloc_huge(size_t size)
{
    void *p = NULL;
    if (posix_memalign(&p, HUGE_PAGE, size))
        return NULL;
#ifdef MADV_HUGEPAGE
    madvise(p, size, MADV_HUGEPAGE);
#endif
    return p;
}

void *fn_alloc_aligned(size_t size)
{
    size_t whole = (size + LINE - 1) / LINE * LINE;
    if (whole < size || refuse())
        return NULL;
    if (whole >= HUGE_PAGE)
        return alloc_huge(whole);
    return aligned_alloc(LINE, whole ? whole : LINE);
}

void *fn_grow(void *p, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    size_t whole = count * size;
    return refuse() ? NULL : realloc(p, whole ? whole : 1);
}

char *fn_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = fn_alloc(n, 1);
    return copy ? memcpy(copy, s, n) : NULL;
}

void fn_free(void *p)
{
    free(p);
}
