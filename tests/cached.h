/* cached.h - sessions with a cache, for tests: read, answered with chosen ids, and compared with a replay. */
#ifndef WKV_TESTS_CACHED_H
#define WKV_TESTS_CACHED_H

#include <stdlib.h>
#include "base/rng.h"
#include "models.h"
#include "session/cache.h"
#include "session/session.h"
#include "wkv_train.h"

static wkv_model *m;
static wkv_context *c;
static wkv_tokenizer *t;

/* In an emulator, where the built-in model takes half an hour: a small one of its vocabulary, after steps of training
 * without which the outputs of its layers are zero. */
static inline int small_model(void)
{
    const wkv_train_options o = {
        .layers = 2, .width = 64, .vocab_size = wkv_tokenizer_size(t), .lr_init = 0.01f, .steps = 3};
    int32_t ids[2 * 33];
    char path[64];
    wkv_trainer *small = NULL;
    snprintf(path, sizeof path, "cached.%d.safetensors", (int)getpid());
    int err = wkv_trainer_new(&small, &o);
    for (int i = 0; i < 2 * 33; i++) ids[i] = 1 + i * 37 % 4000;
    for (int i = 0; i < 3 && !err; i++) err = wkv_trainer_step(small, ids, 2, 32, NULL);
    if (!err) err = wkv_trainer_save(small, path, "f32");
    wkv_trainer_free(small);
    wkv_model_close(m);
    m = NULL;
    if (!err) err = wkv_model_open(&m, path, NULL);
    remove(path);
    return err;
}

static inline int engine_begin(void)
{
    if (!wkv_model_open(&m, NULL, NULL) && !wkv_tokenizer_open(&t, NULL, m) &&
        (!getenv("WKV_EMULATOR") || !small_model()) && !wkv_context_new(&c, m, NULL))
        return 0;
    printf("%s\n", wkv_error());
    return 1;
}

static inline void engine_end(void)
{
    wkv_tokenizer_close(t);
    wkv_context_free(c);
    wkv_model_close(m);
}

static inline wkv_cache *cache_of(wkv_context *of, const wkv_cache_options *o)
{
    wkv_cache *k;
    if (wkv_cache_new(&k, of, t, o)) FAILED("%s", wkv_error());
    return k;
}

/* Read the session, with k unless NULL, on the context `of`; then with `g` answer it, ids[0 .. n) forced. Returns the
 * tokens of the prompt that the batcher has read, by its own count. */
static inline int read_on(wkv_context *of, wkv_cache *k, wkv_session *s, const wkv_generation *g, const int32_t *ids,
                          int n)
{
    wkv_batcher *b;
    wkv_event e;
    int read = 0;
    if (k && wkv_cache_resume(k, s) < 0) FAILED("%s", wkv_error());
    EXPECT_EQ(wkv_batcher_new(&b, of, NULL), 0);
    if (wkv_batcher_add(b, s, g)) FAILED("%s", wkv_error());
    while (wkv_batcher_pending(b)) {
        if (n && s->answer) { /* the sampler of the next token knows one id only */
            const int32_t next = s->answer->tokens < n ? ids[s->answer->tokens] : wkv_tokenizer_end(t);
            const wkv_sampler_options only = {.bias_ids = &next, .bias = (float[]){1e6f}, .n_bias = 1};
            wkv_sampler_free(s->answer->sampler);
            EXPECT_EQ(wkv_sampler_new(&s->answer->sampler, &only, wkv_model_about(s->model)->vocab, t), 0);
        }
        EXPECT_EQ(wkv_batcher_step(b), 0);
        read += wkv_batcher_about(b).prompt;
        if (k) EXPECT_EQ(wkv_cache_keep(k, s), 0);
    }
    while (wkv_session_next_event(s, &e)) continue;
    wkv_batcher_free(b);
    return read;
}

static inline int read_session(wkv_cache *k, wkv_session *s) { return read_on(c, k, s, NULL, NULL, 0); }

/* The state of ids[0 .. n), and the logits after it, equal a replay from the initial state. */
static inline int replays(wkv_context *of, const wkv_model *model, const int32_t *ids, int n, const wkv_state *state,
                          const float *hidden)
{
    const size_t V = (size_t)wkv_model_about(model)->vocab;
    float *logits = malloc(2 * V * sizeof *logits);
    wkv_state *again = state_new(model);
    EXPECT_EQ(wkv_eval(of, again, ids, n, logits), 0);
    EXPECT_EQ(wkv_head(of, hidden, 1, logits + V), 0);
    const int same = !memcmp(again->data, state->data, wkv_model_about(model)->state_bytes) &&
                     !memcmp(logits, logits + V, V * sizeof *logits);
    wkv_state_free(again);
    free(logits);
    return same;
}

/* The same of a session, without borrowing its state. */
static inline int is_exact(const wkv_session *s)
{
    return s->has_hidden && replays(c, m, s->ids, s->read, s->state, s->hidden);
}

/* The number of states in memory, all of which equal a replay; -1: one does not. */
static inline int exact_states(const wkv_cache *k, wkv_context *of)
{
    int n = 0;
    for (const checkpoint *p = &k->root; p; p = checkpoints_next(p)) {
        if (!p->state) continue;
        int32_t *ids = malloc(sizeof *ids * (size_t)(p->length + p->n_tail));
        checkpoints_ids(p, ids);
        const int same = replays(of, k->model, ids, p->length, p->state, p->hidden);
        free(ids);
        if (!same) return -1;
        n++;
    }
    return n;
}

/* n ids of a seed. */
static inline int32_t *random_ids(int n, uint64_t seed)
{
    rng r = {.seed = seed};
    int32_t *ids = malloc(sizeof *ids * (size_t)n);
    for (int i = 0; i < n; i++) ids[i] = 1 + (int32_t)(rng_u64(&r) % (uint64_t)(wkv_model_about(m)->vocab - 1));
    return ids;
}

/* A session of segments of random ids: n lengths and seeds. */
typedef struct {
    int n;
    uint64_t seed;
} part;

static inline wkv_session *session_of(const part *parts, int n)
{
    wkv_session *s;
    EXPECT_EQ(wkv_session_new(&s, m, t), 0);
    for (int i = 0; i < n; i++) {
        int32_t *ids = random_ids(parts[i].n, parts[i].seed);
        EXPECT_EQ(wkv_session_append_ids(s, ids, parts[i].n), 0);
        free(ids);
    }
    return s;
}

/* The same as one segment. */
static inline wkv_session *session_joined(const part *parts, int n)
{
    wkv_session *apart = session_of(parts, n), *s;
    EXPECT_EQ(wkv_session_new(&s, m, t), 0);
    EXPECT_EQ(wkv_session_append_ids(s, apart->ids, apart->n), 0);
    wkv_session_free(apart);
    return s;
}

#endif
