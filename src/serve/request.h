/* request.h - the request of a client, in one form for all dialects: a conversation or prompts, sampling, limits.
 *
 * Fields that were sent override the model's own settings; a field that was not sent stays NAN, -1 or NULL. */
#ifndef WKV_SERVE_REQUEST_H
#define WKV_SERVE_REQUEST_H

#include "fields.h"
#include "wkv_tools.h"

enum { REQUEST_STOPS = 16, REQUEST_CHOICES = 16, REQUEST_PROMPTS = 128, REQUEST_TOP = 20 };

typedef enum { SPEAKER_SYSTEM, SPEAKER_USER, SPEAKER_ASSISTANT, SPEAKER_TOOL } speaker;

typedef struct {
    speaker who;
    const char *text;
    const char *calls; /* of the assistant: calls of functions as JSON, behind its text; NULL: none */
} message;

/* A text or ids. */
typedef struct {
    const char *text; /* NULL: ids */
    const int32_t *ids;
    int n; /* bytes or ids */
} prompt;

typedef struct {
    json_t *body;                  /* owns most texts             */
    struct request_memory *memory; /* owns the rest             */
    const char *model;             /* NULL: the first of the server */
    message *messages;
    int n_messages, cap_messages;
    prompt *prompts;
    int n_prompts;
    wkv_think think;
    /* temperature, top_p, min_p, typical_p, penalties: NAN, top_k: -1 where not sent; bias lists; without a seed */
    wkv_sampler_options sampler;
    int seeded;
    uint64_t seed;
    int max_tokens; /* -1: not sent                                 */
    int n;          /* answers to each prompt                       */
    const char *stops[REQUEST_STOPS];
    int n_stops;
    int logprobs; /* the most probable tokens to report beside the sampled one; -1: no log-probabilities */
    int echo, stream, usage, return_state;
    wkv_tools *tools;        /* functions that the answer may call; NULL: none */
    const char *tools_text;  /* the same as JSON                               */
    const char *tool_list;   /* the same for the prompt                        */
    const char *function;    /* the only one that may be called; NULL: any     */
    int must_call, one_call; /* an answer in words is not allowed; no second call */
    const char *schema;      /* JSON Schema of an answer in words; NULL: any text */
    const char *state;       /* a state that the client holds (held.h); NULL: none */
    const char *previous;    /* the response that /v1/responses goes on from; NULL: none */
    int store;               /* keep the response for that                              */
    /* of wkv_store.h: the session that goes on, the message it goes on from, a question to ask anew; NULL: none */
    const char *session, *parent, *edit;
    int branch; /* go on from `parent` or `edit` wherever the head is */
} request;

/* Read a body. Returns 0, or -1 with the problem. The request is to be released in either case. */
int request_chat(request *r, const char *body, size_t bytes, problem *p);
int request_anthropic(request *r, const char *body, size_t bytes, problem *p); /* /v1/messages */
int request_ollama_chat(request *r, const char *body, size_t bytes, problem *p);
int request_ollama_generate(request *r, const char *body, size_t bytes, problem *p);
/* /v1/responses: all but the input; and then the messages of earlier items and of the input. */
int request_responses(request *r, const char *body, size_t bytes, problem *p);
int request_items(request *r, const json_t *earlier, problem *p);
int request_llama_completion(request *r, const char *body, size_t bytes, problem *p);
int request_completion(request *r, const char *body, size_t bytes, problem *p);
/* The field `input` as prompts; *base64: the encoding. */
int request_embeddings(request *r, const char *input, int *base64, const char *body, size_t bytes, problem *p);
void request_release(request *r);

/* The sampler of a request that sends no settings, before the model's own fill them (wkv_profile_fill). */
wkv_sampler_options request_no_sampler(void);

#endif
