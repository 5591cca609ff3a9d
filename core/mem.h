/* mem.h -- zeroed allocation with a fault-injection switch for the tests. Everything in
 * the house allocates here, so that a test can fail the n-th allocation. */
#ifndef FN_CORE_MEM_H
#define FN_CORE_MEM_H

#include <stddef.h>

void *fn_alloc(size_t count, size_t size); /* zeroed; NULL when memory is out */
void *fn_alloc_aligned(size_t size);       /* 64-byte aligned, not zeroed; fn_free */
void *fn_grow(void *p, size_t count, size_t size); /* like reallocarray */
char *fn_strdup(const char *s);
void fn_free(void *p); /* accepts NULL */

/* The n-th allocation of the process from now fails once (n = 0: never). Tests only. */
void fn_fail_alloc(long n);

#endif
