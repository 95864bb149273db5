/* items_task.c - the items of a task: its patterns filled with the objects of a file. */
#include "base/error.h"
#include "base/stream.h"
#include "study/items.h"
#include "study/pattern.h"
#include "train/documents.h"
#include <stdlib.h>
#include <string.h>

/* ---- one question ------------------------------------------------------------------------------------------------ */

typedef struct {
    char **contexts, **choices;
    int n_contexts, n_choices, right;
    char *description, *group;
    const char *delimiter;
} question;

static void question_release(question *q)
{
    pattern_free_list(q->contexts, q->n_contexts);
    pattern_free_list(q->choices, q->n_choices);
    free(q->description);
    free(q->group);
    *q = (question){0};
}

/* A list of patterns, or one that is a list, or with `single` one text. NULL: nothing. */
static int fill_list(char ***out, int *n, const json_t *value, const json_t *item, int single)
{
    const char *pattern = json_string_value(value);
    *n = 0;
    if (pattern && !single) return pattern_list(out, n, pattern, item);
    const int count = pattern ? 1 : (int)json_array_size(value);
    if (!(*out = calloc((size_t)count + 1, sizeof **out))) return fail(WKV_ENOMEM, "no memory for an item");
    for (int err; *n < count; ++*n)
        if ((err = pattern_fill(&(*out)[*n], pattern ? pattern : json_string_value(json_array_get(value, (size_t)*n)),
                                item)))
            return err;
    return 0;
}

static int list_labels(char ***out, int *n, const json_t *labels, int choices, const json_t *item)
{
    if (labels) return fill_list(out, n, labels, item, 0);
    char text[16];
    if (!(*out = calloc((size_t)choices + 1, sizeof **out))) return fail(WKV_ENOMEM, "no memory for an item");
    for (*n = 0; *n < choices; ++*n) {
        snprintf(text, sizeof text, "%d", *n);
        if (!((*out)[*n] = strdup(text))) return fail(WKV_ENOMEM, "no memory for an item");
    }
    return 0;
}

/* The index of the answer among the labels. */
static int find_right(question *q, const wkv_task *t, const json_t *item, int choices)
{
    char **labels = NULL, *answer = NULL, list[200] = "";
    int n = 0;
    size_t used = 0;
    const char *pattern = task_text(t, item, "answer");
    if (!pattern) return choices == 1 ? 0 : fail(WKV_EFORMAT, "%d choices, but no \"answer\"", choices);
    int err = pattern_fill(&answer, pattern, item);
    if (!err) err = list_labels(&labels, &n, task_get(t, item, "labels"), choices, item);
    if (!err && n != choices) err = fail(WKV_EFORMAT, "%d choices, but %d labels", choices, n);
    for (q->right = 0; !err && q->right < n && strcmp(labels[q->right], answer);) q->right++;
    if (!err && q->right == n) {
        for (int i = 0; i < n && used < sizeof list; i++)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", labels[i]);
        err = fail(WKV_EFORMAT, "the answer is '%.40s', expected one of %s", answer, list);
    }
    pattern_free_list(labels, n);
    free(answer);
    return err;
}

/* A pattern that may be missing: "". */
static int fill_optional(char **out, const wkv_task *t, const json_t *item, const char *key)
{
    const char *pattern = task_text(t, item, key);
    return pattern_fill(out, pattern ? pattern : "", item);
}

static int question_read(question *q, const wkv_task *t, const json_t *item)
{
    const json_t *contexts = task_get(t, item, "context"), *choices = task_get(t, item, "choices"),
                 *target = task_get(t, item, "target");
    const char *filters = task_text(t, item, "context_filter"), *delimiter = task_text(t, item, "delimiter");
    q->delimiter = delimiter ? delimiter : " ";
    if (!json_is_object(item)) return fail(WKV_EFORMAT, "not an object");
    if (!contexts || !(choices || target))
        return fail(WKV_EFORMAT, "the description has no context or no choices for it");
    int err = fill_list(&q->contexts, &q->n_contexts, contexts, item, 1);
    for (int i = 0; !err && filters && i < q->n_contexts; i++) err = pattern_filter(&q->contexts[i], filters);
    if (!err) err = fill_list(&q->choices, &q->n_choices, choices ? choices : target, item, !choices);
    if (!err && (q->n_choices < 1 || q->n_contexts < 1)) err = fail(WKV_EFORMAT, "the list of choices is empty");
    if (!err && q->n_contexts > 1 && q->n_choices > 1 && q->n_contexts != q->n_choices)
        err = fail(WKV_EFORMAT, "%d contexts and %d choices", q->n_contexts, q->n_choices);
    if (!err) err = fill_optional(&q->description, t, item, "description");
    if (!err) err = fill_optional(&q->group, t, item, "group");
    return err ? err : find_right(q, t, item, q->n_contexts > q->n_choices ? q->n_contexts : q->n_choices);
}

static const char *context_at(const question *q, int i) { return q->contexts[q->n_contexts > 1 ? i : 0]; }
static const char *choice_at(const question *q, int i) { return q->choices[q->n_choices > 1 ? i : 0]; }

/* ---- examples ---------------------------------------------------------------------------------------------------- */

typedef struct {
    char *group;
    stream text;
    int n;
} examples;

typedef struct {
    wkv_items *s;
    const wkv_task *t;
    const wkv_model *m;
    const wkv_tokenizer *words;
    const wkv_items_options *o;
    examples *shots; /* one list, or one of each group */
    int n_shots, only_examples;
    int64_t index, used;
} reader;

/* The examples for a question, which are created if they are missing. NULL after fail(). */
static examples *examples_of(reader *r, const char *group)
{
    const json_t *by_group = task_get(r->t, NULL, "shots_by_group");
    if (!json_is_true(by_group)) group = "";
    for (int i = r->n_shots; i-- > 0;)
        if (!strcmp(r->shots[i].group, group)) return &r->shots[i];
    examples *more = realloc(r->shots, sizeof *more * (size_t)(r->n_shots + 1));
    char *copy = strdup(group);
    if (more) r->shots = more;
    if (more && copy) {
        r->shots[r->n_shots] = (examples){.group = copy};
        return &r->shots[r->n_shots++];
    }
    free(copy);
    fail(WKV_ENOMEM, "no memory for examples");
    return NULL;
}

static int add_example(examples *e, const question *q)
{
    const char *parts[] = {context_at(q, q->right), q->delimiter, choice_at(q, q->right), "\n\n"};
    for (int i = 0; i < 4; i++)
        if (stream_put(&e->text, parts[i], strlen(parts[i]))) return fail(WKV_ENOMEM, "no memory for examples");
    e->n++;
    return 0;
}

/* ---- items ------------------------------------------------------------------------------------------------------- */

static int add_request(reader *r, wkv_item *item, int i, const question *q, const examples *e)
{
    stream context = {0};
    const char *parts[] = {q->description, e && e->text.text ? e->text.text : "", context_at(q, i)};
    for (int k = 0; k < 3; k++) stream_put(&context, parts[k], strlen(parts[k]));
    int err = context.lost ? fail(WKV_ENOMEM, "no memory for a context") : 0;
    if (!err)
        err = items_encode_request(r->s, &item->requests[i], i ? &item->requests[i - 1] : NULL, r->t, q->delimiter,
                                   &(item_text){context.text ? context.text : "", choice_at(q, i)}, r->m, r->words);
    if (!err && item->requests[i].n != 1 && json_is_true(task_get(r->t, NULL, "single_token")))
        err = fail(WKV_EFORMAT, "the choice '%s' is %d tokens, and the task compares single ones",
                   item->requests[i].continuation, item->requests[i].n);
    free(context.text);
    return err;
}

static int add_item(reader *r, const json_t *object, const question *q, const examples *e)
{
    const int n = q->n_contexts > q->n_choices ? q->n_contexts : q->n_choices;
    wkv_item *item = items_add(r->s, n);
    if (!item) return WKV_ENOMEM;
    item->index = r->index;
    item->right = q->right;
    int err = items_set_doc(r->s, item, object);
    if (!err) err = items_set_group(r->s, item, q->group);
    for (int i = 0; i < n && !err; i++) err = add_request(r, item, i, q, e);
    return err ? err : items_check_ids(item, r->m);
}

/* An example, or an item. */
static int read_object(void *user, const json_t *object)
{
    reader *r = user;
    const int outside = !r->only_examples && (r->index < r->o->skip || (r->o->limit && r->s->count >= r->o->limit));
    question q = {0};
    if (outside) return r->index++, 0;
    int err = question_read(&q, r->t, object);
    examples *e = !err && r->o->shots ? examples_of(r, q.group) : NULL;
    if (!err && r->o->shots && !e) err = WKV_ENOMEM;
    if (!err && e && e->n < r->o->shots && (r->only_examples || !r->o->shots_from))
        err = add_example(e, &q);
    else if (!err && e && e->n < r->o->shots)
        err = fail(WKV_EARG, "%s has %d examples%s%s, fewer than %d", r->o->shots_from, e->n, *q.group ? " of " : "",
                   q.group, r->o->shots);
    else if (!err && !r->only_examples)
        err = add_item(r, object, &q, e);
    question_release(&q);
    r->index++;
    return err;
}

static int refuse_text(void *user, const char *text, size_t bytes)
{
    (void)user, (void)text, (void)bytes;
    return fail(WKV_EFORMAT, "is plain text; items are objects of a .jsonl or .json, or rows of a .csv or .tsv");
}

static int read_file(reader *r, const char *path, int only_examples)
{
    r->only_examples = only_examples;
    r->index = 0;
    return documents_of_file(path, &(document_reader){refuse_text, read_object, r});
}

int wkv_items_read(wkv_items **out, const wkv_task *t, const char *path, const wkv_model *m, const wkv_tokenizer *words,
                   const wkv_items_options *o)
{
    REQUIRE(out, "the place for the items");
    *out = NULL;
    REQUIRE(t, "the task");
    REQUIRE(path, "the path");
    REQUIRE(m, "the model");
    REQUIRE(words, "the tokenizer");
    const wkv_items_options none = {0};
    reader r = {.t = t, .m = m, .words = words, .o = o ? o : &none};
    if (r.o->skip < 0 || r.o->limit < 0 || r.o->shots < 0)
        return fail(WKV_EARG, "wkv_items_read: skip %d, limit %d, shots %d; none may be negative", r.o->skip,
                    r.o->limit, r.o->shots);
    if (!(r.s = items_new(t->metrics))) return WKV_ENOMEM;
    int err = r.o->shots && r.o->shots_from ? read_file(&r, r.o->shots_from, 1) : 0;
    if (!err) err = read_file(&r, path, 0);
    if (!err && !r.s->count)
        err = fail(WKV_EARG, "%s: none of its %lld items is left to evaluate", path, (long long)r.index);
    for (int i = 0; i < r.n_shots; i++) {
        free(r.shots[i].group);
        free(r.shots[i].text.text);
    }
    free(r.shots);
    if (err)
        wkv_items_free(r.s);
    else
        *out = r.s;
    return err;
}
