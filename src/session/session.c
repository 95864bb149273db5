/* session.c - one sequence: ids appended and sampled, the state after those that were read, events. */
#include "session/session.h"
#include "base/error.h"
#include "base/memory.h"
#include "text/sampler.h"
#include <stdlib.h>
#include <string.h>

int wkv_session_new(wkv_session **out, const wkv_model *m, const wkv_tokenizer *t)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(m, "the model");
    REQUIRE(t, "the tokenizer");
    wkv_session *s = calloc(1, sizeof *s);
    if (!s) return fail(WKV_ENOMEM, "no memory for a session");
    s->model = m;
    s->tokenizer = t;
    int err = wkv_state_new(&s->state, m);
    if (!err && !(s->hidden = malloc((size_t)m->rwkv.C * sizeof *s->hidden)))
        err = fail(WKV_ENOMEM, "no memory for a row of %d channels", m->rwkv.C);
    if (err)
        wkv_session_free(s);
    else
        *out = s;
    return err;
}

void wkv_session_free(wkv_session *s)
{
    if (!s) return;
    if (s->batcher) batcher_remove(s->batcher, s);
    answer_free(s->answer);
    events_release(&s->events);
    wkv_state_free(s->state);
    free(s->hidden);
    free(s->ids);
    free(s->origin);
    free(s->places);
    segments_release(&s->segments);
    free(s);
}

/* ---- segments ---------------------------------------------------------------------------------------------------- */

int session_reserve(wkv_session *s, int n)
{
    if (s->cap - s->n >= n) return 0;
    if (n > INT32_MAX / 2 - s->n) return fail(WKV_ENOMEM, "a session of more than %d tokens", INT32_MAX / 2);
    const int cap = s->n + n > 2 * s->cap ? s->n + n : 2 * s->cap;
    int32_t *ids = realloc(s->ids, sizeof *ids * (size_t)cap);
    if (!ids) return fail(WKV_ENOMEM, "no memory for a session of %d tokens", cap);
    s->ids = ids, s->cap = cap;
    return 0;
}

/* Room for a segment of n ids. */
static int reserve_segment(wkv_session *s, int n)
{
    const int err = segments_reserve(&s->segments, 1);
    return err ? err : session_reserve(s, n);
}

static int check_free(const wkv_session *s)
{
    return s->batcher ? fail(WKV_EARG, "the session is in a batcher; cancel its answer or wait for DONE") : 0;
}

int wkv_session_append_text(wkv_session *s, const char *text, size_t bytes)
{
    REQUIRE(s, "the session");
    if (bytes) REQUIRE(text, "the text");
    int err = check_free(s);
    const int n = err || !bytes ? err : wkv_encode_prompt(s->tokenizer, text, bytes, NULL, 0);
    if (n <= 0) return n;
    if ((err = reserve_segment(s, n))) return err;
    wkv_encode_prompt(s->tokenizer, text, bytes, s->ids + s->n, n);
    s->n += n;
    segments_add(&s->segments, s->n, SEGMENT_TEXT);
    return 0;
}

int wkv_session_append_ids(wkv_session *s, const int32_t *ids, int n)
{
    REQUIRE(s, "the session");
    REQUIRE(ids, "the list of ids");
    if (n < 1) return fail(WKV_EARG, "%d ids to append, expected at least 1", n);
    int err = check_free(s);
    for (int i = 0; i < n && !err; i++)
        if (ids[i] < 0 || ids[i] >= s->model->rwkv.V)
            err = fail(WKV_EARG, "id %d of the list is %d; the model's ids are 0 to %d", i, (int)ids[i],
                       s->model->rwkv.V - 1);
    if (!err) err = reserve_segment(s, n);
    if (err) return err;
    memcpy(s->ids + s->n, ids, sizeof *ids * (size_t)n);
    s->n += n;
    segments_add(&s->segments, s->n, SEGMENT_TEXT);
    return 0;
}

int wkv_session_fork(wkv_session **out, const wkv_session *s)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(s, "the session");
    wkv_session *f;
    int err = wkv_session_new(&f, s->model, s->tokenizer);
    if (!err) err = session_reserve(f, s->n);
    if (!err) err = segments_copy(&f->segments, &s->segments);
    if (!err) err = wkv_state_copy(f->state, s->state);
    if (!err && s->origin && !(f->origin = strdup(s->origin))) err = fail(WKV_ENOMEM, "no memory for a session");
    if (err) {
        wkv_session_free(f);
        return err;
    }
    memcpy(f->hidden, s->hidden, (size_t)s->model->rwkv.C * sizeof *f->hidden);
    if (s->n) memcpy(f->ids, s->ids, sizeof *f->ids * (size_t)s->n);
    f->n = s->n, f->read = s->read, f->has_hidden = s->has_hidden;
    f->sampled = s->sampled, f->random = s->answer ? *sampler_stream(s->answer->sampler) : s->random,
    f->untrusted = s->untrusted;
    *out = f;
    return 0;
}

wkv_session_info wkv_session_about(const wkv_session *s)
{
    if (!s) return (wkv_session_info){0};
    return (wkv_session_info){.ids = s->ids,
                              .n = s->n,
                              .read = s->read,
                              .sampled = s->sampled,
                              .segments = s->segments.n,
                              .origin = s->origin ? s->origin : ""};
}

wkv_state *wkv_session_state(wkv_session *s)
{
    if (!s) return NULL;
    s->untrusted = 1;
    return s->state;
}

int wkv_session_advance(wkv_session *s, int n)
{
    REQUIRE(s, "the session");
    const int err = check_free(s);
    if (err) return err;
    if (n < 0 || n >= s->n - s->read)
        return fail(WKV_EARG,
                    "%d ids were read by the caller; the session has %d unread ones, and reads the last itself", n,
                    s->n - s->read);
    s->read += n;
    if (n) s->has_hidden = 0, s->untrusted = 1;
    return 0;
}

int session_copy_state(wkv_state **state, float **hidden, const wkv_session *s)
{
    const size_t bytes = (size_t)s->model->rwkv.C * sizeof **hidden;
    *hidden = NULL;
    int err = wkv_state_new(state, s->model);
    if (!err) err = wkv_state_copy(*state, s->state);
    if (!err && s->has_hidden && !(*hidden = memory_copy(s->hidden, bytes)))
        err = fail(WKV_ENOMEM, "no memory for a row of %d channels", s->model->rwkv.C);
    if (!err) return 0;
    wkv_state_free(*state);
    *state = NULL;
    return err;
}

void session_last_bytes(const wkv_session *s, int n, char out[LAST_BYTES])
{
    char *at = out + LAST_BYTES - 1;
    *at = 0;
    while (n > 0 && at > out) {
        size_t bytes;
        const char *p = wkv_token_bytes(s->tokenizer, s->ids[--n], &bytes);
        while (bytes && at > out) *--at = p[--bytes];
    }
    memmove(out, at, strlen(at) + 1);
}

/* ---- the end of an answer ---------------------------------------------------------------------------------------- */

void session_finish(wkv_session *s, wkv_finish_reason reason, int code)
{
    batcher_remove(s->batcher, s);
    s->batcher = NULL;
    if (s->answer)
        answer_finish(s, reason, code);
    else
        events_finish(&s->events, reason, -1, code);
}

void wkv_session_cancel(wkv_session *s)
{
    if (s && s->batcher) session_finish(s, WKV_FINISH_CANCELLED, 0);
}

int wkv_session_next_event(wkv_session *s, wkv_event *e)
{
    if (!s || !e) return 0;
    return events_next(&s->events, e);
}

void wkv_generation_chat(wkv_generation *g, const wkv_template *t, int tools)
{
    if (!g || !t) return;
    g->stops = t->stops;
    g->n_stops = 0;
    while (g->n_stops < (int)(sizeof t->stops / sizeof *t->stops) && t->stops[g->n_stops]) g->n_stops++;
    g->ending = t->ending;
    g->sections = 1;
    g->tool_stop = tools ? t->tool_stop : NULL;
}
