/* batcher.c - many sessions, one evaluation a step.
 *
 * The first `slots` sessions of the list are at work, the others wait in order. A step reads the next id of every
 * answer and, in the time that is left, equal shares of the prompts; then it makes the logits of every answer that has
 * read all its ids, and samples. */
#include "base/clock.h"
#include "base/error.h"
#include "session/session.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 32, FIRST_ROWS = 32 /* of a step before any was measured */ };

struct wkv_batcher {
    wkv_context *context;
    int slots;
    double step_seconds;
    wkv_session **sessions;
    int n, cap;
    wkv_sequence *sequences; /* [slots] of a step                                    */
    wkv_row *from;           /* [slots] the origins of their first ids               */
    wkv_session **at;        /* [slots] those of the step                            */
    int *take;               /* [slots] ids that each reads in the step              */
    float *hidden, *logits;  /* [slots][C], [slots][V]                               */
    double row_seconds;      /* of a step with prompts, for each of its rows; 0: not measured */
    wkv_batcher_info about;
};

int wkv_batcher_new(wkv_batcher **out, wkv_context *c, const wkv_batcher_options *options)
{
    const wkv_batcher_options o = options ? *options : (wkv_batcher_options){0};
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(c, "the context");
    if (o.slots < 0 || o.slots > 1 << 16) return fail(WKV_EARG, "%d slots, expected 1 to 65536", o.slots);
    if (!(o.step_seconds >= 0) || isinf(o.step_seconds))
        return fail(WKV_EARG, "a step of %g seconds, expected 0 or more", o.step_seconds);
    wkv_batcher *b = calloc(1, sizeof *b);
    if (!b) return fail(WKV_ENOMEM, "no memory for a batcher");
    b->context = c;
    b->slots = o.slots ? o.slots : SLOTS;
    b->step_seconds = o.step_seconds > 0 ? o.step_seconds : 0.25;
    const size_t slots = (size_t)b->slots, width = (size_t)context_model(c)->rwkv.C,
                 vocab = (size_t)context_model(c)->rwkv.V;
    b->sequences = malloc(slots * sizeof *b->sequences);
    b->from = malloc(slots * sizeof *b->from);
    b->at = malloc(slots * sizeof *b->at);
    b->take = malloc(slots * sizeof *b->take);
    b->hidden = malloc(slots * width * sizeof *b->hidden);
    b->logits = malloc(slots * vocab * sizeof *b->logits);
    if (!b->sequences || !b->from || !b->at || !b->take || !b->hidden || !b->logits) {
        wkv_batcher_free(b);
        return fail(WKV_ENOMEM, "no memory for a batcher of %d slots", o.slots);
    }
    *out = b;
    return 0;
}

void wkv_batcher_free(wkv_batcher *b)
{
    if (!b) return;
    while (b->n) session_finish(b->sessions[b->n - 1], WKV_FINISH_CANCELLED, 0);
    free(b->sessions);
    free(b->sequences);
    free(b->from);
    free(b->at);
    free(b->take);
    free(b->hidden);
    free(b->logits);
    free(b);
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static int check_session(const wkv_batcher *b, const wkv_session *s, const wkv_generation *g)
{
    if (s->batcher) return fail(WKV_EARG, "the session is in a batcher already");
    if (s->model != context_model(b->context))
        return fail(WKV_EARG, "the session is of another model than the context");
    if (g && s->read == s->n && !s->has_hidden)
        return fail(WKV_EARG, "the session has no text to continue; append one first");
    return 0;
}

static int reserve(wkv_batcher *b)
{
    if (b->n < b->cap) return 0;
    const int cap = 2 * b->cap + 8;
    wkv_session **sessions = realloc(b->sessions, sizeof *sessions * (size_t)cap);
    if (!sessions) return fail(WKV_ENOMEM, "no memory for %d sessions", cap);
    b->sessions = sessions, b->cap = cap;
    return 0;
}

int wkv_batcher_add(wkv_batcher *b, wkv_session *s, const wkv_generation *g)
{
    REQUIRE(b, "the batcher");
    REQUIRE(s, "the session");
    int err = check_session(b, s, g);
    if (!err) err = reserve(b);
    answer *a = NULL;
    if (!err && g) err = segments_reserve(&s->segments, 1);
    if (!err && g) err = answer_new(&a, s, g);
    if (err) return err;
    s->answer = a;
    s->sampled = 0;
    s->batcher = b;
    b->sessions[b->n++] = s;
    return 0;
}

void batcher_remove(wkv_batcher *b, const wkv_session *s)
{
    int i = 0;
    while (i < b->n && b->sessions[i] != s) i++;
    if (i == b->n) return;
    b->n--;
    memmove(b->sessions + i, b->sessions + i + 1, sizeof *b->sessions * (size_t)(b->n - i));
}

int wkv_batcher_pending(const wkv_batcher *b) { return b ? b->n : 0; }

wkv_batcher_info wkv_batcher_about(const wkv_batcher *b)
{
    if (!b) return (wkv_batcher_info){0};
    wkv_batcher_info about = b->about;
    about.active = b->n < b->slots ? b->n : b->slots;
    about.waiting = b->n - about.active;
    return about;
}

/* ---- one step ---------------------------------------------------------------------------------------------------- */

static int unread(const wkv_session *s) { return s->n - s->read; }

/* Ids of a prompt up to the next place of a cache, or to its end. */
static int chunk(const wkv_session *s)
{
    for (int i = 0; i < s->n_places; i++)
        if (s->places[i].at > s->read) return s->places[i].at - s->read;
    return unread(s);
}

static int answers(const wkv_session *s) { return s->answer && s->answer->tokens; }

/* Rows of prompts that fit in the step's time beside `decoded` answers; at least one for each prompt. */
static int rows_of_prompts(const wkv_batcher *b, int decoded, int prompts)
{
    double rows = b->row_seconds > 0 ? b->step_seconds / b->row_seconds : FIRST_ROWS;
    rows = rows < 1e6 ? rows - decoded : 1e6;
    return rows > prompts ? (int)rows : prompts;
}

/* Decide how many ids each session reads. Prompts shorter than an equal share leave the rest to the longer ones. */
static void plan(wkv_batcher *b, int active)
{
    int decoded = 0, prompts = 0;
    for (int i = 0; i < active; i++) {
        const int decodes = answers(b->at[i]);
        b->take[i] = decodes ? unread(b->at[i]) : 0;
        decoded += decodes;
        prompts += !decodes && unread(b->at[i]);
    }
    int left = prompts ? rows_of_prompts(b, decoded, prompts) : 0;
    for (int shorter = 1; shorter && prompts;) {
        const int share = left / prompts;
        shorter = 0;
        for (int i = 0; i < active; i++) {
            const int n = chunk(b->at[i]);
            if (b->take[i] || !n || n > share) continue;
            b->take[i] = n;
            left -= n;
            prompts--;
            shorter = 1;
        }
    }
    for (int i = 0; i < active && prompts; i++) {
        if (b->take[i] || !unread(b->at[i])) continue;
        b->take[i] = left / prompts;
        left -= left / prompts--;
    }
}

static int evaluate(wkv_batcher *b, int active)
{
    const size_t width = (size_t)context_model(b->context)->rwkv.C;
    int n = 0;
    for (int i = 0; i < active; i++) {
        wkv_session *s = b->at[i];
        if (!b->take[i]) continue;
        b->from[n] = (wkv_row){i, s->read};
        b->sequences[n++] = (wkv_sequence){.state = s->state,
                                           .tokens = s->ids + s->read,
                                           .n = b->take[i],
                                           .hidden = b->hidden + (size_t)i * width};
    }
    const int err = n ? context_eval(b->context, b->sequences, n, b->from) : 0;
    if (err) return err;
    for (int i = 0; i < active; i++) {
        wkv_session *s = b->at[i];
        if (!b->take[i]) continue;
        memcpy(s->hidden, b->hidden + (size_t)i * width, width * sizeof *s->hidden);
        s->has_hidden = 1;
        s->read += b->take[i];
    }
    return 0;
}

/* Sample for every answer that has read all its ids, and finish the sessions that were only to read. */
static int sample(wkv_batcher *b, int active)
{
    const size_t width = (size_t)context_model(b->context)->rwkv.C, vocab = (size_t)context_model(b->context)->rwkv.V;
    int n = 0;
    for (int i = 0; i < active; i++) {
        wkv_session *s = b->at[i];
        if (unread(s)) continue;
        if (!s->answer) {
            session_finish(s, WKV_FINISH_READ, 0);
            continue;
        }
        memcpy(b->hidden + (size_t)n * width, s->hidden, width * sizeof *s->hidden);
        b->at[n++] = s;
    }
    const int err = n ? wkv_head(b->context, b->hidden, n, b->logits) : 0;
    for (int i = 0; i < n && !err; i++) answer_sample(b->at[i], b->logits + (size_t)i * vocab);
    return err;
}

/* The time of a step with prompts, divided by its rows, for the size of the next one: the fixed part of a step makes
 * small ones look slow, so the sizes approach the step's time from below. */
static void measure(wkv_batcher *b, int active, double seconds)
{
    wkv_batcher_info *about = &b->about;
    *about = (wkv_batcher_info){.prompt_rate = about->prompt_rate};
    for (int i = 0; i < active; i++) {
        if (answers(b->at[i]))
            about->decoded += b->take[i];
        else
            about->prompt += b->take[i];
    }
    if (!about->prompt) return;
    const double row = seconds / (about->prompt + about->decoded);
    b->row_seconds = b->row_seconds > 0 ? (b->row_seconds + row) / 2 : row;
    about->prompt_rate = about->prompt / seconds;
}

int wkv_batcher_step(wkv_batcher *b)
{
    REQUIRE(b, "the batcher");
    const int active = b->n < b->slots ? b->n : b->slots;
    if (!active) return 0;
    const double begun = clock_seconds();
    memcpy(b->at, b->sessions, sizeof *b->at * (size_t)active);
    plan(b, active);
    int err = evaluate(b, active);
    if (err) return err;
    measure(b, active, clock_seconds() - begun);
    err = sample(b, active);
    b->about.seconds = clock_seconds() - begun;
    return err;
}
