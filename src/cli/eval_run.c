/* eval_run.c - wkv eval: read the items of each job and score them. */
#include "eval.h"
#include "input.h"
#include "machine.h"
#include "outputs.h"
#include "say.h"
#include "wkv_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    progress bar;
    job *j;
} watcher;

static int on_pass(void *user, int64_t done, int64_t total)
{
    watcher *w = user;
    char a[32], b[32];
    w->j->tokens = done;
    progress_at(&w->bar, (double)done, (double)total, "%s of %s tokens", as_count(a, done), as_count(b, total));
    return interrupted != 0;
}

int eval_done(const job *j)
{
    wkv_metric m[WKV_METRICS];
    return j->items && wkv_items_metrics(j->items, NULL, m) > 0 ? m->n : 0;
}

int eval_is_share(const char *metric) { return strncmp(metric, "acc", 3) == 0 || !strcmp(metric, "greedy"); }

/* ---- items ------------------------------------------------------------------------------------------------------- */

static int read_needles(evaluation *v, job *j)
{
    char *filler = NULL;
    size_t bytes;
    if (v->filler && input_all(&filler, &bytes, v->filler)) return 1;
    if (filler && (!bytes || memchr(filler, 0, bytes))) {
        free(filler);
        return complain("--filler %s: %s", v->filler, bytes ? "has NUL characters, and is no text" : "is empty");
    }
    const wkv_needle_options o = {.lengths = v->lengths,
                                  .depths = v->depths,
                                  .samples = v->samples,
                                  .keys = v->keys,
                                  .filler = filler,
                                  .seed = v->seed};
    const int err = wkv_items_needles(&j->items, v->e.model, v->e.tokenizer, &o);
    free(filler);
    return err ? complain_library() : 0;
}

static int read_items(evaluation *v, job *j)
{
    const wkv_items_options o = {.skip = j->skip, .limit = v->limit, .shots = v->shots, .shots_from = v->shots_from};
    int err = 0;
    switch (j->kind) {
    case JOB_NEEDLE: return read_needles(v, j);
    case JOB_TEXT:
        err = wkv_items_texts(&j->items, j->path, v->e.model, v->e.tokenizer, v->window, v->stride, v->limit);
        break;
    case JOB_TASK: err = wkv_items_read(&j->items, j->task, j->path, v->e.model, v->e.tokenizer, &o);
    }
    return err ? complain_library() : 0;
}

/* ---- several processes ------------------------------------------------------------------------------------------- */

/* Whether all processes are well, so that none waits for one that ended. */
static int agree(const evaluation *v, int status)
{
    double failed = status != 0;
    if (v->world.count > 1) v->world.allreduce(v->world.user, &failed, 1);
    if (failed > 0 && !status) return complain("another process failed; one process alone shows its error");
    return status;
}

/* The processes of one machine share its cores. */
static void share_cores(const evaluation *v)
{
    const int here = v->world.local_count;
    processor p;
    if (here < 2 || engine_threads) return;
    read_processor(&p, "");
    engine_threads = p.allowed_cores > here ? p.allowed_cores / here : 1;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static int score(evaluation *v, job *j)
{
    watcher w = {.j = j};
    const wkv_score_options o = {.batch = v->batch,
                                 .begin = v->e.begin ? v->e.state : NULL,
                                 .communicator = v->world.count > 1 ? &v->world : NULL,
                                 .report = on_pass,
                                 .user = &w};
    progress_begin(&w.bar, j->name);
    const double begun = seconds_now();
    const int err = wkv_items_score(j->items, v->e.context, &o);
    j->seconds = seconds_now() - begun;
    progress_end(&w.bar);
    if (err == WKV_ESTOPPED) v->stopped = 1;
    if (err == WKV_ESTOPPED) return 130;
    return !err ? 0 : v->world.rank ? 1 : err == WKV_EFORMAT ? complain_logits(v->e.model) : complain_library();
}

/* No output is an input. */
static int refuse(const evaluation *v, const char *path)
{
    int status = 0;
    if (path && wkv_model_refuse_output(v->e.model, path)) return complain_library();
    status = outputs_refuse(path, v->shots_from, "the examples") || outputs_refuse(path, v->filler, "the filler");
    for (int i = 0; i < v->n_jobs && !status; i++)
        status = outputs_refuse(path, v->jobs[i].path, "the data") ||
                 outputs_refuse(path, v->jobs[i].description, "the description");
    return status;
}

/* The files are written by process 0. */
static int check_output(const evaluation *v)
{
    const char *paths[3] = {v->out};
    outputs_paths(paths + 1);
    for (int i = 0; i < 3; i++)
        if (refuse(v, paths[i])) return 1;
    return v->world.rank ? 0 : outputs_possible(paths, 3);
}

int eval_run(evaluation *v)
{
    share_cores(v);
    int status = agree(v, engine_open(&v->e, 1));
    if (!status) status = agree(v, check_output(v));
    for (int i = 0; i < v->n_jobs && !status; i++) {
        status = agree(v, read_items(v, &v->jobs[i]));
        if (!status) status = score(v, &v->jobs[i]);
    }
    return status;
}

void eval_close(evaluation *v)
{
    for (int i = 0; i < v->n_jobs; i++) {
        wkv_items_free(v->jobs[i].items);
        wkv_task_close(v->jobs[i].task);
    }
    free(v->jobs);
    v->jobs = NULL;
    v->n_jobs = 0;
    engine_close(&v->e);
}
