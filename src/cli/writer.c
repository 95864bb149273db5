/* writer.c - the sampling loop. */
#include "writer.h"
#include "say.h"
#include <stdlib.h>
#include <string.h>

/* The offset of the first stop string in text[0 .. n); n: none. */
static size_t find_stop(const writer *w, const char *text, size_t n)
{
    for (size_t at = 0; at < n; at++)
        for (int i = 0; i < w->n_stops; i++) {
            size_t length = strlen(w->stops[i]);
            if (length && length <= n - at && !memcmp(text + at, w->stops[i], length)) return at;
        }
    return n;
}

/* Bytes at the end of text[0 .. n) that may begin a stop string. */
static size_t may_stop(const writer *w, const char *text, size_t n)
{
    size_t most = 0;
    for (int i = 0; i < w->n_stops; i++) {
        size_t length = strlen(w->stops[i]);
        for (size_t k = length ? length - 1 : 0; k > most; k--)
            if (k <= n && !memcmp(text + n - k, w->stops[i], k)) {
                most = k;
                break;
            }
    }
    return most;
}

static int show_until(writer *w, size_t end)
{
    int left = end > w->shown && w->show(w->user, w->text + w->shown, end - w->shown);
    w->shown = end;
    return left;
}

static int reserve(writer *w, size_t needed)
{
    if (w->cap - w->n >= needed) return 0;
    char *text = realloc(w->text, w->cap * 2 + needed);
    if (!text) return complain("out of memory");
    w->text = text;
    w->cap = w->cap * 2 + needed;
    return 0;
}

static finish_reason write_tokens(writer *w)
{
    engine *e = w->e;
    const size_t needed = wkv_decoder_room(e->tokenizer);
    const int32_t end_of_text = wkv_tokenizer_end(e->tokenizer);
    while (!w->limit || w->tokens < w->limit) {
        if (interrupted) return END_INTERRUPT;
        /* -infinity is an error here, although the sampler accepts it */
        const int finite = logits_finite(e->logits, (size_t)e->about->vocab);
        const int32_t id = finite ? wkv_sample(w->sampler, e->logits) : -1;
        if (id < 0) {
            if (finite)
                complain_library();
            else
                complain_logits(e->model);
            return END_LOGITS;
        }
        if (id == end_of_text) return END_TEXT;
        if (reserve(w, needed)) return END_FAILED;
        w->n += wkv_decode(&w->decoder, e->tokenizer, id, w->text + w->n);
        w->tokens++;

        const size_t stop = w->shown + find_stop(w, w->text + w->shown, w->n - w->shown);
        if (stop < w->n) {
            w->n = stop;
            return show_until(w, stop) ? END_OUTPUT : END_STOP;
        }
        if (show_until(w, w->n - may_stop(w, w->text + w->shown, w->n - w->shown))) return END_OUTPUT;

        const int all_shown = w->shown == w->n && !w->decoder.n;
        if (w->mark && !w->marked && !all_shown) {
            if (wkv_state_copy(w->mark, e->state)) goto failed;
            w->marked = 1;
        }
        if (w->tokens == w->limit && !w->mark) return END_LIMIT; /* the text ends with this token */
        if (wkv_eval(e->context, e->state, &id, 1, e->logits)) goto failed;
        if (all_shown) w->n = w->shown = 0, w->marked = 0;
    }
    return END_LIMIT;
failed:
    complain_library();
    return END_FAILED;
}

finish_reason writer_run(writer *w)
{
    const double begun = seconds_now();
    finish_reason how = write_tokens(w);
    w->seconds += seconds_now() - begun;
    if (how == END_OUTPUT || how == END_LOGITS || how == END_FAILED || how == END_STOP) return how;
    if (reserve(w, sizeof w->decoder.wait)) return END_FAILED;
    w->n += wkv_decode_end(&w->decoder, w->text + w->n);
    return show_until(w, w->n) ? END_OUTPUT : how;
}

int writer_settle(writer *w, const char *separator)
{
    size_t n = w->shown, more = strlen(separator);
    if (w->marked) {
        while (n && strchr(" \t\r\n", w->text[n - 1])) n--;
        if (wkv_state_copy(w->e->state, w->mark)) return complain_library();
    }
    w->marked = 0;
    if (reserve(w, more)) return 1;
    memcpy(w->text + n, separator, more);
    int32_t *ids;
    int count = engine_encode(w->e->tokenizer, 0, w->text, n + more, &ids);
    int status = count < 0;
    if (count > 0 && wkv_eval(w->e->context, w->e->state, ids, count, NULL)) status = complain_library();
    free(ids);
    return status;
}

void writer_free(writer *w) { free(w->text); }
