/* cache.c - states of texts that were read: found for a session, kept while it reads, dropped when memory is short. */
#include "session/cache.h"
#include "base/error.h"
#include "base/memory.h"
#include "session/state_file.h"
#include "session/thinning.h"
#include <stdlib.h>
#include <string.h>

enum { DISK_TOKENS = 1024 };
static const int64_t disk_bytes = (int64_t)4000 * 1000 * 1000;

/* ---- the cache --------------------------------------------------------------------------------------------------- */

int wkv_cache_new(wkv_cache **out, wkv_context *c, const wkv_tokenizer *t, const wkv_cache_options *options)
{
    const wkv_cache_options o = options ? *options : (wkv_cache_options){0};
    wkv_identity identity;
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(c, "the context");
    REQUIRE(t, "the tokenizer");
    if (o.disk < 0) return fail(WKV_EARG, "%lld bytes on disk, expected 0 or more", (long long)o.disk);
    if (o.disk_tokens < 0) return fail(WKV_EARG, "disk_tokens is %d, expected 0 or more", o.disk_tokens);
    int err = wkv_identify(&identity, c);
    if (err) return err;
    wkv_cache *k = calloc(1, sizeof *k);
    if (!k) return fail(WKV_ENOMEM, "no memory for a cache");
    k->model = context_model(c);
    k->tokenizer = t;
    k->memory = o.memory ? o.memory : memory_available() / 4;
    k->disk_tokens = o.disk_tokens ? o.disk_tokens : DISK_TOKENS;
    if (o.folder) err = cache_folder_open(&k->folder, o.folder, o.disk ? o.disk : disk_bytes, &identity);
    if (!err) err = cache_folder_list(&k->folder, &k->root);
    if (err)
        wkv_cache_free(k);
    else
        *out = k;
    return err;
}

void wkv_cache_free(wkv_cache *k)
{
    if (!k) return;
    checkpoints_release(&k->root);
    cache_release_answers(k);
    cache_folder_release(&k->folder);
    free(k);
}

wkv_cache_info wkv_cache_about(const wkv_cache *k)
{
    if (!k) return (wkv_cache_info){0};
    wkv_cache_info about = k->about;
    for (const checkpoint *c = &k->root; c; c = checkpoints_next(c)) {
        about.states += c->state != NULL;
        about.files += *c->file != 0;
        about.bytes += checkpoints_bytes(c);
    }
    return about;
}

static int check_session(const wkv_cache *k, const wkv_session *s)
{
    return s->model == k->model ? 0 : fail(WKV_EARG, "the session is of another model than the cache");
}

/* Whether the ids of a session give its state. */
static int is_exact(const wkv_session *s) { return !s->origin && !s->untrusted; }

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Drop the least recently used states beyond the limit, but not `recent`. */
static void evict(wkv_cache *k, const checkpoint *recent)
{
    for (size_t bytes = wkv_cache_about(k).bytes; bytes > k->memory;) {
        checkpoint *oldest = NULL;
        for (checkpoint *c = &k->root; c; c = checkpoints_next(c))
            if (c->state && c != recent && (!oldest || c->used < oldest->used)) oldest = c;
        if (!oldest) return;
        bytes -= (size_t)oldest->state->n * sizeof(real);
        checkpoints_forget(oldest);
        checkpoints_prune(oldest);
    }
}

static int depth(const checkpoint *c)
{
    int n = 0;
    for (; c; c = c->parent) n += c->state || *c->file;
    return n;
}

/* The worth of a state among those of a text. */
static checkpoint_kind worth(const checkpoint *c)
{
    if (c->kind == CHECKPOINT_JUNCTION || (c->child && c->child->next)) return CHECKPOINT_JUNCTION;
    return *c->file ? CHECKPOINT_FILE : c->kind;
}

/* Drop states on the path to c that its length makes superfluous, in memory and on disk. */
static int thin_path(wkv_cache *k, checkpoint *c)
{
    const int n = depth(c);
    checkpoint **path = malloc(sizeof *path * (size_t)n);
    place *places = malloc(sizeof *places * (size_t)n);
    char *drop = malloc((size_t)n);
    const int err = path && places && drop ? 0 : fail(WKV_ENOMEM, "no memory for %d states of a text", n);
    int i = n;
    for (checkpoint *at = c; at && !err; at = at->parent) {
        if (!at->state && !*at->file) continue;
        path[--i] = at;
        places[i] = (place){.at = at->length, .kind = worth(at)};
    }
    if (!err) thinning_choose(drop, places, n, c->length);
    for (i = 0; i < n && !err; i++) {
        if (!drop[i]) continue;
        checkpoints_forget(path[i]);
        cache_folder_remove(&k->folder, path[i]);
        checkpoints_prune(path[i]);
    }
    free(drop);
    free(places);
    free(path);
    return err;
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

/* The deepest node with a usable state for the ids, which it then has in memory; NULL: none, or with *err no memory. */
static checkpoint *find(wkv_cache *k, const wkv_session *s, int *common, int *err)
{
    for (;;) {
        checkpoint *c = checkpoints_find(&k->root, s->ids, s->n, common);
        if (!c || c->length <= s->read || c->state) return c;
        const int got = cache_folder_read(&k->folder, c, k->model);
        if (got < 0) *err = got;
        if (got) return got < 0 ? NULL : c;
        checkpoints_prune(c);
    }
}

/* The length of the nearest node on disk, or to be written, from c up. */
static int length_on_disk(const checkpoint *c)
{
    while (c && !*c->file && !c->on_disk) c = c->parent;
    return c ? c->length : 0;
}

static void use(wkv_cache *k, checkpoint *c)
{
    c->used = ++k->clock;
    cache_folder_touch(&k->folder, c);
}

static int take_state(wkv_session *s, const checkpoint *c)
{
    const int err = wkv_state_copy(s->state, c->state);
    if (err) return err;
    memcpy(s->hidden, c->hidden, (size_t)s->model->rwkv.C * sizeof *s->hidden);
    s->has_hidden = 1;
    s->read = c->length;
    return 0;
}

int wkv_cache_resume(wkv_cache *k, wkv_session *s)
{
    REQUIRE(k, "the cache");
    REQUIRE(s, "the session");
    int common = 0, err = check_session(k, s);
    if (!err && s->batcher) err = fail(WKV_EARG, "the session is in a batcher; resume it before it is added");
    if (err || !is_exact(s)) return err ? err : s->read;
    err = cache_folder_list(&k->folder, &k->root);
    checkpoint *c = err ? NULL : find(k, s, &common, &err);
    const int before = s->read;
    const cache_plan plan = {.from = c && c->length > before ? c->length : before,
                             .junction = common,
                             .on_disk = length_on_disk(c),
                             .tokens = k->folder.root ? k->disk_tokens : 0};
    if (!err) err = cache_choose_places(s, &plan);
    if (!err && c && c->length > before) err = take_state(s, c);
    if (err) return err;
    k->about.resumed++;
    k->about.hits += s->read > before;
    k->about.asked += s->n - before;
    k->about.found += s->read - before;
    if (c) use(k, c);
    evict(k, c);
    return s->read;
}

/* ---- keeping ----------------------------------------------------------------------------------------------------- */

/* Keep the segments, and the ids up to n that the state has not read, unless more are kept already. */
static int describe(checkpoint *c, const wkv_session *s, int n)
{
    if (c->segments && n <= c->length + c->n_tail) return 0;
    const int tail = n - c->length;
    char *parts;
    int32_t *ids = malloc(sizeof *ids * (size_t)(tail + 1));
    int err = ids ? segments_print(&parts, &s->segments, n) : fail(WKV_ENOMEM, "no memory for %d ids", tail);
    if (err) {
        free(ids);
        return err;
    }
    memcpy(ids, s->ids + c->length, sizeof *ids * (size_t)tail);
    free(c->tail);
    free(c->segments);
    c->tail = ids, c->n_tail = tail;
    c->segments = parts;
    return 0;
}

/* Keep the state of s, and the ids behind it up to n. */
static int keep(wkv_cache *k, const wkv_session *s, int n, checkpoint_kind kind, int on_disk)
{
    size_t bad;
    if (!all_finite(s->state->data, (size_t)s->state->n, &bad)) return 0;
    checkpoint *c = checkpoints_put(&k->root, s->ids, s->read);
    if (!c) return WKV_ENOMEM;
    int err = c->state ? 0 : session_copy_state(&c->state, &c->hidden, s);
    if (!err) err = describe(c, s, n);
    if (err) {
        checkpoints_prune(c);
        return err;
    }
    if (kind > c->kind) c->kind = kind;
    if (on_disk && !*c->file) c->on_disk = 1;
    c->used = ++k->clock;
    err = thin_path(k, c);
    evict(k, c);
    return err;
}

/* The place at which the session is now, taken off its list. 1: there is one. */
static int take_place(wkv_session *s, place *out)
{
    int i = 0;
    while (i < s->n_places && s->places[i].at < s->read) i++;
    if (i == s->n_places || s->places[i].at != s->read) return 0;
    *out = s->places[i];
    s->n_places--;
    memmove(s->places + i, s->places + i + 1, sizeof *s->places * (size_t)(s->n_places - i));
    return 1;
}

/* The ids that are read and, if the last of them are of an answer, its end. */
static int end_of_answer(const wkv_session *s)
{
    const segments *g = &s->segments;
    const int from = g->n > 1 ? g->at[g->n - 2].end : 0;
    return g->n && g->at[g->n - 1].kind == SEGMENT_SAMPLED && from <= s->read ? s->n : s->read;
}

/* The session has left the batcher: its state belongs on disk if it saves enough reading. */
static int keep_end(wkv_cache *k, const wkv_session *s)
{
    int common = 0;
    const checkpoint *c = checkpoints_find(&k->root, s->ids, s->read, &common);
    while (c && c->length == s->read) c = c->parent;
    const int on_disk = k->folder.root && s->read - length_on_disk(c) >= k->disk_tokens;
    return keep(k, s, end_of_answer(s), CHECKPOINT_SEGMENT, on_disk);
}

int wkv_cache_keep(wkv_cache *k, wkv_session *s)
{
    place p;
    REQUIRE(k, "the cache");
    REQUIRE(s, "the session");
    int err = check_session(k, s);
    if (err || !is_exact(s) || !s->has_hidden || !s->read) return err;
    if (take_place(s, &p)) err = keep(k, s, s->read, p.kind, p.on_disk);
    if (err || s->batcher) return err;
    err = keep_end(k, s);
    return err ? err : cache_keep_answers(k, s);
}

/* ---- disk -------------------------------------------------------------------------------------------------------- */

int wkv_cache_save(wkv_cache *k)
{
    REQUIRE(k, "the cache");
    int err = 0;
    for (checkpoint *c = &k->root; c; c = checkpoints_next(c)) {
        if (!c->on_disk) continue;
        c->on_disk = 0;
        const int failed = c->state && !*c->file ? cache_folder_write(&k->folder, c) : 0;
        if (failed) err = failed;
    }
    return err;
}
