/* resident.c - the thread of a model: a place in memory, its jobs, and the choice of the model that leaves. */
#include "resident.h"
#include "store_thread.h"
#include "base/platform/begin.h"
#include "base/platform/system.h"
#include <stdio.h>
#include <time.h>

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

static void refuse_jobs(job *j, const problem *p)
{
    for (job *next; j; j = next) {
        next = j->next;
        exchange_refuse(j->x, p);
        finish_job(j);
    }
}

/* All jobs that were given to the model. Under the lock. */
static job *take_jobs(entry *m)
{
    job *list = m->first;
    m->first = m->last = NULL;
    return list;
}

/* ---- the thread of a model --------------------------------------------------------------------------------------- */

/* The least recently used model in memory is asked to leave it, when its jobs are done. Under the lock. */
static void ask_to_leave(models *a)
{
    entry *oldest = NULL;
    for (int i = 0; i < a->n; i++) {
        entry *o = &a->at[i];
        if (o->resident && !o->wanted_away && (!oldest || o->used < oldest->used)) oldest = o;
    }
    if (!oldest) return;
    oldest->wanted_away = 1;
    a->leaving++;
    pthread_cond_signal(&oldest->changed);
}

/* Wait until the model may be in memory. 0: the server closes. */
static int take_place(entry *m)
{
    models *a = m->all;
    pthread_mutex_lock(&a->lock);
    a->asking++;
    while (a->resident >= a->s->o.resident && !a->closing) {
        if (a->leaving < a->asking) ask_to_leave(a);
        pthread_cond_wait(&a->places, &a->lock);
    }
    a->asking--;
    const int open = !a->closing;
    if (open) {
        a->resident++;
        m->resident = 1;
        m->used = now_us();
    }
    pthread_mutex_unlock(&a->lock);
    return open;
}

static void leave_place(entry *m)
{
    models *a = m->all;
    pthread_mutex_lock(&a->lock);
    a->resident--;
    a->leaving -= m->wanted_away;
    m->resident = m->wanted_away = 0;
    pthread_cond_broadcast(&a->places);
    pthread_mutex_unlock(&a->lock);
}

static void describe(entry *m)
{
    const size_t room = BODY + 2 * m->e.about->state_bytes;
    server *s = m->e.server;
    if (!s->o.max_body && room > s->max_body) s->max_body = room; /* a state that a client holds, in base64 */
    m->slots = m->e.slots;
    m->loaded_once = 1;
    model_describe(&m->report, &m->e);
}

static void append(job **list, job *more)
{
    while (*list) list = &(*list)->next;
    *list = more;
}

static int has_jobs(const entry *m) { return m->returned || (m->first && !m->wanted_away); }

/* Jobs that were given or returned, waiting for them unless the engine is busy. NULL and not busy: the model is to
 * leave the memory. */
static job *wait_for_jobs(entry *m, int busy)
{
    models *a = m->all;
    const int idle = a->s->o.idle_seconds;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += idle;
    pthread_mutex_lock(&a->lock);
    while (!busy && !has_jobs(m) && (m->n_away || (!m->wanted_away && !a->closing))) {
        if (!idle || m->n_away)
            pthread_cond_wait(&m->changed, &a->lock);
        else if (pthread_cond_timedwait(&m->changed, &a->lock, &until))
            break;
    }
    job *list = m->returned;
    m->returned = NULL;
    if (!m->wanted_away) append(&list, take_jobs(m));
    if (list) m->used = now_us();
    pthread_mutex_unlock(&a->lock);
    return list;
}

static void give_to_store(entry *m, job *j)
{
    pthread_mutex_lock(&m->all->lock);
    m->n_away++;
    pthread_mutex_unlock(&m->all->lock);
    store_thread_give(j);
}

/* Let every job work between two steps. Returns those that are to work again. */
static job *work(entry *m, job *list)
{
    job *left = NULL, **end = &left;
    int done = 0;
    for (job *j = list, *next; j; j = next) {
        next = j->next;
        const job_result result = j->work(j, &m->e);
        if (result == JOB_STORES)
            give_to_store(m, j);
        else if (result == JOB_DONE) {
            finish_job(j);
            done++;
        } else {
            *end = j;
            end = &j->next;
        }
    }
    *end = NULL;
    if (done) {
        pthread_mutex_lock(&m->all->lock);
        m->n_jobs -= done;
        pthread_mutex_unlock(&m->all->lock);
    }
    return left;
}

static int has_jobs_away(entry *m)
{
    pthread_mutex_lock(&m->all->lock);
    const int n = m->n_away;
    pthread_mutex_unlock(&m->all->lock);
    return n;
}

static void step(entry *m)
{
    server *s = m->e.server;
    turns_enter(&s->compute);
    const int64_t begun = now_us();
    const int err = wkv_batcher_step(m->e.batcher);
    s->count.step_time += now_us() - begun;
    s->count.steps++;
    turns_leave(&s->compute);
    if (!err) return;
    fprintf(stderr, "wkv: %s\n", wkv_error());
    system_sleep(0.1); /* no memory, and nothing was done: others may free some */
}

static void serve_jobs(entry *m)
{
    job *active = NULL;
    for (;;) {
        append(&active, wait_for_jobs(m, active != NULL));
        if (!active) return;
        const int64_t begun = thread_processor_us();
        active = work(m, active);
        m->e.server->count.own_time += thread_processor_us() - begun;
        if (wkv_batcher_pending(m->e.batcher)) step(m);
        if (!active && !has_jobs_away(m) && wkv_cache_save(m->e.cache)) fprintf(stderr, "wkv: %s\n", wkv_error());
    }
}

/* Load the model, work, and close it. Returns 0, or -1 with the reason for which its jobs are refused. */
static int be_resident(entry *m, problem *p)
{
    if (!take_place(m)) return refuse(p, 503, NULL, "shutting_down", "the server is shutting down");
    const int err = engine_load(&m->e, m->path, p);
    if (!err) {
        pthread_mutex_lock(&m->all->lock);
        describe(m);
        pthread_mutex_unlock(&m->all->lock);
        serve_jobs(m);
        engine_unload(&m->e);
    }
    leave_place(m);
    return err;
}

static void *run_model(void *of)
{
    entry *m = of;
    models *a = m->all;
    for (int more = 1; more;) {
        problem p = {0};
        const int failed = be_resident(m, &p);
        pthread_mutex_lock(&a->lock);
        if (failed && !a->closing) fprintf(stderr, "wkv: %s\n", p.message);
        job *rest = failed ? take_jobs(m) : NULL;
        if (failed) {
            snprintf(m->report.failure, sizeof m->report.failure, "%s", p.message);
            m->loaded_once = 1;
            m->n_jobs = 0;
        }
        more = m->first != NULL;
        m->ended = !more; /* the next job begins another thread */
        pthread_mutex_unlock(&a->lock);
        refuse_jobs(rest, &p);
    }
    return NULL;
}

int resident_begin(entry *m)
{
    if (m->runs && !m->ended) return 0;
    if (m->runs) pthread_join(m->thread, NULL);
    m->ended = 0;
    m->runs = !thread_begin(&m->thread, run_model, m);
    return m->runs ? 0 : -1;
}
