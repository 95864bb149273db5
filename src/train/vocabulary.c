/* vocabulary.c - build a vocabulary from text. */
#include "train/vocabulary.h"
#include "base/error.h"
#include "base/file.h"
#include "base/stream.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"
#include "train/data.h"
#include <stdlib.h>
#include <string.h>

enum { BYTES = 256, FIRST = 1 }; /* single bytes, after id 0, which has no line */

static int read_document(void *user, const char *text, size_t bytes) { return words_read(user, text, bytes); }

int vocabulary_read(table *chunks, const char *path, const document_form *form, skipped_entries *over)
{
    return documents_read(path, form, over, read_document, chunks);
}

int vocabulary_make(char **lines, size_t *bytes, const table *chunks, const wkv_vocabulary_options *o)
{
    int size = o->size ? o->size : 2048, rounds = o->rounds ? o->rounds : 24;
    table words = {0};
    *lines = NULL;
    if (size <= FIRST + BYTES || size > 1 << 20)
        return fail(WKV_EARG, "a vocabulary of %d ids; expected %d to %d", size, FIRST + BYTES + 1, 1 << 20);
    int err = words_find(&words, chunks, size - FIRST - BYTES, o->always, rounds < 0 ? 0 : rounds, o->report, o->user);
    stream text = {0};
    FILE *f = err ? NULL : stream_open(&text);
    for (int i = 0; f && i < BYTES; i++) vocabulary_put_line(f, FIRST + i, (char[]){(char)i}, 1);
    for (size_t i = 0; f && i < words.n; i++)
        vocabulary_put_line(f, FIRST + BYTES + (int)i, words.text + words.at[i].at, words.at[i].bytes);
    table_release(&words);
    return err ? err : vocabulary_close_lines(f, &text, lines, bytes);
}

int wkv_vocabulary_train(const char *path, const char *const *data, const wkv_vocabulary_options *options)
{
    static const wkv_vocabulary_options defaults;
    const wkv_vocabulary_options *o = options ? options : &defaults;
    document_form form = {.fields = o->fields};
    skipped_entries over = {0};
    table chunks = {0};
    char *lines = NULL;
    size_t bytes = 0;
    if (!path || !data || !*data) return fail(WKV_EARG, "no text for the vocabulary, or no output file");
    for (const char *const *at = o->always; at && *at; at++) {
        size_t n = strlen(*at);
        if (!n || n > MAX_WORD) return fail(WKV_EARG, "--always: a token of %zu bytes, expected 1 to %d", n, MAX_WORD);
    }
    int err = conversation_check_fields(o->fields);
    if (!err) err = wkv_template_find(&form.chat, o->chat, NULL, NULL);
    for (int i = 0; !err && data[i]; i++) err = documents_refuse_output(data[i], path);
    for (; !err && *data; data++) err = vocabulary_read(&chunks, *data, &form, &over);
    if (!err) err = vocabulary_make(&lines, &bytes, &chunks, o);
    if (!err) err = file_write(path, lines, bytes);
    if (o->skipped_entries) *o->skipped_entries = over.n;
    if (!err && o->made) {
        *o->made = FIRST;
        for (size_t i = 0; i < bytes; i++) *o->made += lines[i] == '\n';
    }
    free(lines);
    table_release(&chunks);
    return err;
}
