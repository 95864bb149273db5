/* vocabulary.c - wkv_vocabulary_train: files of text in, a vocabulary file out. */
#include "base/error.h"
#include "text/utf8.h"
#include "text/words.h"
#include "train/data.h"
#include "wkv_train.h"
#include <string.h>

enum { BYTES = 256, FIRST = 1 }; /* single bytes, behind id 0, which has no line */

static int read_document(void *user, const char *text, size_t bytes) { return words_read(user, text, bytes); }

/* One line of World's format: the id, a Python literal, the length in bytes. */
static int put_line(file_out *f, int id, const char *p, size_t n)
{
    int whole = utf8_check(p, n) == n, quote = memchr(p, '\'', n) && !memchr(p, '"', n) ? '"' : '\'';
    fprintf(f->f, "%d %s%c", id, whole ? "" : "b", quote);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == '\n')
            fputs("\\n", f->f);
        else if (c == '\t')
            fputs("\\t", f->f);
        else if (c == '\r')
            fputs("\\r", f->f);
        else if (c < 32 || c == 127 || (c > 127 && !whole))
            fprintf(f->f, "\\x%02x", c);
        else
            fprintf(f->f, c == '\\' || c == quote ? "\\%c" : "%c", c);
    }
    fprintf(f->f, "%c %zu\n", quote, n);
    return ferror(f->f);
}

static int write_lines(const char *path, const table *words)
{
    file_out f;
    int err = file_create(&f, path);
    if (err) return err;
    for (int i = 0; i < BYTES; i++) put_line(&f, FIRST + i, (char[]){(char)i}, 1);
    for (size_t i = 0; i < words->n; i++)
        put_line(&f, FIRST + BYTES + (int)i, words->text + words->at[i].at, words->at[i].bytes);
    return file_commit(&f); /* which looks at what went wrong before */
}

int wkv_vocabulary_train(const char *path, const char *const *data, const wkv_vocabulary_options *options)
{
    static const wkv_vocabulary_options defaults;
    const wkv_vocabulary_options *o = options ? options : &defaults;
    int size = o->size ? o->size : 2048, rounds = o->rounds ? o->rounds : 24;
    const wkv_template *chat;
    table chunks = {0}, words = {0};
    if (size <= FIRST + BYTES || size > 1 << 20)
        return fail(WKV_EARG, "a vocabulary of %d; from %d to %d can be made", size, FIRST + BYTES + 1, 1 << 20);
    if (!path || !data || !*data) return fail(WKV_EARG, "no text to make a vocabulary of, or no file for it");
    int err = wkv_template_find(&chat, o->chat, NULL, NULL);
    for (; !err && *data; data++) err = documents_read(*data, chat, read_document, &chunks);
    if (!err)
        err = words_find(&words, &chunks, size - FIRST - BYTES, o->always, rounds < 0 ? 0 : rounds, o->report, o->user);
    if (!err) err = write_lines(path, &words);
    table_release(&chunks);
    table_release(&words);
    return err;
}
