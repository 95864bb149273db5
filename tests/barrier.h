/* barrier.h - threads that wait for each other; macOS has no pthread_barrier_t. */
#ifndef WKV_TESTS_BARRIER_H
#define WKV_TESTS_BARRIER_H

#include <pthread.h>

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t full;
    int count, arrived; /* of threads */
    unsigned round;
} barrier;

static inline void barrier_begin(barrier *b, int count)
{
    *b = (barrier){.count = count};
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->full, NULL);
}

static inline void barrier_wait(barrier *b)
{
    pthread_mutex_lock(&b->lock);
    const unsigned round = b->round;
    if (++b->arrived == b->count) {
        b->arrived = 0;
        b->round++;
        pthread_cond_broadcast(&b->full);
    }
    while (round == b->round) pthread_cond_wait(&b->full, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static inline void barrier_end(barrier *b)
{
    pthread_cond_destroy(&b->full);
    pthread_mutex_destroy(&b->lock);
}

#endif
