/* turns.c - the clock of the server, and engines that take turns. */
#include "server.h"

int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void turns_enter(turns *t)
{
    pthread_mutex_lock(&t->lock);
    const unsigned mine = t->next++;
    while (t->serving != mine) pthread_cond_wait(&t->turn, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

void turns_leave(turns *t)
{
    pthread_mutex_lock(&t->lock);
    t->serving++;
    pthread_cond_broadcast(&t->turn);
    pthread_mutex_unlock(&t->lock);
}
