/* state_reader.h - shared by the tests of state files: a golden model with a state, and its file. */
#ifndef WKV_TESTS_STATE_READER_H
#define WKV_TESTS_STATE_READER_H

#include "models.h"
#include "folder.h"
#include "format/reader.h"
#include "format/write.h"
#include "session/state_file.h"

#define MODELS TEST_DIR "/golden/models/"

enum { TOKENS = 20 };
static const int32_t text[TOKENS] = {3, 17, 0, 19, 22, 8, 8, 1, 20, 12, 5, 0, 9, 13, 2, 17, 14, 14, 6, 18};

/* A model with a context and a state that has read the first `read` tokens of the text. */
typedef struct {
    wkv_model *m;
    wkv_context *c;
    wkv_state *s;
    wkv_identity id;
} reader;

static inline int reader_open(reader *r, const char *path, const wkv_model_options *o, int read)
{
    *r = (reader){0};
    if (wkv_model_open(&r->m, path, o)) {
        FAILED("%s", wkv_error());
        return 0;
    }
    r->c = context_new(r->m, 2, NULL);
    r->s = state_new(r->m);
    if (read) EXPECT_EQ(wkv_eval(r->c, r->s, text, read, NULL), 0);
    EXPECT_EQ(wkv_identify(&r->id, r->c), 0);
    return 1;
}

static inline void reader_close(reader *r)
{
    wkv_state_free(r->s);
    wkv_context_free(r->c);
    wkv_model_close(r->m);
}

static inline const char *golden_path(const char *name) { return path_of(TEST_DIR "/golden/models", name, ".pth"); }

/* Write the state of r, with its ids, to a file of the folder; returns its path. */
static inline const char *saved(const reader *r, const char *name)
{
    const char *path = in_folder(name);
    const wkv_state_info about = {.identity = r->id, .ids = text, .n_ids = TOKENS, .read = TOKENS - 4};
    if (wkv_state_file_write(path, &about, r->s, NULL)) FAILED("%s", wkv_error());
    return path;
}

static inline wkv_state_file *opened(const char *path)
{
    wkv_state_file *f;
    if (wkv_state_file_open(&f, path)) FAILED("%s", wkv_error());
    return f;
}

#endif
