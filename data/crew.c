#include "data/crew.h"

#include <pthread.h>
#include <unistd.h>

enum { MAX_THREADS = 64 };

void fn_crew_run(void *(*work)(void *arg), void *arg)
{
    pthread_t thread[MAX_THREADS];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int n = 0, most = cores < MAX_THREADS ? (int)cores : MAX_THREADS;
    while (n < most - 1 && pthread_create(&thread[n], NULL, work, arg) == 0)
        n++;
    work(arg);
    while (n > 0)
        pthread_join(thread[--n], NULL);
}
