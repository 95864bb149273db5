/* answer.c - from sampled ids to shown text, and at the end to the ids that the session keeps.
 *
 * Text that may begin a stop string, and bytes of an incomplete character, are held back until the next ids decide. A
 * copy of the state from before the first held-back id allows a return to the text that was shown. */
#include "base/error.h"
#include "session/session.h"
#include "session/state_file.h"
#include "text/grammar/owner.h"
#include "text/sampler.h"
#include "text/tokenizer.h"
#include <stdlib.h>
#include <string.h>

/* ---- beginning --------------------------------------------------------------------------------------------------- */

static int copy_text(char **to, const char *from)
{
    *to = NULL;
    if (!from || !*from) return 0;
    return (*to = strdup(from)) ? 0 : fail(WKV_ENOMEM, "no memory for the end of an answer");
}

static int begin_grammar(answer *a, const wkv_session *s, wkv_grammar *g)
{
    const int V = s->model->rwkv.V, shortest = wkv_grammar_shortest(g);
    if (grammar_tokenizer(g) != s->tokenizer || wkv_tokenizer_size(s->tokenizer) > V)
        return fail(WKV_EARG, "the grammar is of another tokenizer than the session");
    if (a->max_tokens && a->max_tokens < shortest)
        return fail(WKV_EARG, "max_tokens is %d, and the shortest output of the grammar has %d tokens", a->max_tokens,
                    shortest);
    if (!(a->mask = calloc((size_t)V / 64 + 1, sizeof *a->mask)))
        return fail(WKV_ENOMEM, "no memory for a mask of %d ids", V);
    return wkv_matcher_new(&a->matcher, g);
}

static int fill(answer *a, const wkv_session *s, const wkv_generation *g)
{
    char prompt[LAST_BYTES];
    int err = wkv_sampler_new(&a->sampler, g->sampler, s->model->rwkv.V, s->tokenizer);
    if (!err) err = stops_copy(&a->stops, g->stops, g->n_stops);
    if (!err) err = copy_text(&a->ending, g->ending);
    if (!err) err = copy_text(&a->tool_stop, g->tool_stop);
    if (!err && a->tool_stop && strlen(a->tool_stop) >= sizeof a->sections.held)
        err = fail(WKV_EARG, "tool_stop has %zu bytes, expected at most %zu", strlen(a->tool_stop),
                   sizeof a->sections.held - 1);
    if (!err && g->grammar) err = begin_grammar(a, s, g->grammar);
    if (err) return err;
    rng *random = sampler_stream(a->sampler);
    if (random->seed == s->random.seed) *random = s->random;
    session_last_bytes(s, s->n, prompt);
    if (a->divided) sections_begin(&a->sections, prompt, a->tool_stop);
    return 0;
}

int answer_new(answer **out, const wkv_session *s, const wkv_generation *g)
{
    *out = NULL;
    if (g->max_tokens < 0) return fail(WKV_EARG, "max_tokens is %d, expected 0 or more", g->max_tokens);
    if (g->top < 0 || g->top > s->model->rwkv.V)
        return fail(WKV_EARG, "top is %d, expected 0 to %d", g->top, s->model->rwkv.V);
    answer *a = calloc(1, sizeof *a);
    if (!a) return fail(WKV_ENOMEM, "no memory for an answer");
    a->max_tokens = g->max_tokens;
    a->stop = -1;
    a->divided = g->sections;
    a->scored = (scored){.on = g->scores, .top = g->scores ? g->top : 0};
    a->from = a->mark = s->n;
    const int err = fill(a, s, g);
    if (err)
        answer_free(a);
    else
        *out = a;
    return err;
}

void answer_free(answer *a)
{
    if (!a) return;
    wkv_sampler_free(a->sampler);
    stops_release(&a->stops);
    sections_release(&a->sections);
    scored_release(&a->scored);
    wkv_matcher_free(a->matcher);
    free(a->mask);
    wkv_state_free(a->kept);
    free(a->kept_hidden);
    free(a->ending);
    free(a->tool_stop);
    free(a->text);
    free(a);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static int reserve_text(answer *a, size_t bytes)
{
    if (a->cap - a->n >= bytes) return 0;
    const size_t cap = 2 * a->cap + bytes;
    char *text = realloc(a->text, cap);
    if (!text) return fail(WKV_ENOMEM, "no memory for %zu bytes of an answer", cap);
    a->text = text, a->cap = cap;
    return 0;
}

/* Give text[shown .. end) to the events. A tool call may end inside it: *ended, and the text ends there. */
static int show(wkv_session *s, size_t end, int *ended)
{
    answer *a = s->answer;
    const size_t n = end - a->shown;
    size_t used = n;
    const int err = a->divided ? sections_put(&a->sections, &s->events, a->text + a->shown, n, &used)
                               : events_put(&s->events, WKV_EVENT_TEXT, a->text + a->shown, n);
    a->shown += used;
    *ended = a->divided && a->sections.kind == WKV_EVENT_DONE;
    if (*ended) a->n = a->shown;
    return err ? err : scored_show(&a->scored, &s->events, a->shown);
}

/* Keep the state from before the id that was just added, if that is the first with held-back text. */
static int keep_state(wkv_session *s)
{
    answer *a = s->answer;
    const size_t width = (size_t)s->model->rwkv.C;
    int err = a->kept ? 0 : wkv_state_new(&a->kept, s->model);
    if (!err && !a->kept_hidden && !(a->kept_hidden = malloc(width * sizeof *a->kept_hidden)))
        err = fail(WKV_ENOMEM, "no memory for a row of %zu channels", width);
    if (err) return err;
    memcpy(a->kept_hidden, s->hidden, width * sizeof *a->kept_hidden);
    a->has_kept = 1;
    return wkv_state_copy(a->kept, s->state);
}

static int is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* Stop strings are for words: in the arguments of a call they are data. */
static int in_call(const answer *a) { return a->divided && a->sections.kind == WKV_EVENT_TOOL_CALL; }

/* Add the text of the last id, and show the decided part. *reason: the answer has ended, if *ended. */
static int add_text(wkv_session *s, int *ended, wkv_finish_reason *reason)
{
    answer *a = s->answer;
    int err = reserve_text(a, wkv_decoder_room(s->tokenizer));
    if (err) return err;
    a->n += wkv_decode(&a->decoder, s->tokenizer, s->ids[s->n - 1], a->text + a->n);
    scored_place(&a->scored, a->n + (size_t)a->decoder.n);
    *reason = WKV_FINISH_STOP;
    const char *text = a->text + a->shown;
    const size_t left = a->n - a->shown, stop = in_call(a) ? a->n : a->shown + stops_find(&a->stops, text, left);
    if (stop < a->n) {
        a->stop = stops_at(&a->stops, a->text + stop, a->n - stop);
        a->n = stop;
        err = show(s, stop, ended);
        *ended = 1;
        return err;
    }
    err = show(s, a->n - (in_call(a) ? 0 : stops_begun(&a->stops, text, left)), ended);
    if (err || *ended) return err;
    const int replaced = a->ending && a->shown && is_blank(a->text[a->shown - 1]); /* by the ending, if it comes now */
    if (a->shown == a->n && !a->decoder.n && !replaced) {
        a->n = a->shown = 0;
        a->mark = s->n;
        a->has_kept = 0;
    } else if (!a->has_kept && (err = keep_state(s)))
        return err;
    *reason = WKV_FINISH_LENGTH;
    *ended = a->max_tokens && a->tokens == a->max_tokens;
    return 0;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* Text that the session keeps behind the mark: without trailing blanks if an ending follows. */
static size_t kept_bytes(const answer *a)
{
    size_t n = a->shown;
    while (a->ending && n && is_blank(a->text[n - 1])) n--;
    return n;
}

/* The number of ids from the mark on that spell the beginning of the text; *used: their bytes. */
static int ids_of(const wkv_session *s, const char *text, size_t n, size_t *used)
{
    int ids = 0;
    *used = 0;
    for (size_t bytes; s->answer->mark + ids < s->n; ids++, *used += bytes) {
        const char *p = wkv_token_bytes(s->tokenizer, s->ids[s->answer->mark + ids], &bytes);
        if (bytes > n - *used || memcmp(p, text + *used, bytes)) break;
    }
    return ids;
}

static int append(wkv_session *s, const char *text, size_t bytes)
{
    const int n = wkv_encode(s->tokenizer, text, bytes, NULL, 0);
    const int err = n < 0 ? n : session_reserve(s, n);
    if (!err) s->n += wkv_encode(s->tokenizer, text, bytes, s->ids + s->n, n);
    return err;
}

/* The ids become those of the text shown and the ending: sampled ids as far as they agree with it, then new ones. */
static int settle(wkv_session *s)
{
    answer *a = s->answer;
    const size_t ending = a->ending ? strlen(a->ending) : 0;
    int err = reserve_text(a, ending);
    if (err) return err;
    size_t n = kept_bytes(a), used;
    if (ending) memcpy(a->text + n, a->ending, ending);
    n += ending;
    s->n = a->mark + ids_of(s, a->text, n, &used);
    if (s->read > s->n) {
        CHECK(a->has_kept);
        if ((err = wkv_state_copy(s->state, a->kept))) return err;
        memcpy(s->hidden, a->kept_hidden, (size_t)s->model->rwkv.C * sizeof *s->hidden);
        s->read = a->mark;
    }
    return used < n ? append(s, a->text + used, n - used) : 0;
}

/* Show the held-back text, unless a stop string or a tool call ended the text. */
static int show_rest(wkv_session *s, wkv_finish_reason reason)
{
    answer *a = s->answer;
    int ended, err = reserve_text(a, sizeof a->decoder.wait);
    if (!err && reason != WKV_FINISH_STOP) {
        a->n += wkv_decode_end(&a->decoder, a->text + a->n);
        err = show(s, a->n, &ended);
    }
    return !err && a->divided ? sections_end(&a->sections, &s->events) : err;
}

/* The answer becomes a segment, or a part of the one before it, if that began or is an answer. */
static void add_segment(wkv_session *s, int failed)
{
    segment *last = s->segments.n ? &s->segments.at[s->segments.n - 1] : NULL;
    const int continues = last && last->kind != SEGMENT_TEXT && s->n > s->answer->from;
    if (continues && !failed)
        *last = (segment){s->n, SEGMENT_SAMPLED};
    else
        segments_add(&s->segments, s->n, failed ? SEGMENT_TEXT : SEGMENT_SAMPLED);
}

void answer_finish(wkv_session *s, wkv_finish_reason reason, int code)
{
    answer *a = s->answer;
    const int begun = a->tokens || s->read == s->n;
    if (reason != WKV_FINISH_FAILED && begun) {
        code = show_rest(s, reason);
        if (!code) code = settle(s);
        if (code) reason = WKV_FINISH_FAILED;
    }
    s->random = *sampler_stream(a->sampler);
    if (begun) add_segment(s, reason == WKV_FINISH_FAILED);
    s->sampled = a->tokens;
    s->answer = NULL;
    events_finish(&s->events, reason, reason == WKV_FINISH_STOP ? a->stop : -1, code);
    answer_free(a);
}

/* ---- one token --------------------------------------------------------------------------------------------------- */

/* Sample from the ids that may come next. */
static int32_t sample_grammar(answer *a, const float *logits)
{
    const int left = a->max_tokens ? a->max_tokens - a->tokens : 0;
    int err = wkv_matcher_mask(a->matcher, a->mask, left);
    const int32_t id = err ? err : wkv_sample_masked(a->sampler, logits, a->mask);
    if (id >= 0) err = wkv_matcher_accept(a->matcher, id);
    return err ? err : id;
}

/* An id, or a negative code. A logit of -infinity, which a sampler accepts, is an overflow here. */
static int32_t sample(const wkv_session *s, const float *logits)
{
    size_t bad;
    answer *a = s->answer;
    if (all_finite(logits, (size_t)s->model->rwkv.V, &bad))
        return a->matcher ? sample_grammar(a, logits) : wkv_sample(a->sampler, logits);
    return fail(WKV_EFORMAT,
                "%s: its logits are NaN or infinite; probably weights, an adapter or a state are too, after diverged "
                "training or an overflow in conversion",
                s->model->about.path ? s->model->about.path : "the model");
}

/* The output of the grammar is complete, and nothing else may come: no matter which model, here is the end. */
static int is_over(const answer *a) { return a->matcher && wkv_matcher_complete(a->matcher) == 2; }

void answer_sample(wkv_session *s, const float *logits)
{
    answer *a = s->answer;
    wkv_finish_reason reason;
    int ended = 0, err = session_reserve(s, 1);
    if (!err && is_over(a)) { /* the empty output */
        session_finish(s, WKV_FINISH_END, 0);
        return;
    }
    const int32_t id = err ? err : sample(s, logits);
    if (id < 0) {
        session_finish(s, WKV_FINISH_FAILED, id);
        return;
    }
    err = scored_add(&a->scored, id, logits, s->model->rwkv.V);
    if (!err && id == wkv_tokenizer_end(s->tokenizer)) {
        scored_place(&a->scored, a->n + (size_t)a->decoder.n);
        session_finish(s, WKV_FINISH_END, 0);
        return;
    }
    s->ids[s->n++] = id;
    s->sampled = ++a->tokens;
    if (!err) err = add_text(s, &ended, &reason);
    if (!err && a->matcher && (ended ? reason == WKV_FINISH_LENGTH : is_over(a))) ended = 1, reason = WKV_FINISH_END;
    if (err)
        session_finish(s, WKV_FINISH_FAILED, err);
    else if (ended)
        session_finish(s, reason, 0);
}
