/* eval_plan.c - wkv eval: from the options to a list of jobs, each with the file of its data. */
#include "eval.h"
#include "say.h"
#include "base/platform/entry.h"
#include "base/platform/system.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const extensions[] = {".jsonl",    ".json",      ".csv",     ".tsv",
                                         ".jsonl.gz", ".jsonl.zst", ".json.gz", ".json.zst"};
enum { EXTENSIONS = sizeof extensions / sizeof *extensions };

static job *new_job(evaluation *v, job_kind kind, const char *name)
{
    job *more = realloc(v->jobs, sizeof *more * (size_t)(v->n_jobs + 1));
    if (!more) {
        complain("out of memory");
        return NULL;
    }
    v->jobs = more;
    job *j = &v->jobs[v->n_jobs++];
    memset(j, 0, sizeof *j);
    j->kind = kind;
    snprintf(j->name, sizeof j->name, "%s", name);
    return j;
}

/* Call fn for each name of --task: "piqa,lambada", "needle". Not 0 stops. */
static int each_name(const texts *lists, int (*fn)(void *user, const char *name), void *user)
{
    int status = 0;
    for (int i = 0; i < lists->n; i++)
        for (const char *at = lists->at[i]; *at && !status;) {
            const size_t n = strcspn(at, ",");
            char *name = text_copy(at, n);
            if (!name) return complain("out of memory");
            if (n) status = fn(user, name);
            free(name);
            at += n + (at[n] == ',');
        }
    return status;
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

/* A task's file in a folder: "copa_dev[400:]" skips 400 items of copa_dev.jsonl. */
static int find_file(job *j, const char *folder)
{
    for (const char *const *f = wkv_task_about(j->task)->files; *f; f++)
        for (int i = 0; i < EXTENSIONS; i++) {
            const int n = (int)strcspn(*f, "[");
            if (snprintf(j->path, sizeof j->path, "%s/%.*s%s", folder, n, *f, extensions[i]) >= (int)sizeof j->path)
                continue;
            j->skip = (*f)[n] ? (int)strtol(*f + n + 1, NULL, 10) : 0;
            if (entry_is_readable(j->path)) return 1;
        }
    *j->path = 0;
    return 0;
}

static int complain_data(const evaluation *v, const job *j)
{
    const wkv_task_info *t = wkv_task_about(j->task);
    char names[300] = "";
    size_t n = 0;
    for (const char *const *f = t->files; *f && n < sizeof names; f++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%.*s.jsonl", f == t->files ? "" : " or ",
                              (int)strcspn(*f, "["), *f);
    return complain("task %s: %s%s; --data takes its file, or a folder with %s. wkv contains no data sets%s%s", t->name,
                    v->data ? "no file of it in " : "no data were given", v->data ? v->data : "",
                    *names ? names : "the file that \"file\" of the description names",
                    *t->source ? "; this one is published at " : "", t->source);
}

/* ---- tasks ------------------------------------------------------------------------------------------------------- */

static int add_task(evaluation *v, const char *name, int only_if_found)
{
    if (!strcmp(name, "needle")) return new_job(v, JOB_NEEDLE, name) ? 0 : 1;
    wkv_task *t;
    const int failed = wkv_task_open(&t, name, v->rule);
    if (failed && only_if_found && v->rule) return 0; /* the rule is not one of this task */
    if (failed) return complain_library();
    job *j = new_job(v, JOB_TASK, wkv_task_about(t)->name);
    if (!j) {
        wkv_task_close(t);
        return 1;
    }
    j->task = t;
    if (strchr(name, '.') || path_last_slash(name)) snprintf(j->description, sizeof j->description, "%s", name);
    char beside[4096];
    snprintf(beside, sizeof beside, "%s", name);
    char *slash = path_last_slash(beside);
    if (v->data && !entry_is_folder(v->data)) {
        snprintf(j->path, sizeof j->path, "%s", v->data);
        return 0;
    }
    if (v->data && find_file(j, v->data)) return 0;
    if (slash) *slash = 0;
    if (strlen(name) > 5 && !strcmp(name + strlen(name) - 5, ".json") && find_file(j, slash ? beside : ".")) return 0;
    if (!only_if_found) return complain_data(v, j);
    wkv_task_close(t);
    v->n_jobs--;
    return 0;
}

static int add_named(void *user, const char *name) { return add_task(user, name, 0); }

static int add_found(evaluation *v)
{
    const char *name;
    int status = 0;
    for (int i = 0; (name = wkv_task_name(i)) && !status; i++) status = add_task(v, name, 1);
    if (!status && !v->n_jobs)
        status = complain("%s: the folder has no file of a task; wkv eval --list gives the names", v->data);
    return status;
}

int eval_plan(evaluation *v)
{
    int status = each_name(&v->tasks, add_named, v);
    if (!status && v->data && !v->tasks.n) {
        if (!entry_is_folder(v->data))
            status = complain("%s: --task must name the task of this file; wkv eval --list gives the names", v->data);
        else
            status = add_found(v);
    }
    for (int i = 0; i < v->texts.n && !status; i++) {
        job *j = new_job(v, JOB_TEXT, "text");
        if (!j) return 1;
        snprintf(j->path, sizeof j->path, "%s", v->texts.at[i]);
    }
    return status;
}

/* ---- wkv eval --list --------------------------------------------------------------------------------------------- */

static void print_words(const char *const *list)
{
    for (const char *const *w = list; *w; w++) put_text("%s%s", w == list ? "" : ", ", *w);
}

static int list_one(const char *name, int as_json)
{
    wkv_task *t;
    if (wkv_task_open(&t, name, NULL)) return complain_library();
    const wkv_task_info *a = wkv_task_about(t);
    if (as_json)
        put_text("%s\n", a->text);
    else {
        put_text("%s%-14s%s %s\n", bold(1), a->name, plain(1), a->title);
        put_text("  metrics  ");
        print_words(a->metrics);
        put_text("\n  rules    ");
        print_words(a->rules);
        put_text("\n  file     ");
        print_words(a->files);
        put_text("\n  data     %s\n", *a->source ? a->source : "own");
    }
    wkv_task_close(t);
    return 0;
}

static int list_needle(void)
{
    put_text("%s%-14s%s numbers hidden in long texts (RULER), without a file\n", bold(1), "needle", plain(1));
    return 0;
}

static int list_named(void *user, const char *name)
{
    const int as_json = *(int *)user;
    if (strcmp(name, "needle")) return list_one(name, as_json);
    return as_json ? complain("needle has no description; --lengths, --depths and --keys change it") : list_needle();
}

int eval_list(const evaluation *v, int as_json)
{
    const char *name;
    int status = each_name(&v->tasks, list_named, &as_json);
    for (int i = 0; !v->tasks.n && (name = wkv_task_name(i)) && !status; i++) status = list_one(name, as_json);
    if (!v->tasks.n && !as_json) list_needle();
    return status;
}
