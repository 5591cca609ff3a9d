#include "data/crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { MAX_THREADS = 64 };

typedef struct crew {
    void (*work)(void *ctx, int i);
    void *ctx;
    int n;
    atomic_int next;
} crew;

static void *take_turns(void *arg)
{
    crew *c = arg;
    for (int i; (i = atomic_fetch_add(&c->next, 1)) < c->n;)
        c->work(c->ctx, i);
    return NULL;
}

void fn_crew_run(void (*work)(void *ctx, int i), void *ctx, int n)
{
    pthread_t thread[MAX_THREADS];
    crew c = {.work = work, .ctx = ctx, .n = n};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int started = 0, most = cores < MAX_THREADS ? (int)cores : MAX_THREADS;
    while (started < most - 1 &&
           pthread_create(&thread[started], NULL, take_turns, &c) == 0)
        started++;
    take_turns(&c);
    while (started > 0)
        pthread_join(thread[--started], NULL);
}
