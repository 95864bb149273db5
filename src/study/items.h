/* items.h - a list of items, made of a file of questions, of documents, or of needles. */
#ifndef WKV_STUDY_ITEMS_H
#define WKV_STUDY_ITEMS_H

#include "study/chunks.h"
#include "study/task.h"

struct wkv_items {
    wkv_item *list;
    int count, capacity;
    chunks memory; /* of all that items and requests point to */
    const char **groups;
    int n_groups, groups_capacity;
    const char *metrics[TASK_WORDS];
};

/* A new list; metrics: NULL-terminated. NULL after fail(). */
wkv_items *items_new(const char *const *metrics);
/* Append an item with n requests, all zero. NULL after fail(). */
wkv_item *items_add(wkv_items *s, int n);
/* Set the document of an item; NULL, for want of memory, is WKV_ENOMEM too. */
int items_set_doc(wkv_items *s, wkv_item *q, const json_t *doc);
/* Set the group of an item. WKV_ENOMEM */
int items_set_group(wkv_items *s, wkv_item *q, const char *group);

/* The ids of a text, with `before` ids left free in front. Returns their number without these, or a negative code. */
int items_encode(int32_t **ids, wkv_items *s, const wkv_tokenizer *words, const char *text, size_t bytes, int before);

/* WKV_EARG: a request's id is not one of the model's. */
int items_check_ids(const wkv_item *q, const wkv_model *m);

/* Encode a request under the task's rule (encode.c). The context of `before`, another request of the item, is taken if
 * it is the same text; NULL: none. */
typedef struct {
    const char *context, *choice;
} item_text;
int items_encode_request(wkv_items *s, wkv_request *r, const wkv_request *before, const wkv_task *t,
                         const char *delimiter, const item_text *text, const wkv_model *m, const wkv_tokenizer *words);

#endif
