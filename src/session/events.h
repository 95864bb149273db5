/* events.h - the events of a session: pieces of text of one kind each, until the caller takes them. */
#ifndef WKV_SESSION_EVENTS_H
#define WKV_SESSION_EVENTS_H

#include "wkv_session.h"

typedef struct {
    wkv_event_kind kind;
    size_t at, bytes; /* in `text`, and a zero byte behind them; TOKEN: in `scores`, and their number */
} piece;

typedef struct {
    char *text;
    size_t n, cap;
    wkv_token_score *scores;
    size_t n_scores, cap_scores;
    piece *pieces;
    int n_pieces, cap_pieces, taken; /* pieces[0 .. taken) were given to the caller */
    int done;                        /* DONE follows the pieces                     */
    wkv_finish_reason reason;
    int stop; /* with STOP: the number of the stop string, -1: none */
    int code;
    char error[512];
} events;

/* Append text to the last piece, if it has this kind and was not taken, or as a new one. WKV_ENOMEM */
int events_put(events *e, wkv_event_kind kind, const char *text, size_t bytes);
/* A token and the n - 1 most probable ones. WKV_ENOMEM */
int events_put_token(events *e, const wkv_token_score *scores, int n);
/* DONE; with FAILED the code and wkv_error() of this thread are kept. */
void events_finish(events *e, wkv_finish_reason reason, int stop, int code);
int events_next(events *e, wkv_event *out); /* 1: an event; 0: none */
void events_release(events *e);

#endif
