/* cache_answer.c - from the text of an answer, as a client sends it, back to the ids that were sampled.
 *
 * After the same ids, an answer is found in the form that clients send back. Elsewhere (an earlier message was edited)
 * it is found by its exact bytes only: reasoning of another conversation must never come into this one. */
#include "base/error.h"
#include "session/cache.h"
#include "session/visible.h"
#include "text/tokenizer.h"
#include <stdlib.h>
#include <string.h>

enum { ANSWERS = 4096 };

typedef struct {
    char *at;
    size_t n;
} bytes_of;

static void hash_text(char out[DIGEST_TEXT], const char *text, size_t n)
{
    digest d;
    digest_begin(&d);
    digest_put(&d, text, n);
    digest_end(&d, out);
}

/* ---- by exact bytes ---------------------------------------------------------------------------------------------- */

static known_answer *find_exact(const wkv_cache *k, const char text[DIGEST_TEXT])
{
    for (int i = 0; i < k->n_answers; i++)
        if (!memcmp(k->answers[i].text, text, DIGEST_TEXT)) return &k->answers[i];
    return NULL;
}

/* A place for one more: a new one, or that of the least recently used answer. NULL: no memory. */
static known_answer *exact_place(wkv_cache *k)
{
    if (k->n_answers == ANSWERS) {
        known_answer *oldest = k->answers;
        for (int i = 1; i < k->n_answers; i++)
            if (k->answers[i].used < oldest->used) oldest = &k->answers[i];
        free(oldest->ids);
        return oldest;
    }
    if (k->n_answers == k->cap_answers) {
        const int cap = 2 * k->cap_answers + 16;
        known_answer *answers = realloc(k->answers, sizeof *answers * (size_t)cap);
        if (!answers) return NULL;
        k->answers = answers, k->cap_answers = cap;
    }
    return &k->answers[k->n_answers++];
}

static int add_exact(wkv_cache *k, const int32_t *ids, int n)
{
    bytes_of text;
    char key[DIGEST_TEXT];
    const int err = tokenizer_spell(&text.at, &text.n, k->tokenizer, ids, n);
    if (err) return err;
    hash_text(key, text.at, text.n);
    free(text.at);
    int32_t *copy = malloc(sizeof *copy * (size_t)n);
    known_answer *a = copy ? find_exact(k, key) : NULL;
    if (a)
        free(a->ids);
    else if (copy)
        a = exact_place(k);
    if (!a) {
        free(copy);
        return fail(WKV_ENOMEM, "no memory for an answer of %d ids", n);
    }
    memcpy(copy, ids, sizeof *ids * (size_t)n);
    memcpy(a->text, key, sizeof key);
    a->ids = copy, a->n = n;
    a->used = ++k->clock;
    return 0;
}

void cache_release_answers(wkv_cache *k)
{
    for (int i = 0; i < k->n_answers; i++) free(k->answers[i].ids);
    free(k->answers);
}

int cache_keep_answers(wkv_cache *k, const wkv_session *s)
{
    int err = 0;
    for (int i = 0, from = 0; i < s->segments.n && !err; from = s->segments.at[i++].end) {
        const segment *g = &s->segments.at[i];
        if (g->kind != SEGMENT_SAMPLED || from > s->read) continue;
        const int added = checkpoints_add_answer(&k->root, s->ids, from, g->end);
        err = added > 0 ? add_exact(k, s->ids + from, g->end - from) : added;
    }
    return err;
}

/* ---- after the same ids ------------------------------------------------------------------------------------------ */

/* The text of a request: as it is, and its visible part after the ids of the session, and by itself. */
typedef struct {
    bytes_of exact, after, alone;
} request;

static void release(request *r)
{
    free(r->after.at);
    free(r->alone.at);
}

static int is_same(const bytes_of *a, const bytes_of *b) { return a->n == b->n && !memcmp(a->at, b->at, a->n); }

static int see(request *r, const char *prompt, const char *text, size_t bytes)
{
    *r = (request){.exact = {(char *)text, bytes}};
    int err = visible_text(&r->after.at, &r->after.n, prompt, text, bytes);
    if (!err) err = visible_text(&r->alone.at, &r->alone.n, "", text, bytes);
    if (err) release(r);
    return err;
}

/* Whether the text fits an answer: 2: its bytes do, 1: its visible text does, if it has one, 0: neither. */
static int match(const request *r, const wkv_tokenizer *t, const char *prompt, const sampled_answer *a)
{
    bytes_of text, visible;
    int err = tokenizer_spell(&text.at, &text.n, t, a->ids, a->n), fit = 0;
    if (err) return err;
    if (is_same(&text, &r->exact))
        fit = 2;
    else if (!(err = visible_text(&visible.at, &visible.n, prompt, text.at, text.n))) {
        fit = visible.n > 1 && (is_same(&visible, &r->after) || is_same(&visible, &r->alone));
        free(visible.at);
    }
    free(text.at);
    return err ? err : fit;
}

/* The ids for the text after those of the session: *n of them, 0: unknown. least: of a match. */
static int find_ids(const int32_t **ids, int *n, wkv_cache *k, const wkv_session *s, const char *text, size_t bytes,
                    int least)
{
    char prompt[LAST_BYTES], key[DIGEST_TEXT];
    request r;
    session_last_bytes(s, s->n, prompt);
    int err = see(&r, prompt, text, bytes), best = 0;
    if (err) return err;
    const checkpoint *c = checkpoints_at(&k->root, s->ids, s->n);
    for (const sampled_answer *a = c ? c->answers : NULL; a && !err && best < 2; a = a->next) {
        const int fit = match(&r, k->tokenizer, prompt, a);
        err = fit < 0 ? fit : 0;
        if (fit > best && fit >= least) *ids = a->ids, *n = a->n, best = fit;
    }
    release(&r);
    hash_text(key, text, bytes);
    known_answer *exact = !best && !err ? find_exact(k, key) : NULL;
    if (!exact) return err;
    exact->used = ++k->clock;
    *ids = exact->ids, *n = exact->n;
    return 0;
}

int wkv_cache_append_answer(wkv_cache *k, wkv_session *s, const char *text, size_t bytes, int whole)
{
    REQUIRE(k, "the cache");
    REQUIRE(s, "the session");
    if (bytes) REQUIRE(text, "the text");
    if (s->model != k->model) return fail(WKV_EARG, "the session is of another model than the cache");
    const int before = s->segments.n;
    const int32_t *ids = NULL;
    int n = 0, err = cache_folder_list(&k->folder, &k->root);
    if (!err) err = find_ids(&ids, &n, k, s, text, bytes, whole ? 1 : 2);
    if (err) return err;
    const int known = n && !wkv_session_append_ids(s, ids, n);
    if (!known) err = wkv_session_append_text(s, text, bytes);
    k->about.answers += known;
    if (s->segments.n > before) s->segments.at[s->segments.n - 1].kind = known ? SEGMENT_SAMPLED : SEGMENT_ANSWER;
    return err;
}
