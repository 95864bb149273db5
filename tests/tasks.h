/* tasks.h - for tests of tasks: the built-in model, and items of a description and a text of lines. */
#ifndef WKV_TESTS_TASKS_H
#define WKV_TESTS_TASKS_H

#include "models.h"
#include "folder.h"
#include "wkv_task.h"

static wkv_model *model;
static wkv_tokenizer *words;

/* A file of the test's folder with this text; its path. */
static inline const char *write_text(const char *name, const char *text)
{
    const char *path = in_folder(name);
    write_file(path, text);
    return path;
}

/* Items of a description and a text of lines; NULL after a failure, which wkv_error() tells. */
static inline wkv_items *items_of(const char *description, const char *rule, const char *lines,
                                  const wkv_items_options *o)
{
    wkv_task *t;
    wkv_items *s = NULL;
    if (wkv_task_open(&t, description, rule)) return NULL;
    wkv_items_read(&s, t, write_text("items.jsonl", lines), model, words, o);
    wkv_task_close(t);
    return s;
}

static inline int tasks_begin(const char *name)
{
    if (wkv_model_open(&model, NULL, NULL) || wkv_tokenizer_open(&words, NULL, model)) {
        printf("%s\n", wkv_error());
        return 1;
    }
    folder_begin(name);
    return 0;
}

static inline void tasks_end(void)
{
    folder_end();
    wkv_tokenizer_close(words);
    wkv_model_close(model);
}

#endif
