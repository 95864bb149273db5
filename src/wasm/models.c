/* models.c - the model of a page and its jobs: the counterpart of serve/models.c and resident.c, in one thread. */
#include "serve/models.h"
#include "page.h"
#include "base/platform/entry.h"
#include "serve/store_thread.h"
#include <stdio.h>
#include <string.h>

static engine e;
static model_report report;
static char model_name[sizeof((exchange_figures *)0)->model];
static job *jobs; /* in the order in which they were given */

int models_ready(server *s) { return (void)s, e.model || *report.failure; }

int models_report(server *s, int i, model_report *to)
{
    (void)s;
    if (i) return 0;
    *to = report;
    to->name = model_name;
    to->resident = e.model != NULL;
    to->jobs = 0;
    for (const job *j = jobs; j; j = j->next) to->jobs++;
    return 1;
}

int models_give(const char *name, job *j, int limited, problem *p)
{
    (void)name, (void)limited; /* the page's own requests */
    if (!e.model) return refuse(p, 503, "model", "model_not_loaded", "%s", report.failure);
    job **end = &jobs;
    while (*end) end = &(*end)->next;
    exchange_share(j->x);
    snprintf(exchange_log(j->x)->model, sizeof exchange_log(j->x)->model, "%s", model_name);
    j->next = NULL;
    *end = j;
    return 0;
}

/* Sessions of the store are not offered here. */
int store_thread_jobs(server *s) { return (void)s, 0; }
void store_thread_give(job *j) { j->store(j); }

static void refuse_jobs(const problem *p)
{
    job *list = jobs;
    jobs = NULL;
    for (job *next; list; list = next) {
        next = list->next;
        exchange_refuse(list->x, p);
        finish_job(list);
    }
}

void page_close(void)
{
    problem closed;
    refuse(&closed, 503, NULL, "shutting_down", "another model is opened");
    refuse_jobs(&closed);
    engine_unload(&e);
    report = (model_report){0};
}

/* A file is read whole: more than that is needed. */
static int check_memory(const char *path, problem *p)
{
    const size_t there = wkv_memory_available();
    entry_info about;
    if (!path || entry_read(&about, path) || (uint64_t)about.bytes < there) return 0;
    return refuse(p, 503, "model", "model_not_loaded",
                  "%.200s needs %.1f GB, and %.1f GB of the page's memory are free", path, 1e-9 * (double)about.bytes,
                  1e-9 * (double)there);
}

int page_open(server *s, const char *path, const char *name, problem *p)
{
    snprintf(model_name, sizeof model_name, "%s", name);
    e = (engine){.server = s, .name = model_name};
    const int err = check_memory(path, p) ? -1 : engine_load(&e, path, p);
    if (!err)
        model_describe(&report, &e);
    else
        snprintf(report.failure, sizeof report.failure, "%s", p->message);
    return err;
}

/* Let every job work once; those that are done leave the list. */
static void work(void)
{
    for (job **at = &jobs; *at;) {
        job *j = *at;
        const job_result result = j->work(j, &e);
        if (result == JOB_STORES) store_thread_give(j);
        if (result == JOB_DONE) {
            *at = j->next;
            finish_job(j);
        } else
            at = &j->next;
    }
}

static int64_t step(void)
{
    const int64_t begun = now_us();
    problem p;
    if (wkv_batcher_step(e.batcher)) {
        refuse_library(&p, WKV_ENOMEM, NULL);
        refuse_jobs(&p);
    }
    return now_us() - begun;
}

int page_work(server *s)
{
    work();
    if (jobs && wkv_batcher_pending(e.batcher)) {
        s->count.step_time += step();
        s->count.steps++;
    }
    int n = 0;
    for (const job *j = jobs; j; j = j->next) n++;
    return n;
}
