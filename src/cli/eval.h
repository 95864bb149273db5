/* eval.h - wkv eval: the jobs of a run and their results. */
#ifndef WKV_CLI_EVAL_H
#define WKV_CLI_EVAL_H

#include "engine.h"
#include "mpirun.h"
#include "wkv_report.h"
#include "wkv_task.h"

typedef enum { JOB_TASK, JOB_TEXT, JOB_NEEDLE } job_kind;

typedef struct {
    job_kind kind;
    wkv_task *task;  /* JOB_TASK */
    char name[64];   /* "piqa", "text", "needle" */
    char path[4096]; /* of the data, "" for needles */
    char description[4096]; /* of an own task; "" */
    int skip;        /* items before those of the task's split */
    wkv_items *items;
    double seconds;
    int64_t tokens; /* read by this process */
} job;

typedef struct {
    /* options */
    texts tasks, texts;
    const char *data, *rule, *shots_from, *filler, *out;
    int limit, shots, batch, window, stride, groups;
    int samples, keys;
    int lengths[33], depths[33]; /* end with 0, with -1 */
    uint64_t seed;
    /* the run */
    engine e;
    wkv_communicator world;
    job *jobs;
    int n_jobs, stopped;
} evaluation;

/* Find the tasks and their data: the list of jobs. Returns 0, or 1 or 2 after an error message. */
int eval_plan(evaluation *v);
/* Read and score all jobs. Returns 0, 1 after an error message, or 130 after Ctrl-C, with results of the items that are
 * done. */
int eval_run(evaluation *v);
void eval_close(evaluation *v);

/* Print the table. */
void eval_print(const evaluation *v);
/* The JSON, with the metrics of each group; the caller frees it. */
char *eval_json(const evaluation *v);

/* Write every item that is done as a line of JSON. Returns an exit status. */
int eval_write_items(const evaluation *v, const char *path);

/* wkv eval --list, and the description of each task that is named */
int eval_list(const evaluation *v, int as_json);
/* wkv eval --diff A B */
int eval_diff(const char *a, const char *b, int as_json);

/* The page of a run, and its charts as SVG (outputs.h). */
int eval_page(const evaluation *v);
/* wkv eval --published, with the output of --json of an own model (NULL: none); lines through models of `least`
 * parameters or more */
int eval_published(const char *results, double least);

/* Whether a metric is a share, which is shown in per cent. */
int eval_is_share(const char *metric);
/* Items with all requests done. */
int eval_done(const job *j);

#endif
