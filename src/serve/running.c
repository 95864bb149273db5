/* running.c - the list of turns of sessions that are under way. */
#include "running.h"
#include "store_thread.h"
#include <stdio.h>
#include <string.h>

/* Under the lock. */
static running *find(const server *s, const wkv_store_session *session)
{
    running *r = s->running;
    while (r && strcmp(r->session, session->id)) r = r->next;
    return r;
}

static int refuse_second(const running *r, problem *p)
{
    return refuse(p, 409, "session", "turn_running",
                  "the answer %s to a turn that goes on from %s is being written; wait for its end, or send "
                  "\"branch\": true",
                  r->answer, *r->head ? r->head : "the beginning");
}

int running_check(server *s, const wkv_store_session *session, problem *p)
{
    pthread_mutex_lock(&s->turns_lock);
    const running *r = find(s, session);
    const int bad = r ? refuse_second(r, p) : 0;
    pthread_mutex_unlock(&s->turns_lock);
    return bad;
}

int running_enter(running *r, job *j, const char *answer, const wkv_store_session *session, problem *p)
{
    server *s = exchange_server(j->x);
    int result = 0;
    pthread_mutex_lock(&s->turns_lock);
    running *other = find(s, session);
    if (other && exchange_leaves(other->j->x)) {
        j->next = other->waiting;
        other->waiting = j;
        result = 1;
    } else if (other) {
        result = refuse_second(other, p);
    } else {
        *r = (running){.next = s->running, .j = j, .answer = answer};
        memcpy(r->session, session->id, sizeof r->session);
        memcpy(r->head, session->head, sizeof r->head);
        s->running = r;
    }
    pthread_mutex_unlock(&s->turns_lock);
    return result;
}

void running_leave(running *r)
{
    if (!r->j) return;
    server *s = exchange_server(r->j->x);
    pthread_mutex_lock(&s->turns_lock);
    running **at = &s->running;
    while (*at != r) at = &(*at)->next;
    *at = r->next;
    pthread_mutex_unlock(&s->turns_lock);
    for (job *j = r->waiting, *next; j; j = next) {
        next = j->next;
        store_thread_give(j);
    }
    *r = (running){0};
}
