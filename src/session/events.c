/* events.c - a queue of pieces of text. */
#include "session/events.h"
#include "base/error.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int grow_pieces(events *e)
{
    if (e->n_pieces < e->cap_pieces) return 0;
    const int cap = 2 * e->cap_pieces + 4;
    piece *pieces = realloc(e->pieces, sizeof *pieces * (size_t)cap);
    if (!pieces) return fail(WKV_ENOMEM, "no memory for %d events", cap);
    e->pieces = pieces, e->cap_pieces = cap;
    return 0;
}

static int grow(events *e, size_t bytes)
{
    if (e->n + bytes + 1 > e->cap) {
        const size_t cap = 2 * e->cap + bytes + 64;
        char *text = realloc(e->text, cap);
        if (!text) return fail(WKV_ENOMEM, "no memory for %zu bytes of an answer", cap);
        e->text = text, e->cap = cap;
    }
    return grow_pieces(e);
}

int events_put(events *e, wkv_event_kind kind, const char *text, size_t bytes)
{
    if (!bytes) return 0;
    const int err = grow(e, bytes);
    if (err) return err;
    if (e->taken == e->n_pieces || e->pieces[e->n_pieces - 1].kind != kind)
        e->pieces[e->n_pieces++] = (piece){.kind = kind, .at = e->n};
    else
        e->n--; /* the zero byte behind the piece */
    memcpy(e->text + e->n, text, bytes);
    e->n += bytes;
    e->text[e->n++] = 0;
    e->pieces[e->n_pieces - 1].bytes += bytes;
    return 0;
}

int events_put_token(events *e, const wkv_token_score *scores, int n)
{
    if (e->n_scores + (size_t)n > e->cap_scores) {
        const size_t cap = 2 * e->cap_scores + (size_t)n;
        wkv_token_score *more = realloc(e->scores, cap * sizeof *more);
        if (!more) return fail(WKV_ENOMEM, "no memory for the probabilities of %zu tokens", cap);
        e->scores = more, e->cap_scores = cap;
    }
    const int err = grow_pieces(e);
    if (err) return err;
    memcpy(e->scores + e->n_scores, scores, (size_t)n * sizeof *scores);
    e->pieces[e->n_pieces++] = (piece){.kind = WKV_EVENT_TOKEN, .at = e->n_scores, .bytes = (size_t)n};
    e->n_scores += (size_t)n;
    return 0;
}

void events_finish(events *e, wkv_finish_reason reason, int stop, int code)
{
    e->done = 1;
    e->reason = reason;
    e->stop = stop;
    e->code = code;
    snprintf(e->error, sizeof e->error, "%s", reason == WKV_FINISH_FAILED ? wkv_error() : "");
}

int events_next(events *e, wkv_event *out)
{
    if (e->taken < e->n_pieces) {
        const piece *p = &e->pieces[e->taken++];
        if (p->kind == WKV_EVENT_TOKEN) {
            *out = (wkv_event){
                .kind = p->kind, .text = "", .token = e->scores + p->at, .top = (int)p->bytes - 1, .error = ""};
            return 1;
        }
        *out = (wkv_event){.kind = p->kind, .text = e->text + p->at, .bytes = p->bytes, .error = ""};
        return 1;
    }
    e->n = e->n_scores = 0;
    e->n_pieces = e->taken = 0;
    *out = (wkv_event){.kind = WKV_EVENT_DONE,
                       .text = "",
                       .finish_reason = e->reason,
                       .stop = e->stop,
                       .code = e->code,
                       .error = e->error};
    if (!e->done) return 0;
    e->done = 0;
    return 1;
}

void events_release(events *e)
{
    free(e->text);
    free(e->scores);
    free(e->pieces);
}
