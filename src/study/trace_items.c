/* trace_items.c - a file of prompts to trace: ROME's known_1000.json and others of its form. */
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "train/documents.h"
#include "wkv_trace.h"

struct wkv_trace_file {
    json_t *objects; /* of the file; the prompts borrow their strings */
    wkv_trace_prompt *list;
    int n, capacity;
};

static int text_of(const char **out, const json_t *object, const char *field)
{
    const json_t *text = json_object_get(object, field);
    *out = json_string_value(text);
    if (!*out || !**out) return fail(WKV_EFORMAT, "\"%s\" is missing or is no text", field);
    if (strlen(*out) == json_string_length(text)) return 0;
    return fail(WKV_EFORMAT, "\"%s\" has a zero byte", field);
}

static int add(void *user, const json_t *object)
{
    wkv_trace_file *f = user;
    wkv_trace_prompt p;
    json_t *copy = json_deep_copy(object); /* the reader frees its own */
    if (!copy || json_array_append_new(f->objects, copy)) return fail(WKV_ENOMEM, "no memory for a prompt");
    int err = text_of(&p.prompt, copy, "prompt");
    if (!err) err = text_of(&p.subject, copy, "subject");
    if (!err) err = text_of(&p.attribute, copy, "attribute");
    if (err) return err;
    const char *at = strstr(p.prompt, p.subject);
    if (!at) return fail(WKV_EFORMAT, "the subject \"%s\" does not occur in the prompt \"%s\"", p.subject, p.prompt);
    p.subject_at = (size_t)(at - p.prompt);
    if (f->n == f->capacity) {
        const int capacity = f->capacity ? 2 * f->capacity : 64;
        wkv_trace_prompt *more = realloc(f->list, sizeof *more * (size_t)capacity);
        if (!more) return fail(WKV_ENOMEM, "no memory for %d prompts", capacity);
        f->list = more;
        f->capacity = capacity;
    }
    f->list[f->n++] = p;
    return 0;
}

static int refuse_text(void *user, const char *text, size_t bytes)
{
    (void)user, (void)text, (void)bytes;
    return fail(WKV_EFORMAT, "a plain text; expected objects with \"prompt\", \"subject\" and \"attribute\" (.json, "
                             ".jsonl, .csv)");
}

int wkv_trace_file_open(wkv_trace_file **out, const char *path)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(path, "the path");
    wkv_trace_file *f = calloc(1, sizeof *f);
    if (!f || !(f->objects = json_array())) {
        free(f);
        return fail(WKV_ENOMEM, "no memory for a list of prompts");
    }
    const int err = documents_of_file(path, &(document_reader){refuse_text, add, f});
    if (err)
        wkv_trace_file_close(f);
    else
        *out = f;
    return err;
}

void wkv_trace_file_close(wkv_trace_file *f)
{
    if (!f) return;
    json_decref(f->objects);
    free(f->list);
    free(f);
}

int wkv_trace_file_count(const wkv_trace_file *f) { return f ? f->n : 0; }

const wkv_trace_prompt *wkv_trace_file_prompt(const wkv_trace_file *f, int i)
{
    return f && i >= 0 && i < f->n ? &f->list[i] : NULL;
}
