/* request_memory.h - the readers of the dialects share fields, and memory that lasts as long as the request. */
#ifndef WKV_SERVE_REQUEST_MEMORY_H
#define WKV_SERVE_REQUEST_MEMORY_H

#include "request.h"

int request_begin(request *r, const char *body, size_t bytes, problem *p);
void *request_take(request *r, size_t bytes, problem *p); /* NULL with the problem: no memory */
/* A text that the request owns; the text given is freed, and may be NULL: no memory. */
const char *request_keep(request *r, char *text, problem *p);

/* ---- settings ---------------------------------------------------------------------------------------------------- */

int request_settings(request *r, problem *p); /* the fields that OpenAI's dialects share, from r->body */
int request_sampling(request *r, const json_t *o, problem *p); /* temperature and the others, seed, logit_bias */
int request_stops(request *r, const json_t *o, const char *name, problem *p); /* a string or several */
/* The length of thoughts by a word of reasoning_effort; `name` is the field that has it. */
int request_think(request *r, const char *word, const char *name, problem *p);
int request_format(request *r, problem *p);                       /* response_format */
int request_schema(request *r, const json_t *schema, problem *p); /* of the answer */

/* The field `name` as prompts: a string, an array of strings, of ids, or of arrays of ids. */
int request_prompts(request *r, const char *name, problem *p);

/* ---- messages ---------------------------------------------------------------------------------------------------- */

int request_messages(request *r, problem *p); /* `messages` of OpenAI's chats */
int request_message(request *r, speaker who, const char *text, const char *calls, problem *p); /* append */
/* A content: a string, or parts with texts one after another; `name` is its field. 501: a part of another type. */
int request_content(const char **text, request *r, const json_t *content, const char *name, problem *p);
int request_part(const char **text, const json_t *part, const char *name, problem *p); /* one of them */
/* The last message is a question, the results of calls, or an answer to go on with; `name` is the field of messages. */
int request_check_last(const request *r, const char *name, problem *p);

/* The calls of an answer as JSON. Arguments are an object, or JSON as a string; `name` is the field of the call. */
typedef struct {
    out text;
    int n;
} call_list;

int request_call(call_list *l, request *r, const char *function, const json_t *arguments, const char *name, problem *p);
int request_calls_end(const char **to, call_list *l, request *r, problem *p); /* NULL: there were none */

/* ---- tools ------------------------------------------------------------------------------------------------------- */

int request_tools(request *r, problem *p); /* tools, tool_choice, parallel_tool_calls of OpenAI's chats */
/* The functions that may be called, in the form of wkv_tools_new; an empty list: none. */
int request_functions(request *r, const json_t *list, problem *p);
int request_choice(request *r, int *none, const char *word, problem *p); /* "none", "auto" or "required" */
int request_function(request *r, const char *name, problem *p);          /* this one must be called */
/* {"type": "allowed_tools", ...}: the object with its mode and its tools; NULL: another choice */
const json_t *request_allowed(const json_t *choice);
int request_is_allowed(const json_t *choice, const json_t *tool);          /* by that choice; others allow all */
int request_mode(request *r, int *none, const json_t *choice, problem *p); /* of that choice */
int request_check_choice(request *r, int none, problem *p);                /* at the end; none: no tools are used */

#endif
