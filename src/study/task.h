/* task.h - the description of a task, as JSON.
 *
 *   name, title, source   words; the address of the data
 *   file                  names of the file of items, without extension
 *   description           pattern of the text before everything
 *   context               pattern, or a list of patterns, one per choice
 *   context_filter        filters for the finished context
 *   choices               list of patterns, or "{FIELD}" with a list; or
 *   target                pattern of the only continuation, or of the one that follows each context
 *   answer                pattern; the text of the right choice in `labels`
 *   labels                list of patterns, or "{FIELD}" with a list; missing: "0", "1", ...
 *   delimiter             text between a context and a continuation; missing: " "
 *   group                 pattern of the group's name
 *   shots_by_group        true: examples are of the item's group
 *   single_token          true: each continuation must be one id
 *   metrics               list: "acc", "acc_norm", "perplexity", "greedy"; missing: acc, and acc_norm with choices
 *   rules                 list of the rules; missing: harness-0.4, harness-0.3, chatrwkv
 *   forms                 list of objects {"has": FIELD, other keys}: the first with a field of the item replaces keys
 *   RULE                  object of keys that this rule replaces
 *
 * A key is looked up in the form of the item, the object of the rule, and the description, in this order. */
#ifndef WKV_STUDY_TASK_H
#define WKV_STUDY_TASK_H

#include <jansson.h>
#include "wkv_task.h"

typedef enum { RULE_HARNESS_4, RULE_HARNESS_3, RULE_CHATRWKV, RULE_BLINKDL, RULES } task_rule;

enum { TASK_WORDS = 16 };

struct wkv_task {
    json_t *description;
    char *text;
    task_rule rule;
    wkv_task_info about;
    const char *rules[TASK_WORDS], *files[TASK_WORDS], *metrics[TASK_WORDS];
};

/* The value of a key for an item; NULL: missing. */
const json_t *task_get(const wkv_task *t, const json_t *item, const char *key);
/* The same of a text; NULL: missing. */
const char *task_text(const wkv_task *t, const json_t *item, const char *key);

/* The text of a built-in description; NULL: there is none with this name. */
const char *task_builtin(const char *name);

#endif
