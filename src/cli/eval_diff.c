/* eval_diff.c - wkv eval --diff: two files of items, of two models or two ways to run one, item by item. */
#include "eval.h"
#include "columns.h"
#include "say.h"
#include "wkv_file.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOVED = 10, TASKS = 64 }; /* items shown; tasks of a file */

typedef struct {
    json_t *a, *b; /* the item in both files */
    double change; /* of the log-likelihood of the right request */
} pair;

typedef struct {
    const char *task;
    int n, worse, better; /* items; right in A and wrong in B; the reverse */
    double right[2];
    double sum, squares; /* of the differences of log-likelihoods */
} summary;

typedef struct {
    json_t *items[2]; /* arrays */
    pair *pairs;
    int n, alone; /* items in both files, in one only */
    summary tasks[TASKS];
    int n_tasks;
} comparison;

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static const char *task_of(const json_t *item)
{
    const char *task = json_string_value(json_object_get(item, "task"));
    return task ? task : "";
}

/* "TASK ID"; NULL: no item. */
static const char *key_of(const json_t *item, char out[120])
{
    const json_t *id = json_object_get(item, "doc_id");
    if (!json_is_integer(id)) return NULL;
    snprintf(out, 120, "%.80s %lld", task_of(item), (long long)json_integer_value(id));
    return out;
}

/* The log-likelihood of the right request: [[x, greedy], ...], or texts, as of lm-evaluation-harness. NaN: none. */
static double likelihood_of(const json_t *item)
{
    const json_t *list = json_object_get(item, "filtered_resps"), *target = json_object_get(item, "target");
    const size_t at = json_is_integer(target) ? (size_t)json_integer_value(target) : 0;
    const json_t *one = json_array_get(json_array_get(list, at < json_array_size(list) ? at : 0), 0);
    if (json_is_string(one)) return strtod(json_string_value(one), NULL);
    return json_is_number(one) ? json_number_value(one) : NAN;
}

static int read_items(json_t **out, const char *path)
{
    char *text, key[120];
    size_t bytes;
    if (wkv_file_read(&text, &bytes, path)) return complain_library();
    *out = json_array();
    int status = 0, number = 1;
    for (char *line = text, *end; *line && !status; line = end, number++) {
        const size_t n = strcspn(line, "\n");
        end = line + n + (line[n] == '\n');
        if (strspn(line, " \t\r\n") >= n) continue;
        json_error_t why;
        json_t *item = json_loadb(line, n, JSON_ALLOW_NUL, &why);
        if (!item)
            status = complain("%s, line %d: not JSON (%s); expected a file of wkv eval --out", path, number, why.text);
        else if (json_is_number(json_object_get(item, "bits_per_byte")))
            status = complain("%s, line %d: a text, which is neither right nor wrong; --diff compares tasks", path,
                              number);
        else if (!key_of(item, key) || !json_is_number(json_object_get(item, "acc")) || !isfinite(likelihood_of(item)))
            status =
                complain("%s, line %d: no item with \"doc_id\", \"acc\" and \"filtered_resps\"; expected a file of wkv "
                         "eval --out",
                         path, number);
        if (item && !status) json_array_append(*out, item);
        json_decref(item);
    }
    free(text);
    if (!status && !json_array_size(*out)) status = complain("%s: has no items", path);
    return status;
}

/* ---- pairing ----------------------------------------------------------------------------------------------------- */

static summary *summary_of(comparison *c, const char *task)
{
    for (int i = 0; i < c->n_tasks; i++)
        if (!strcmp(c->tasks[i].task, task)) return &c->tasks[i];
    if (c->n_tasks == TASKS) return NULL;
    c->tasks[c->n_tasks] = (summary){.task = task};
    return &c->tasks[c->n_tasks++];
}

static double acc_of(const json_t *item) { return json_number_value(json_object_get(item, "acc")); }

static int add_pair(comparison *c, json_t *a, json_t *b)
{
    const double before = acc_of(a), after = acc_of(b), change = likelihood_of(b) - likelihood_of(a);
    summary *s = summary_of(c, task_of(a));
    if (!s) return complain("more than %d tasks in one file", TASKS);
    if (!json_equal(json_object_get(a, "doc"), json_object_get(b, "doc")))
        return complain("item %lld of %s is not the same in both files; compare results on the same data",
                        (long long)json_integer_value(json_object_get(a, "doc_id")), task_of(a));
    s->n++;
    s->worse += before > after;
    s->better += after > before;
    s->right[0] += before;
    s->right[1] += after;
    s->sum += change;
    s->squares += change * change;
    c->pairs[c->n++] = (pair){a, b, change};
    return 0;
}

static int pair_items(comparison *c)
{
    json_t *index = json_object(), *item;
    size_t i;
    char key[120];
    int status = 0;
    json_array_foreach(c->items[0], i, item) json_object_set(index, key_of(item, key), item);
    c->pairs = calloc(json_array_size(c->items[1]) + 1, sizeof *c->pairs);
    if (!c->pairs) status = complain("out of memory");
    json_array_foreach(c->items[1], i, item)
    {
        json_t *a = json_object_get(index, key_of(item, key));
        if (status) break;
        if (!a) {
            c->alone++;
            continue;
        }
        status = add_pair(c, a, item);
        json_object_del(index, key);
    }
    c->alone += (int)json_object_size(index);
    json_decref(index);
    if (!status && !c->n) status = complain("the files have no item in common (\"task\" and \"doc_id\")");
    return status;
}

static int by_change(const void *x, const void *y)
{
    const double a = fabs(((const pair *)x)->change), b = fabs(((const pair *)y)->change);
    return (a < b) - (a > b);
}

/* ---- printing ---------------------------------------------------------------------------------------------------- */

/* The standard error of the mean difference of log-likelihoods. */
static double error_of(const summary *s)
{
    const double mean = s->sum / s->n;
    return s->n > 1 ? sqrt(fmax(s->squares - s->n * mean * mean, 0) / (s->n - 1) / s->n) : NAN;
}

static void print_summary(const summary *s)
{
    put_text("%-14.14s %7d %7.2f %7.2f %8d %8d %9.3g %+11.4f", s->task, s->n, 100 * s->right[0] / s->n,
             100 * s->right[1] / s->n, s->worse, s->better, wkv_mcnemar(s->worse, s->better), s->sum / s->n);
    if (s->n > 1)
        put_text(" %8.4f\n", error_of(s));
    else
        put_text(" %8s\n", "-");
}

static void print_pair(const pair *p)
{
    char *doc = json_dumps(json_object_get(p->a, "doc"), JSON_COMPACT), line[400];
    columns_cut(line, sizeof line, doc ? doc : "", 60);
    free(doc);
    put_text("%-14.14s %7lld %+9.3f  %s -> %s  %s\n", task_of(p->a),
             (long long)json_integer_value(json_object_get(p->a, "doc_id")), p->change,
             acc_of(p->a) > 0 ? "right" : "wrong", acc_of(p->b) > 0 ? "right" : "wrong", line);
}

static void print(const comparison *c, const char *a, const char *b)
{
    put_text("A: %s\nB: %s\n\n", a, b);
    put_text("%s%-14s %7s %7s %7s %8s %8s %9s %11s %8s%s\n", bold(1), "task", "items", "acc A", "acc B", "to wrong",
             "to right", "McNemar p", "mean change", "stderr", plain(1));
    for (int i = 0; i < c->n_tasks; i++) print_summary(&c->tasks[i]);
    put_text("\n%sLargest changes of the log-likelihood of the right answer, nats%s\n", bold(1), plain(1));
    for (int i = 0; i < c->n && i < MOVED; i++) print_pair(&c->pairs[i]);
    if (c->alone) note("%d items are in one of the files only", c->alone);
}

static int print_json(const comparison *c, const char *a, const char *b)
{
    json_t *tasks = json_array(), *moved = json_array(), *all;
    for (int i = 0; i < c->n_tasks; i++) {
        const summary *s = &c->tasks[i];
        json_array_append_new(tasks,
                              json_pack("{s:s s:i s:[f,f] s:i s:i s:f s:f s:o}", "task", s->task, "items", s->n, "acc",
                                        s->right[0] / s->n, s->right[1] / s->n, "to_wrong", s->worse, "to_right",
                                        s->better, "mcnemar_p", wkv_mcnemar(s->worse, s->better), "mean_change",
                                        s->sum / s->n, "stderr", s->n > 1 ? json_real(error_of(s)) : json_null()));
    }
    for (int i = 0; i < c->n && i < MOVED; i++)
        json_array_append_new(moved, json_pack("{s:s s:O s:f s:O}", "task", task_of(c->pairs[i].a), "doc_id",
                                               json_object_get(c->pairs[i].a, "doc_id"), "change", c->pairs[i].change,
                                               "doc", json_object_get(c->pairs[i].a, "doc")));
    all = json_pack("{s:[s,s] s:i s:o s:o}", "files", a, b, "only_in_one", c->alone, "tasks", tasks, "moved", moved);
    char *text = json_dumps(all, JSON_INDENT(2));
    json_decref(all);
    if (!text) return complain("the comparison cannot be written as JSON: a name is not UTF-8");
    put_text("%s\n", text);
    free(text);
    return 0;
}

int eval_diff(const char *a, const char *b, int as_json)
{
    comparison c = {0};
    int status = read_items(&c.items[0], a);
    if (!status) status = read_items(&c.items[1], b);
    if (!status) status = pair_items(&c);
    if (!status) {
        qsort(c.pairs, (size_t)c.n, sizeof *c.pairs, by_change);
        if (as_json)
            status = print_json(&c, a, b);
        else
            print(&c, a, b);
    }
    free(c.pairs);
    json_decref(c.items[0]);
    json_decref(c.items[1]);
    return status;
}
