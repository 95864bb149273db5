/* task.c - open the description of a task and check its keys. */
#include "study/task.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "study/pattern.h"
#include <stdlib.h>
#include <string.h>

static const char *const rule_names[RULES] = {"harness-0.4", "harness-0.3", "chatrwkv", "blinkdl"};

const char *wkv_task_rule_name(int i) { return i >= 0 && i < RULES ? rule_names[i] : NULL; }

static int find_rule(const char *name)
{
    int i = 0;
    while (i < RULES && strcmp(rule_names[i], name)) i++;
    return i;
}

/* ---- looking up -------------------------------------------------------------------------------------------------- */

static const json_t *form_of(const wkv_task *t, const json_t *item)
{
    size_t i;
    json_t *form;
    json_array_foreach(json_object_get(t->description, "forms"), i,
                       form) if (json_object_get(item, json_string_value(json_object_get(form, "has")))) return form;
    return NULL;
}

const json_t *task_get(const wkv_task *t, const json_t *item, const char *key)
{
    const json_t *value = item ? json_object_get(form_of(t, item), key) : NULL;
    if (!value) value = json_object_get(json_object_get(t->description, rule_names[t->rule]), key);
    return value ? value : json_object_get(t->description, key);
}

const char *task_text(const wkv_task *t, const json_t *item, const char *key)
{
    return json_string_value(task_get(t, item, key));
}

/* ---- checking ---------------------------------------------------------------------------------------------------- */

typedef enum { KEY_WORD, KEY_PATTERN, KEY_FILTERS, KEY_PATTERNS, KEY_WORDS, KEY_SWITCH, KEY_FORMS } key_kind;

static const struct {
    const char *name;
    key_kind kind;
} keys[] = {
    {"name", KEY_WORD},
    {"title", KEY_WORD},
    {"source", KEY_WORD},
    {"file", KEY_WORDS},
    {"description", KEY_PATTERN},
    {"context", KEY_PATTERNS},
    {"context_filter", KEY_FILTERS},
    {"choices", KEY_PATTERNS},
    {"target", KEY_PATTERN},
    {"answer", KEY_PATTERN},
    {"labels", KEY_PATTERNS},
    {"delimiter", KEY_WORD},
    {"group", KEY_PATTERN},
    {"shots_by_group", KEY_SWITCH},
    {"single_token", KEY_SWITCH},
    {"metrics", KEY_WORDS},
    {"rules", KEY_WORDS},
    {"forms", KEY_FORMS},
};
enum { KEYS = sizeof keys / sizeof *keys };

static int check_filters(const char *list)
{
    char pattern[512];
    if (!*list) return 0;
    if (snprintf(pattern, sizeof pattern, "{x|%s}", list) >= (int)sizeof pattern)
        return fail(WKV_EFORMAT, "filters of %zu bytes; at most 500", strlen(list));
    return pattern_check(pattern);
}

static int check_list(const json_t *list, key_kind kind)
{
    size_t i;
    json_t *element;
    if (!json_array_size(list) || json_array_size(list) >= TASK_WORDS)
        return fail(WKV_EFORMAT, "a list of %zu; 1 to %d are expected", json_array_size(list), TASK_WORDS - 1);
    json_array_foreach((json_t *)(uintptr_t)list, i, element)
    {
        if (!json_is_string(element)) return fail(WKV_EFORMAT, "not a list of strings");
        const int err = kind == KEY_PATTERNS ? pattern_check(json_string_value(element)) : 0;
        if (err) return err;
    }
    return 0;
}

static int check_object(const json_t *object, int inner);

static int check_forms(const json_t *list)
{
    size_t i;
    json_t *form;
    if (!json_is_array(list)) return fail(WKV_EFORMAT, "not a list of objects");
    json_array_foreach((json_t *)(uintptr_t)list, i, form)
    {
        if (!json_is_string(json_object_get(form, "has")))
            return fail(WKV_EFORMAT, "form %zu has no string \"has\", the field that selects it", i + 1);
        const int err = check_object(form, 1);
        if (err) return err;
    }
    return 0;
}

static int check_value(const json_t *value, key_kind kind, int inner)
{
    const char *text = json_string_value(value);
    if (text && strlen(text) != json_string_length(value)) return fail(WKV_EFORMAT, "has a NUL character");
    switch (kind) {
    case KEY_WORD: return text ? 0 : fail(WKV_EFORMAT, "not a string");
    case KEY_PATTERN: return text ? pattern_check(text) : fail(WKV_EFORMAT, "not a string");
    case KEY_FILTERS: return text ? check_filters(text) : fail(WKV_EFORMAT, "not a string");
    case KEY_PATTERNS: return text ? pattern_check(text) : check_list(value, kind);
    case KEY_WORDS: return check_list(value, kind);
    case KEY_SWITCH: return json_is_boolean(value) ? 0 : fail(WKV_EFORMAT, "neither true nor false");
    case KEY_FORMS: return inner ? fail(WKV_EFORMAT, "inside another object") : check_forms(value);
    }
    return 0;
}

/* inner: the object of a rule or of a form. */
static int check_object(const json_t *object, int inner)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object)) return fail(WKV_EFORMAT, "not an object");
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        int i = 0, err;
        while (i < KEYS && strcmp(keys[i].name, key)) i++;
        if (i < KEYS)
            err = check_value(value, keys[i].kind, inner);
        else if (!inner && find_rule(key) < RULES)
            err = check_object(value, 1);
        else if (inner && !strcmp(key, "has"))
            err = 0;
        else
            return fail(WKV_EFORMAT, "unknown key \"%.60s\"", key);
        if (err) return fail_prefix(err, "\"%.60s\"", key);
    }
    return 0;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static void copy_words(const char **out, const json_t *list)
{
    size_t i;
    json_t *word;
    json_array_foreach((json_t *)(uintptr_t)list, i, word) out[i] = json_string_value(word);
}

static int has_word(const char *const *list, const char *word)
{
    for (; *list; list++)
        if (!strcmp(*list, word)) return 1;
    return 0;
}

static int check_metrics(const char *const *list)
{
    for (; *list; list++)
        if (!has_word((const char *const[]){"acc", "acc_norm", "perplexity", "greedy", NULL}, *list))
            return fail(WKV_EFORMAT, "no metric \"%.40s\"; there are acc, acc_norm, perplexity and greedy", *list);
    return 0;
}

/* The metrics under the chosen rule. */
static int find_metrics(wkv_task *t)
{
    static const char *const acc[] = {"acc", "acc_norm"};
    copy_words(t->metrics, task_get(t, NULL, "metrics"));
    if (!*t->metrics)
        for (int i = 0; i < (task_get(t, NULL, "target") ? 1 : 2); i++) t->metrics[i] = acc[i];
    return check_metrics(t->metrics);
}

static int find_words(wkv_task *t)
{
    copy_words(t->rules, json_object_get(t->description, "rules"));
    if (!*t->rules) {
        int n = 0;
        for (int i = 0; i < RULES; i++)
            if (i != RULE_BLINKDL || json_object_get(t->description, rule_names[i])) t->rules[n++] = rule_names[i];
    }
    for (int i = 0; t->rules[i]; i++)
        if (find_rule(t->rules[i]) == RULES) return fail(WKV_EFORMAT, "no rule \"%.40s\"", t->rules[i]);
    copy_words(t->files, json_object_get(t->description, "file"));
    return 0;
}

static int choose_rule(wkv_task *t, const char *rule)
{
    char list[100] = "";
    size_t used = 0;
    for (int i = 0; t->rules[i] && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", t->rules[i]);
    const char *name = rule ? rule : t->rules[0];
    if (find_rule(name) == RULES)
        return fail(WKV_EARG, "no rule '%.40s'; there are harness-0.4, harness-0.3, chatrwkv and blinkdl", name);
    if (!has_word(t->rules, name))
        return fail(WKV_EARG, "task %s has no rule %s; it has %s", t->about.name, name, list);
    t->rule = (task_rule)find_rule(name);
    return 0;
}

static int check_whole(const wkv_task *t)
{
    const json_t *forms = json_object_get(t->description, "forms"), *contexts = task_get(t, NULL, "context");
    if (forms) return 0; /* each item shows the error */
    if (!contexts) return fail(WKV_EFORMAT, "no \"context\"");
    if (!task_get(t, NULL, "choices") && !task_get(t, NULL, "target"))
        return fail(WKV_EFORMAT, "neither \"choices\" nor \"target\"");
    if (task_get(t, NULL, "choices") && task_get(t, NULL, "target"))
        return fail(WKV_EFORMAT, "\"choices\" and \"target\"; give one");
    if ((task_get(t, NULL, "choices") || json_is_array(contexts)) && !task_get(t, NULL, "answer"))
        return fail(WKV_EFORMAT, "several choices, but no \"answer\"");
    return 0;
}

static int open_text(wkv_task *t, const char *text, size_t bytes, const char *rule)
{
    int err = json_read(&t->description, text, bytes, 0);
    if (!err) err = check_object(t->description, 0);
    if (err) return err;
    t->about.name = json_string_value(json_object_get(t->description, "name"));
    if (!t->about.name || !*t->about.name) return fail(WKV_EFORMAT, "no \"name\"");
    if (!(t->text = json_text(t->description, JSON_INDENT(2)))) return fail(WKV_ENOMEM, "no memory for a description");
    const char *title = json_string_value(json_object_get(t->description, "title")),
               *source = json_string_value(json_object_get(t->description, "source"));
    t->about.title = title ? title : t->about.name;
    t->about.source = source ? source : "";
    t->about.text = t->text;
    err = find_words(t);
    if (!err) err = choose_rule(t, rule);
    if (!err) err = find_metrics(t);
    t->about.rule = rule_names[t->rule];
    t->about.rules = t->rules;
    t->about.files = t->files;
    t->about.metrics = t->metrics;
    return err ? err : check_whole(t);
}

static int unknown_task(const char *name)
{
    char list[400] = "";
    size_t used = 0;
    const char *one;
    for (int i = 0; (one = wkv_task_name(i)) && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", one);
    return fail(WKV_EARG, "no task '%.60s'; there are %s, or the path of a description (.json)", name, list);
}

int wkv_task_open(wkv_task **out, const char *name, const char *rule)
{
    REQUIRE(out, "the place for the task");
    *out = NULL;
    REQUIRE(name, "the name of the task");
    wkv_task *t = calloc(1, sizeof *t);
    if (!t) return fail(WKV_ENOMEM, "no memory for a task");
    const char *builtin = task_builtin(name);
    int err;
    if (builtin)
        err = open_text(t, builtin, strlen(builtin), rule);
    else if (*name == '{')
        err = open_text(t, name, strlen(name), rule);
    else if (!strchr(name, '/') && !path_has_extension(name, ".json"))
        err = unknown_task(name);
    else {
        char *text;
        size_t bytes;
        err = file_slurp(&text, &bytes, name);
        if (!err) {
            err = open_text(t, text, bytes, rule);
            if (err == WKV_EFORMAT) fail_prefix(err, "%s", name);
            free(text);
        }
    }
    if (err)
        wkv_task_close(t);
    else
        *out = t;
    return err;
}

void wkv_task_close(wkv_task *t)
{
    if (!t) return;
    json_decref(t->description);
    free(t->text);
    free(t);
}

const wkv_task_info *wkv_task_about(const wkv_task *t) { return t ? &t->about : NULL; }
