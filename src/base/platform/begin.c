/* begin.c - threads with a stack that is large enough on every system. */
#include "base/platform/begin.h"
#include <stddef.h>

int thread_begin(pthread_t *out, void *(*run)(void *), void *arg)
{
    pthread_attr_t with;
    size_t bytes;
    if (pthread_attr_init(&with)) return pthread_create(out, NULL, run, arg);
    /* 0: Windows, which would take memory for all of it at once */
    if (!pthread_attr_getstacksize(&with, &bytes) && bytes && bytes < THREAD_STACK)
        pthread_attr_setstacksize(&with, THREAD_STACK);
    const int failed = pthread_create(out, &with, run, arg);
    pthread_attr_destroy(&with);
    return failed;
}
