/* answers.h - jobs that generate: a request becomes sessions, their events become the response of a dialect. */
#ifndef WKV_SERVE_ANSWERS_H
#define WKV_SERVE_ANSWERS_H

#include "engine.h"
#include "wkv_tools.h"

typedef struct answers answers;

/* The parts of an answer that some dialects number: thoughts, words, each call. */
typedef enum { ITEM_NONE, ITEM_REASONING, ITEM_TEXT, ITEM_CALL } item;

/* One answer to one prompt. */
typedef struct {
    wkv_session *session;
    int prompt;         /* its number                                                    */
    int leads;          /* the first to its prompt, which it reads for the others        */
    int ends, done;     /* there is nothing to generate; complete                        */
    const char *finish; /* "stop", "length", "tool_calls"                            */
    wkv_finish_reason why;
    int own_stops;    /* of the template, before those of the request               */
    const char *stop; /* the request's string that has ended it, NULL: none         */
    int sampled;
    item item; /* that goes on in a stream, and the number of those before it  */
    int items;
    out text, reasoning;     /* of a whole response                                      */
    wkv_call_reader *reader; /* of its calls; NULL: none yet                             */
    int n_calls;
    char call_id[32], call_name[80]; /* of the latest call                              */
    out arguments, calls;            /* of the latest call; the complete ones, in the form of the dialect */
    out tokens[4];                   /* log-probabilities, in the lists of the dialect           */
    int n_tokens;                    /* in each list                                             */
    size_t characters;               /* of the tokens so far                                     */
    /* echo with log-probabilities: the tokens of the prompt, with the `top` most probable ones (echo.c) */
    wkv_token_score *scores, *top;
    int scored, to_score;
} choice;

/* The form of a response. Pieces are appended to a->piece, which is sent as a stream's event where the request
 * streams. */
typedef struct {
    const char *prefix;                                                  /* of the answer's id: "chatcmpl-" */
    int (*read)(request *r, const char *body, size_t bytes, problem *p); /* request.h */
    int (*follow)(answers *a, problem *p); /* behind read: earlier requests that the server knows; NULL: none */
    void (*begin)(answers *a);             /* the sessions exist    */
    void (*open)(answers *a, choice *c);   /* an item of a stream begins: c->item; NULL: the dialect has none   */
    void (*close)(answers *a, choice *c);  /* ... and ends                                                     */
    void (*part)(answers *a, choice *c, int reasoning, const char *text, size_t n); /* of a stream           */
    void (*call)(answers *a, choice *c, const wkv_call_part *part);                 /* c->call_id, c->call_name     */
    void (*token)(answers *a, choice *c, const wkv_token_score *t, int top); /* with log-probabilities; t[1 + top] */
    void (*end)(answers *a, choice *c);                                      /* of a stream's choice  */
    void (*finish)(answers *a);                                              /* all choices are done  */
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
    int asked, saves;              /* a turn of a session: its question is read; its answer is on the way to the disk */
    int left;                      /* its client has left: the answer ends here */
    int prompt, cached;            /* tokens */
    int events, thought;           /* of responses.c: events sent, tokens of thoughts */
    int64_t given, started, first; /* microseconds: its model was asked, it has begun to read, and to answer */
    engine *e;                     /* while it works */
    struct grammar *form;          /* of the answers (grammars.h); NULL: any text */
    struct kept *kept;             /* a session of the store goes on (kept.h); NULL: none */
    out answer;                    /* its answer's text                                    */
    out state;                     /* for the client to hold, in quotes; empty: none       */
    out piece;
};

/* Read the body as a request, and give it to the model's engine as a job. The exchange is refused otherwise. */
void answers_give(exchange *x, const dialect *how);

/* From a request to the batcher (answers_begin.c): make its sessions; read a prompt, or the rest of it, and answer;
 * begin the other answers to a prompt that was read once with copies of its state. Codes of the library, except of
 * answers_begin: 0, or -1 with the problem. */
int answers_begin(answers *a, problem *p);
int answers_start(answers *a, choice *c);
int answers_fork(answers *a, choice *lead);

/* The prompt before its answer (echo.c): with log-probabilities its tokens are scored first, 64 at a time, and then
 * read. echo_begin: 0 or a code of the library; echo_work: the same; echo_show gives the prompt to the dialect. */
int echo_begin(const answers *a, choice *c);
int echo_work(answers *a);
void echo_show(answers *a, choice *c);

/* Another item of a stream begins, or with ITEM_NONE none: the one that goes on ends. */
void answers_turn(answers *a, choice *c, item to);

/* A part of a call's text, to the dialect (calls.c). WKV_ENOMEM */
int calls_take(answers *a, choice *c, const char *text, size_t n);
void calls_end(answers *a, choice *c); /* the answer is complete */

/* An event of its type, whose object has further members up to its end (answers.c). */
void answers_begin_event(answers *a, const char *type);
void answers_end_event(answers *a);

/* The arguments of a call as JSON: {} in place of a text that is none. */
void answers_object(out *o, const out *arguments);

/* Log-probabilities in JSON (logprobs.c): an object of a chat, and the four lists of a completion. */
void logprobs_chat(out *o, const answers *a, const wkv_token_score *t, int top);
void logprobs_completion(answers *a, choice *c, const wkv_token_score *t, int top);

/* ", \"state\": ..., \"session\": ..., \"message\": ..." for a response that has them. */
void answers_extras(const answers *a, out *o);

/* Tokens of the prompts, of the answers, found in the cache: {"prompt_tokens": ...}. */
void answers_usage(const answers *a, out *o);

/* The prompt that a request becomes (prompt_report.c): the model's engine makes it, and `put` writes the response. */
typedef struct {
    int n; /* tokens */
    const char *text;
    size_t bytes;
} prompt_report;
void prompt_report_give(exchange *x, int (*read)(request *r, const char *body, size_t bytes, problem *p),
                        void (*put)(out *o, const prompt_report *r));

/* Append the segments of a conversation to a session, with the sampled ids of its answers where the cache knows them.
 * Returns 0 or a code of the library. */
int chat_append(const engine *e, wkv_session *s, const request *r);
/* The same for a turn of a stored session: its system texts, and its question. */
int chat_append_opening(const engine *e, wkv_session *s, const request *r);
int chat_append_question(const engine *e, wkv_session *s, const request *r);
/* This question: the last message, or the results of calls at the end. The first message of it, and its text. */
int chat_question(const request *r);
void chat_question_text(out *text, const request *r);

#endif
