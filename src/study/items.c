/* items.c - the list of items and its memory. */
#include "study/items.h"
#include "base/error.h"
#include "base/json.h"
#include <stdlib.h>
#include <string.h>

wkv_items *items_new(const char *const *metrics)
{
    wkv_items *s = calloc(1, sizeof *s);
    if (!s) fail(WKV_ENOMEM, "no memory for a list of items");
    for (int i = 0; s && metrics[i]; i++)
        if (!(s->metrics[i] = chunks_text(&s->memory, metrics[i], strlen(metrics[i])))) {
            wkv_items_free(s);
            return NULL;
        }
    return s;
}

void wkv_items_free(wkv_items *s)
{
    if (!s) return;
    chunks_release(&s->memory);
    free(s->groups);
    free(s->list);
    free(s);
}

wkv_item *items_add(wkv_items *s, int n)
{
    if (s->count == s->capacity) {
        const int capacity = s->capacity ? 2 * s->capacity : 256;
        wkv_item *more = realloc(s->list, sizeof *more * (size_t)capacity);
        if (!more) {
            fail(WKV_ENOMEM, "no memory for %d items", capacity);
            return NULL;
        }
        s->list = more;
        s->capacity = capacity;
    }
    wkv_request *requests = chunks_alloc(&s->memory, sizeof *requests * (size_t)n);
    if (!requests) return NULL;
    s->list[s->count] = (wkv_item){.doc = "{}", .group = "", .n = n, .requests = requests};
    return &s->list[s->count++];
}

int items_set_doc(wkv_items *s, wkv_item *q, const json_t *doc)
{
    char *text = doc ? json_text(doc, JSON_COMPACT) : NULL;
    if (!text) return fail(WKV_ENOMEM, "no memory for an item");
    q->doc = chunks_text(&s->memory, text, strlen(text));
    free(text);
    return q->doc ? 0 : WKV_ENOMEM;
}

int items_set_group(wkv_items *s, wkv_item *q, const char *group)
{
    if (!*group) return 0;
    for (int i = s->n_groups; i-- > 0;) /* the last one is the likely one */
        if (!strcmp(s->groups[i], group)) {
            q->group = s->groups[i];
            return 0;
        }
    if (s->n_groups == s->groups_capacity) {
        const int capacity = s->groups_capacity ? 2 * s->groups_capacity : 64;
        const char **more = realloc(s->groups, sizeof *more * (size_t)capacity);
        if (!more) return fail(WKV_ENOMEM, "no memory for %d groups", capacity);
        s->groups = more;
        s->groups_capacity = capacity;
    }
    const char *copy = chunks_text(&s->memory, group, strlen(group));
    if (!copy) return WKV_ENOMEM;
    q->group = s->groups[s->n_groups++] = copy;
    return 0;
}

int items_check_ids(const wkv_item *q, const wkv_model *m)
{
    const int V = wkv_model_about(m)->vocab;
    for (int i = 0; i < q->n; i++) {
        const wkv_request *r = &q->requests[i];
        for (int k = 0; k < r->n_context + r->n; k++) {
            const int32_t id = k < r->n_context ? r->context_ids[k] : r->ids[k - r->n_context];
            if (id < 0 || id >= V)
                return fail(WKV_EARG, "the vocabulary gives id %d; the model's ids are 0 to %d", (int)id, V - 1);
        }
    }
    return 0;
}

int wkv_items_count(const wkv_items *s) { return s ? s->count : 0; }
wkv_item *wkv_items_at(wkv_items *s, int i) { return s && i >= 0 && i < s->count ? &s->list[i] : NULL; }
const char *wkv_items_group(const wkv_items *s, int i) { return s && i >= 0 && i < s->n_groups ? s->groups[i] : NULL; }
