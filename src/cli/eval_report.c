/* eval_report.c - wkv eval: the table of results, its JSON, and the items as lines of JSON. */
#include "eval.h"
#include "say.h"
#include "wkv_file.h"
#include "base/platform/entry.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* The published score of a model of this version and size; NULL: none. */
static const wkv_published_score *find_published(const wkv_model_info *a, const char *task, const char *metric)
{
    const wkv_published_score *s;
    for (int i = 0; (s = wkv_published(i)); i++)
        if (!strncmp(s->family, "RWKV-", 5) && s->family[5] == *a->version && !strcmp(s->task, task) &&
            !strcmp(s->metric, metric) && fabs(s->parameters / (double)a->parameters - 1) < 0.01)
            return s;
    return NULL;
}

/* A share in per cent; a standard error, which one item does not have; the published score. */
static void print_metric(const wkv_metric *m, const wkv_published_score *published)
{
    const double scale = eval_is_share(m->name) ? 100 : 1;
    const int digits = eval_is_share(m->name) ? 2 : !strcmp(m->name, "bits_per_byte") ? 4 : 3;
    put_text("  %-16s %10.*f", m->name, digits, scale * m->value);
    if (isfinite(m->error))
        put_text(" %9.*f", digits, scale * m->error);
    else
        put_text(" %9s", "-");
    if (published) put_text("  %.2f for %s", published->value, published->model);
    put_text("\n");
}

static void print_metrics(const evaluation *v, const job *j, const char *label, const char *of, int indent)
{
    wkv_metric m[WKV_METRICS];
    char count[32];
    const int n = wkv_items_metrics(j->items, of, m);
    for (int i = 0; i < n; i++) {
        if (i)
            put_text("%*s", 31, "");
        else
            put_text("%*s%-*.*s %8s", indent, "", 22 - indent, 22 - indent, label, as_count(count, m->n));
        print_metric(&m[i], of ? NULL : find_published(v->e.about, j->name, m[i].name));
    }
}

/* Length by depth: the share of right numbers. */
static void print_needles(const evaluation *v, const job *j)
{
    put_text("\n%s  needle, greedy %%%s", bold(1), plain(1));
    for (const int *d = v->depths; *d >= 0; d++) put_text(" %7d %%", *d);
    put_text("   depth\n");
    for (const int *l = v->lengths; *l; l++) {
        put_text("  %9d tokens", *l);
        for (const int *d = v->depths; *d >= 0; d++) {
            char place[32];
            wkv_metric m[WKV_METRICS];
            snprintf(place, sizeof place, "%d %d", *l, *d);
            const int n = wkv_items_metrics(j->items, place, m);
            if (n)
                put_text(" %9.1f", 100 * m[0].value);
            else
                put_text(" %9s", "-");
        }
        put_text("\n");
    }
}

static const char *label_of(const job *j)
{
    const char *slash = path_last_slash(j->path);
    return j->kind != JOB_TEXT ? j->name : slash && slash[1] ? slash + 1 : j->path;
}

void eval_print(const evaluation *v)
{
    char count[32];
    put_text("%sRWKV-%s, %s parameters, %s%s\n\n", bold(1), v->e.about->version,
             as_count(count, v->e.about->parameters), v->e.about->path, plain(1));
    put_text("%s%-22s %8s  %-16s %10s %9s%s\n", bold(1), "task", "items", "metric", "value", "\xc2\xb1 stderr",
             plain(1));
    for (int i = 0; i < v->n_jobs; i++) {
        const job *j = &v->jobs[i];
        const char *name;
        if (!j->items) continue;
        print_metrics(v, j, label_of(j), NULL, 0);
        if (j->kind != JOB_NEEDLE && (v->groups || j->kind == JOB_TEXT))
            for (int g = 0; (name = wkv_items_group(j->items, g)); g++) print_metrics(v, j, name, name, 2);
    }
    for (int i = 0; i < v->n_jobs; i++)
        if (v->jobs[i].kind == JOB_NEEDLE && v->jobs[i].items) print_needles(v, &v->jobs[i]);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static json_t *number_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t *json_of_metrics(const wkv_items *s, const char *of)
{
    wkv_metric m[WKV_METRICS];
    json_t *all = json_object();
    const int n = wkv_items_metrics(s, of, m);
    for (int i = 0; i < n; i++)
        json_object_set_new(all, m[i].name,
                            json_pack("{s:o s:o s:i}", "value", number_or_null(m[i].value), "stderr",
                                      number_or_null(m[i].error), "items", m[i].n));
    return all;
}

static json_t *json_of_job(const evaluation *v, const job *j)
{
    const char *name;
    json_t *r = json_pack("{s:s s:s s:i s:i s:o s:f s:I}", "task", j->name, "file", j->path, "items", eval_done(j),
                          "of", wkv_items_count(j->items), "metrics", json_of_metrics(j->items, NULL), "seconds",
                          j->seconds, "tokens", (json_int_t)j->tokens);
    if (j->kind == JOB_TASK) {
        json_object_set_new(r, "rule", json_string(wkv_task_about(j->task)->rule));
        json_object_set_new(r, "shots", json_integer(v->shots));
    }
    if (j->kind == JOB_TEXT) json_object_set_new(r, "context", json_integer(v->window));
    json_t *groups = json_object();
    for (int g = 0; (name = wkv_items_group(j->items, g)); g++)
        json_object_set_new(groups, name, json_of_metrics(j->items, name));
    json_object_set_new(r, "groups", groups);
    return r;
}

char *eval_json(const evaluation *v)
{
    const wkv_model_info *a = v->e.about;
    json_t *results = json_array();
    for (int i = 0; i < v->n_jobs; i++)
        if (v->jobs[i].items) json_array_append_new(results, json_of_job(v, &v->jobs[i]));
    json_t *all = json_pack("{s:{s:s s:s s:I s:s} s:b s:i s:o}", "model", "path", a->path, "version", a->version,
                            "parameters", (json_int_t)a->parameters, "types", a->types, "interrupted", v->stopped,
                            "processes", v->world.count, "results", results);
    char *text = json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    json_decref(all);
    return text;
}

/* ---- items ------------------------------------------------------------------------------------------------------- */

/* The fields of lm-evaluation-harness's logged samples, with the n metrics of the job. */
static json_t *json_of_item(const job *j, const wkv_item *q, const wkv_metric *m, int n)
{
    json_t *arguments = json_array(), *answers = json_array();
    for (int i = 0; i < q->n; i++) {
        const wkv_request *r = &q->requests[i];
        if (j->kind == JOB_TASK) json_array_append_new(arguments, json_pack("[s,s]", r->context, r->continuation));
        json_array_append_new(answers, json_pack("[f,b]", r->log_likelihood, r->greedy));
    }
    json_t *item = json_pack("{s:s s:I s:o s:i s:o s:o}", "task", j->name, "doc_id", (json_int_t)q->index, "doc",
                             json_loads(q->doc, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL), "target", q->right,
                             "arguments", arguments, "filtered_resps", answers);
    for (int i = 0; i < n; i++) json_object_set_new(item, m[i].name, number_or_null(wkv_item_metric(q, m[i].name)));
    if (*q->group) json_object_set_new(item, "group", json_string(q->group));
    return item;
}

static int put_item(wkv_file *f, json_t *item)
{
    char *line = item ? json_dumps(item, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(item);
    if (!line) return complain("out of memory");
    const int err = wkv_file_put(f, line, strlen(line)) || wkv_file_put(f, "\n", 1);
    free(line);
    return err ? complain_library() : 0;
}

static int is_done(const wkv_item *q)
{
    for (int i = 0; i < q->n; i++)
        if (!q->requests[i].done) return 0;
    return 1;
}

int eval_write_items(const evaluation *v, const char *path)
{
    wkv_file *f;
    if (wkv_file_create(&f, path)) return complain_library();
    int status = 0;
    for (int i = 0; i < v->n_jobs && !status; i++) {
        const job *j = &v->jobs[i];
        wkv_metric m[WKV_METRICS];
        const int n = j->items ? wkv_items_metrics(j->items, NULL, m) : 0; /* their names */
        for (int k = 0; k < wkv_items_count(j->items) && !status; k++) {
            const wkv_item *q = wkv_items_at(j->items, k);
            if (is_done(q)) status = put_item(f, json_of_item(j, q, m, n));
        }
    }
    if (status)
        wkv_file_abandon(f);
    else if (wkv_file_commit(f))
        status = complain_library();
    return status;
}
