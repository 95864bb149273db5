/* models.c - the table of the models: names, jobs that are given to them, reports. */
#include "resident.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Clients of Ollama write a tag behind a name. */
static int is_named(const char *own, const char *asked)
{
    const size_t n = strlen(own);
    return !strncmp(own, asked, n) && (!asked[n] || !strcmp(asked + n, ":latest"));
}

static entry *find(models *a, const char *name)
{
    const serve_options *o = &a->s->o;
    if (!name || !*name) return &a->at[0];
    for (int i = 0; i < a->n; i++)
        if (is_named(a->at[i].e.name, name)) return &a->at[i];
    for (int i = 0; i < o->n_aliases; i++)
        if (is_named(o->aliases[i].name, name))
            return strcmp(o->aliases[i].model, name) ? find(a, o->aliases[i].model) : NULL;
    for (int i = 0; i < o->n_aliases; i++)
        if (!strcmp(o->aliases[i].name, "*") && strcmp(o->aliases[i].model, name)) return find(a, o->aliases[i].model);
    return NULL;
}

static int refuse_name(const models *a, const char *name, problem *p)
{
    char names[256] = "";
    for (int i = 0, n = 0; i < a->n && n < 200; i++)
        n += snprintf(names + n, sizeof names - (size_t)n, "%s%.60s", i ? ", " : "", a->at[i].e.name);
    return refuse(p, 404, "model", "model_not_found", "there is no model '%.100s'; this server has %s", name, names);
}

int models_give(const char *name, job *j, int limited, problem *p)
{
    server *s = exchange_server(j->x);
    models *a = s->models;
    entry *m = find(a, name);
    if (!m) return refuse_name(a, name, p);
    pthread_mutex_lock(&a->lock);
    int err = 0;
    if (a->closing || s->closing)
        err = refuse(p, 503, NULL, "shutting_down", "the server is shutting down");
    else if (limited && m->n_jobs >= s->o.queue + m->slots)
        err = refuse(p, 429, NULL, "queue_full", "%d requests are at work or wait for %s; try again later", m->n_jobs,
                     m->e.name);
    else if (resident_begin(m))
        err = refuse(p, 503, NULL, "no_thread", "no thread for the model %s", m->e.name);
    if (!err) {
        snprintf(exchange_log(j->x)->model, sizeof exchange_log(j->x)->model, "%s", m->e.name);
        exchange_share(j->x);
        j->next = NULL;
        j->model = m;
        m->n_jobs++;
        if (m->last)
            m->last->next = j;
        else
            m->first = j;
        m->last = j;
        pthread_cond_signal(&m->changed);
    }
    pthread_mutex_unlock(&a->lock);
    return err;
}

void models_return(job *j)
{
    entry *m = j->model;
    pthread_mutex_lock(&m->all->lock);
    j->next = m->returned;
    m->returned = j;
    m->n_away--;
    pthread_cond_signal(&m->changed);
    pthread_mutex_unlock(&m->all->lock);
}

int models_report(server *s, int i, model_report *to)
{
    models *a = s->models;
    if (i < 0 || i >= a->n) return 0;
    pthread_mutex_lock(&a->lock);
    *to = a->at[i].report;
    to->name = a->at[i].e.name;
    to->resident = a->at[i].resident;
    to->jobs = a->at[i].n_jobs;
    pthread_mutex_unlock(&a->lock);
    return 1;
}

int models_ready(server *s)
{
    models *a = s->models;
    pthread_mutex_lock(&a->lock);
    const int ready = a->at[0].loaded_once;
    pthread_mutex_unlock(&a->lock);
    return ready;
}

int models_open(server *s)
{
    models *a = calloc(1, sizeof *a);
    if (a) a->at = calloc((size_t)s->o.n_models, sizeof *a->at);
    if (!a || !a->at) {
        free(a);
        fprintf(stderr, "wkv: out of memory\n");
        return 1;
    }
    a->s = s;
    a->n = s->o.n_models;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->places, NULL);
    for (int i = 0; i < a->n; i++) {
        entry *m = &a->at[i];
        m->all = a;
        m->e = (engine){.server = s, .name = s->o.models[i].name};
        m->path = s->o.models[i].path;
        pthread_cond_init(&m->changed, NULL);
    }
    s->models = a;
    pthread_mutex_lock(&a->lock);
    const int err = resident_begin(&a->at[0]);
    pthread_mutex_unlock(&a->lock);
    return err ? 1 : 0;
}

void models_close(server *s)
{
    models *a = s->models;
    if (!a) return;
    pthread_mutex_lock(&a->lock);
    a->closing = 1;
    for (int i = 0; i < a->n; i++) pthread_cond_broadcast(&a->at[i].changed);
    pthread_cond_broadcast(&a->places);
    pthread_mutex_unlock(&a->lock);
    for (int i = 0; i < a->n; i++)
        if (a->at[i].runs) pthread_join(a->at[i].thread, NULL);
}

void models_free(server *s)
{
    models *a = s->models;
    if (!a) return;
    for (int i = 0; i < a->n; i++) pthread_cond_destroy(&a->at[i].changed);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->places);
    free(a->at);
    free(a);
    s->models = NULL;
}
