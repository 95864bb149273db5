/* cache_folder.c - states on disk: listed without reading them, read and checked when they are needed, written, and
 * removed in the order of their latest use. */
#include "session/cache_folder.h"
#include "base/error.h"
#include "base/file.h"
#include "session/cache_files.h"
#include "session/state_file.h"
#include "base/platform/entry.h"
#include <stdlib.h>
#include <string.h>

enum {
    LISTED = 512,     /* files that a process knows at most           */
    HEADER = 16 << 10 /* bytes of a state file beside its values, about */
};

/* ---- the folder -------------------------------------------------------------------------------------------------- */

static void put_identity(digest *d, const wkv_identity *id)
{
    digest_begin(d);
    digest_text(d, id->lineage);
    digest_text(d, id->weights);
    digest_text(d, id->arithmetic);
}

int cache_folder_open(cache_folder *f, const char *root, int64_t limit, const wkv_identity *identity)
{
    char name[DIGEST_TEXT];
    digest d;
    put_identity(&d, identity);
    digest_end(&d, name);
    name[CACHE_FOLDER_TEXT] = 0;
    *f =
        (cache_folder){.root = strdup(root), .path = cache_path(root, name, ""), .identity = *identity, .limit = limit};
    if (!f->root || !f->path) return fail(WKV_ENOMEM, "%s: no memory", root);
    return file_make_folders(f->path, 0700);
}

void cache_folder_release(cache_folder *f)
{
    free(f->root);
    free(f->path);
    *f = (cache_folder){0};
}

/* ---- listing ----------------------------------------------------------------------------------------------------- */

static const char *name_in(const char *path) { return path_last_slash(path) + 1; }

static int is_known(const checkpoint *root, const char *name)
{
    for (const checkpoint *c = root; c; c = checkpoints_next(c))
        if (*c->file && !strncmp(c->file, name, DIGEST_TEXT - 1)) return 1;
    return 0;
}

/* Keep the answers among the ids of a file at the nodes that they follow. */
static int add_answers(checkpoint *root, const wkv_state_info *about)
{
    segments parts = {0};
    int err = segments_parse(&parts, about->segments, about->n_ids), from = 0;
    for (int i = 0; i < parts.n && !err; from = parts.at[i++].end)
        if (parts.at[i].kind == SEGMENT_SAMPLED && from <= about->read)
            err = checkpoints_add_answer(root, about->ids, from, parts.at[i].end) < 0 ? WKV_ENOMEM : 0;
    segments_release(&parts);
    return err;
}

static int add_node(checkpoint *root, const wkv_state_info *about, const char *name)
{
    checkpoint *c = checkpoints_put(root, about->ids, about->read);
    if (!c) return WKV_ENOMEM;
    if (!c->state) c->kind = CHECKPOINT_SEGMENT;
    memcpy(c->file, name, DIGEST_TEXT - 1);
    return add_answers(root, about);
}

static int fits(const cache_folder *f, const wkv_state_info *about)
{
    const wkv_identity *a = &about->identity, *b = &f->identity;
    return !about->tuned && !*about->origin && about->read > 0 && !strcmp(a->lineage, b->lineage) &&
           !strcmp(a->weights, b->weights) && !strcmp(a->arithmetic, b->arithmetic);
}

/* Add a file by its ids; one that is no state, or of another model, is removed. */
static int add_file(const cache_folder *f, checkpoint *root, const char *path)
{
    wkv_state_file *s;
    int err = state_file_peek(&s, path);
    if (err == WKV_ENOMEM || err == WKV_EIO) return err == WKV_EIO ? 0 : err;
    if (!err && fits(f, &s->about))
        err = add_node(root, &s->about, name_in(path));
    else
        entry_remove(path);
    wkv_state_file_close(s);
    return err == WKV_ENOMEM ? err : 0;
}

int cache_folder_list(cache_folder *f, checkpoint *root)
{
    entry_info about;
    file_list l = {0};
    if (!f->root || entry_read(&about, f->path)) return 0;
    if (about.changed == f->listed) return 0;
    int err = cache_files_list(&l, f->path);
    for (size_t i = 0; i < l.n && i < LISTED && !err; i++)
        if (!is_known(root, name_in(l.at[i].path))) err = add_file(f, root, l.at[i].path);
    if (!err) f->listed = about.changed;
    cache_files_release(&l);
    return err;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

void cache_folder_touch(const cache_folder *f, const checkpoint *c)
{
    char *path = *c->file ? cache_path(f->path, c->file, CACHE_EXTENSION) : NULL;
    if (path) entry_touch(path);
    free(path);
}

void cache_folder_remove(const cache_folder *f, checkpoint *c)
{
    char *path = *c->file ? cache_path(f->path, c->file, CACHE_EXTENSION) : NULL;
    if (path) entry_remove(path);
    free(path);
    *c->file = 0;
}

/* Whether the file has the state of exactly the ids of c. */
static int is_of(const wkv_state_file *s, const checkpoint *c)
{
    int32_t *ids = malloc(sizeof *ids * (size_t)(c->length + c->n_tail));
    if (!ids) return fail(WKV_ENOMEM, "no memory for %d ids of a cache", c->length);
    checkpoints_ids(c, ids);
    const int same =
        s->about.read == c->length && !memcmp(s->about.ids, ids, sizeof *ids * (size_t)c->length) && s->hidden;
    free(ids);
    return same;
}

static int take_state(checkpoint *c, const wkv_state_file *s, const wkv_model *m)
{
    const size_t width = (size_t)m->rwkv.C;
    wkv_state *state;
    int err = wkv_state_new(&state, m);
    if (err) return err;
    float *hidden = malloc(width * sizeof *hidden);
    if (!hidden) err = fail(WKV_ENOMEM, "no memory for a row of %zu channels", width);
    if (!err) err = wkv_state_file_read(s, state);
    if (err) {
        wkv_state_free(state);
        free(hidden);
        return err;
    }
    memcpy(hidden, s->hidden, width * sizeof *hidden);
    c->state = state, c->hidden = hidden;
    return 0;
}

int cache_folder_read(cache_folder *f, checkpoint *c, const wkv_model *m)
{
    wkv_state_file *s;
    char *path = cache_path(f->path, c->file, CACHE_EXTENSION);
    if (!path) return WKV_ENOMEM;
    int got = wkv_state_file_open(&s, path);
    if (!got) got = fits(f, &s->about) ? is_of(s, c) : 0;
    if (got > 0) got = take_state(c, s, m);
    wkv_state_file_close(s);
    free(path);
    if (c->state) return 1;
    if (got == WKV_ENOMEM) return got;
    cache_folder_remove(f, c);
    return 0;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Remove the least recently used files until those left and `bytes` more are within the limit. */
static int make_room(const cache_folder *f, int64_t bytes)
{
    file_list l = {0};
    const int err = cache_files_list_all(&l, f->root);
    int64_t total = bytes;
    for (size_t i = 0; i < l.n && !err; i++) total += l.at[i].bytes;
    for (size_t i = l.n; i > 0 && !err && total > f->limit; i--) {
        if (!entry_remove(l.at[i - 1].path)) total -= l.at[i - 1].bytes;
        *path_last_slash(l.at[i - 1].path) = 0;
        if (strcmp(l.at[i - 1].path, f->path))
            folder_remove(l.at[i - 1].path); /* of another model, if it was the last file */
    }
    cache_files_release(&l);
    return err;
}

/* 1: larger than the limit. */
static int write_new(const cache_folder *f, checkpoint *c, const int32_t *ids, const char *path)
{
    const wkv_state_info about = {.identity = f->identity,
                                  .ids = ids,
                                  .n_ids = c->length + c->n_tail,
                                  .read = c->length,
                                  .segments = c->segments};
    const int64_t bytes = (int64_t)c->state->n * (int64_t)sizeof(real) + 4 * (int64_t)about.n_ids + HEADER;
    if (bytes > f->limit) return 1;
    int err = make_room(f, bytes);
    if (!err) err = file_make_folders(f->path, 0700); /* another process may have removed it while it was empty */
    return err ? err : wkv_state_file_write(path, &about, c->state, c->hidden);
}

int cache_folder_write(cache_folder *f, checkpoint *c)
{
    char name[DIGEST_TEXT];
    digest d;
    int32_t *ids = malloc(sizeof *ids * (size_t)(c->length + c->n_tail));
    if (!ids) return fail(WKV_ENOMEM, "no memory for %d ids of a cache", c->length);
    checkpoints_ids(c, ids);
    put_identity(&d, &f->identity);
    digest_put(&d, ids, sizeof *ids * (size_t)c->length);
    digest_end(&d, name);
    char *path = cache_path(f->path, name, CACHE_EXTENSION);
    int err = path ? 0 : WKV_ENOMEM;
    if (!err && entry_touch(path)) err = write_new(f, c, ids, path); /* another process wrote it */
    if (!err) memcpy(c->file, name, sizeof name);
    free(path);
    free(ids);
    return err > 0 ? 0 : err;
}
