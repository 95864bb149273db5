/* eval_page.c - the page of a run of wkv eval: its results as a table and charts. */
#include "eval.h"
#include "outputs.h"
#include "say.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BARS = 64 };

static void add_table(wkv_report *r, const evaluation *v)
{
    static const char *const columns[] = {"task", "rule", "items", "metric", "value", "standard error", NULL};
    sheet t = {0};
    for (int i = 0; i < v->n_jobs; i++) {
        wkv_metric m[WKV_METRICS];
        const job *j = &v->jobs[i];
        const int count = j->items ? wkv_items_metrics(j->items, NULL, m) : 0;
        for (int k = 0; k < count; k++) {
            const double scale = eval_is_share(m[k].name) ? 100 : 1;
            sheet_put(&t, "%s", j->name);
            sheet_put(&t, "%s", j->task ? wkv_task_about(j->task)->rule : "");
            sheet_put(&t, "%d", m[k].n);
            sheet_put(&t, "%s%s", m[k].name, scale > 1 ? " (%)" : "");
            sheet_put(&t, "%.4g", scale * m[k].value);
            if (isfinite(m[k].error)) sheet_put(&t, "%.2g", scale * m[k].error);
            else sheet_put(&t, "%s", "");
        }
    }
    outputs_sheet(r, "results", NULL, columns, &t);
}

/* Bars of a metric: of each job, or of each group of one. */
static void add_bars(wkv_report *r, const evaluation *v, const job *of, const char *metric, const char *title,
                     const char *label)
{
    const char *labels[BARS];
    double value[BARS], low[BARS], high[BARS];
    int n = 0;
    const double scale = eval_is_share(metric) ? 100 : 1;
    const int count = of ? 1 << 20 : v->n_jobs;
    for (int i = 0; i < count && n < BARS; i++) {
        wkv_metric m[WKV_METRICS];
        const char *name = of ? wkv_items_group(of->items, i) : v->jobs[i].name;
        if (!name) break;
        const wkv_items *s = of ? of->items : v->jobs[i].items;
        const int found = s ? wkv_items_metrics(s, of ? name : NULL, m) : 0;
        for (int k = 0; k < found; k++) {
            if (strcmp(m[k].name, metric)) continue;
            const double half = isfinite(m[k].error) ? 1.96 * scale * m[k].error : NAN;
            labels[n] = name;
            value[n] = scale > 1 ? round(1e4 * m[k].value) / 100 : m[k].value;
            low[n] = fmax(value[n] - half, 0);
            high[n] = scale > 1 ? fmin(value[n] + half, 100) : value[n] + half;
            n++;
            break;
        }
    }
    char figure[80];
    snprintf(figure, sizeof figure, "%s-%s", of ? of->name : "tasks", metric);
    for (char *p = figure; *p; p++)
        if (*p == '_') *p = '-';
    if (n)
        wkv_report_bars(r, &(wkv_bars){.figure = {.name = figure,
                                                  .title = title,
                                                  .caption = "Bars end at the value; lines are 95 % intervals, 1.96 "
                                                             "standard errors to each side."},
                                       .x = {.label = label},
                                       .labels = labels,
                                       .n_groups = n,
                                       .n_series = 1,
                                       .values = value,
                                       .low = low,
                                       .high = high});
}

static void add_needles(wkv_report *r, const evaluation *v, const job *j)
{
    char rows[33][16], columns[33][16];
    const char *row_labels[33], *column_labels[33];
    double values[33 * 33];
    int n = 0, n_rows = 0, n_columns = 0;
    for (const int *d = v->depths; *d >= 0; d++, n_columns++) {
        snprintf(columns[n_columns], sizeof *columns, "%d %%", *d);
        column_labels[n_columns] = columns[n_columns];
    }
    for (const int *l = v->lengths; *l; l++, n_rows++) {
        snprintf(rows[n_rows], sizeof *rows, "%d", *l);
        row_labels[n_rows] = rows[n_rows];
        for (const int *d = v->depths; *d >= 0; d++) {
            char place[32];
            wkv_metric m[WKV_METRICS];
            snprintf(place, sizeof place, "%d %d", *l, *d);
            values[n++] = wkv_items_metrics(j->items, place, m) ? 100 * m[0].value : NAN;
        }
    }
    wkv_report_map(r,
                   &(wkv_map){.figure = {.name = "needle",
                                         .title = "Recall of a hidden number",
                                         .caption = "Per cent of texts after which greedy sampling gives the number."},
                              .x_label = "place in the text",
                              .y_label = "tokens",
                              .value_label = "recall (%)",
                              .row_labels = row_labels,
                              .column_labels = column_labels,
                              .rows = n_rows,
                              .columns = n_columns,
                              .values = values,
                              .low = 0,
                              .high = 100});
}

int eval_page(const evaluation *v)
{
    char title[300], count[32];
    wkv_report *r;
    snprintf(title, sizeof title, "Evaluation of %.200s", engine_model_name(&v->e));
    char summary[300];
    snprintf(summary, sizeof summary, "RWKV-%s with %s parameters.%s", v->e.about->version,
             as_count(count, v->e.about->parameters),
             v->stopped ? " The run was interrupted: some items are missing." : "");
    if (outputs_new(&r, title, summary)) return 1;
    add_table(r, v);
    add_bars(r, v, NULL, "acc", "Accuracy", "per cent");
    for (int i = 0; i < v->n_jobs; i++) {
        const job *j = &v->jobs[i];
        if (!j->items) continue;
        if (j->kind == JOB_NEEDLE) add_needles(r, v, j);
        if (j->kind == JOB_TEXT) add_bars(r, v, j, "bits_per_byte", "Bits per byte by domain", "bits per byte");
        if (j->kind == JOB_TASK && v->groups) add_bars(r, v, j, "acc", j->name, "per cent");
    }
    const int status = outputs_files(r);
    wkv_report_free(r);
    return status;
}
