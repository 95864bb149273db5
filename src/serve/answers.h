/* answers.h - jobs that generate: a request becomes sessions, their events become the response of a dialect. */
#ifndef WKV_SERVE_ANSWERS_H
#define WKV_SERVE_ANSWERS_H

#include "engine.h"

typedef struct answers answers;

/* One answer to one prompt. */
typedef struct {
    wkv_session *session;
    int prompt;     /* its number                                                    */
    int leads;      /* the first to its prompt, which it reads for the others        */
    int busy, done; /* in the batcher; complete                                      */
    const char *finish; /* "stop", "length"                                          */
    int sampled;
    out text, reasoning; /* of a whole response                                      */
    out tokens[4];       /* log-probabilities, in the lists of the dialect           */
    int n_tokens;
    size_t offset; /* bytes of its text so far                                       */
} choice;

/* The form of a response. Pieces are appended to a->piece, which is sent as a stream's event where the request
 * streams. */
typedef struct {
    const char *prefix; /* of the answer's id: "chatcmpl-" */
    void (*begin)(answers *a);                                                       /* the sessions exist    */
    void (*part)(answers *a, choice *c, int reasoning, const char *text, size_t n);  /* of a stream           */
    void (*token)(answers *a, choice *c, const wkv_event *e);                        /* with log-probabilities */
    void (*end)(answers *a, choice *c);                                              /* of a stream's choice  */
    void (*finish)(answers *a);                                                      /* all choices are done  */
} dialect;

struct answers {
    job j;
    request r;
    const dialect *how;
    char id[48];
    int64_t created;
    choice *choices;
    int n;
    int begun;
    int prompt, cached; /* tokens */
    engine *e;          /* while it works */
    out piece;
};

/* Make a job of a request, which it owns from here on, and give it to the model's engine. The exchange is refused
 * otherwise. */
void answers_give(exchange *x, request *r, const dialect *how);

/* Tokens of the prompts, of the answers, found in the cache: {"prompt_tokens": ...}. */
void answers_usage(const answers *a, out *o);

/* Append the segments of a conversation to a session, with the sampled ids of its answers where the cache knows them.
 * Returns 0 or a code of the library. */
int chat_append(const engine *e, wkv_session *s, const request *r);

#endif
