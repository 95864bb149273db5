/* writer.c - the loop around a batcher with one session. */
#include "writer.h"
#include "say.h"
#include <stdlib.h>
#include <string.h>

int writer_read(wkv_batcher *b, wkv_session *s, const char *what)
{
    const int from = wkv_session_about(s).read, n = wkv_session_about(s).n - from;
    progress bar;
    wkv_event e;
    int status = wkv_batcher_add(b, s, NULL) ? complain_library() : 0;
    progress_begin(&bar, what);
    while (wkv_batcher_pending(b) && !status) {
        if (interrupted)
            status = 130;
        else if (wkv_batcher_step(b)) {
            progress_end(&bar);
            status = complain_library();
        }
        const int read = wkv_session_about(s).read - from;
        progress_at(&bar, read, n, "%d of %d tokens", read, n);
    }
    progress_end(&bar);
    wkv_session_cancel(s);
    while (wkv_session_next_event(s, &e)) continue;
    return status;
}

/* ---- printing ---------------------------------------------------------------------------------------------------- */

/* Reasoning is dimmed, between its marks. */
static void begin_section(wkv_event_kind *now, wkv_event_kind next)
{
    if (*now == next) return;
    if (*now == WKV_EVENT_REASONING) put_text("\n</think>%s\n", plain(1));
    if (next == WKV_EVENT_REASONING) put_text("%s<think>\n", dim(1));
    *now = next;
}

static void keep(written *w, const wkv_event *e)
{
    const size_t n = w->text ? strlen(w->text) : 0;
    char *text = realloc(w->text, n + e->bytes + 1);
    if (!text) {
        free(w->text);
        w->text = NULL;
        return;
    }
    memcpy(text + n, e->text, e->bytes);
    text[n + e->bytes] = 0;
    w->text = text;
}

/* Print the events of s. Returns -1 when the output is closed. */
static int print(written *w, wkv_session *s, wkv_event_kind *section, wkv_event *last)
{
    int any = 0;
    while (wkv_session_next_event(s, last) && last->kind != WKV_EVENT_DONE) {
        begin_section(section, last->kind);
        put(last->text, last->bytes);
        if (last->kind == WKV_EVENT_TEXT) keep(w, last);
        any = 1;
    }
    return any ? put_flush() : 0;
}

static int fail_answer(const engine *e, const wkv_event *done)
{
    return done->code == WKV_EFORMAT ? complain_logits(e->model) : complain("%s", done->error);
}

written writer_answer(engine *e, wkv_batcher *b, wkv_session *s, const wkv_generation *g)
{
    const double begun = seconds_now();
    wkv_event_kind section = WKV_EVENT_TEXT;
    wkv_event done = {0};
    written w = {.reason = WKV_FINISH_FAILED, .text = strdup("")};
    if (wkv_batcher_add(b, s, g)) {
        complain_library();
        return w;
    }
    while (wkv_batcher_pending(b)) {
        if (interrupted || w.closed)
            wkv_session_cancel(s);
        else if (wkv_batcher_step(b)) {
            complain_library();
            return w;
        }
        if (print(&w, s, &section, &done)) w.closed = 1;
    }
    w.reason = done.finish_reason;
    w.tokens = wkv_session_about(s).sampled;
    w.seconds = seconds_now() - begun;
    if (section == WKV_EVENT_REASONING) put_text("%s", plain(1));
    if (w.reason == WKV_FINISH_FAILED) {
        put_flush();
        fail_answer(e, &done);
        w.hopeless = done.code != WKV_ENOMEM;
    }
    return w;
}
